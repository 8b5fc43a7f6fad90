"""What the page to label crops asks for: which there are, each of them, and where one belongs."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..watch.unsure_crops import LABELLED, SORTED, UNSORTED
from .bench import Body, Do, json_of

Endpoint = Callable[[Request], Awaitable[Response]]

_NAME = re.compile(r"[0-9A-Za-z_-]{1,100}\.png")
# The label that deletes a crop.
_DELETE = "delete"


@dataclass(frozen=True)
class Pile:
    """The folder of `UnsureCrops`, whose crops are labelled one by one."""

    folder: Path
    name: str = "label"

    def routes(self, do: Do, body: Body) -> list[Route]:
        """Returns the routes of the page's requests."""
        del do
        return [
            Route("/crops", self._list),
            Route("/crops/{name}", self._show),
            Route("/crops/{name}", self._label(body), methods=["POST"]),
        ]

    async def _list(self, _request: Request) -> Response:
        names = sorted(path.name for path in self._unsorted.iterdir() if _NAME.fullmatch(path.name))
        return JSONResponse({"crops": names, "labels": [*LABELLED]})

    async def _show(self, request: Request) -> Response:
        return Response(self._path(request).read_bytes(), media_type="image/png")

    def _label(self, body: Body) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            label = json_of(request, await body(request))
            path = self._path(request)
            if label == _DELETE:
                path.unlink()
            elif label in LABELLED:
                path.replace(self.folder / SORTED / label / path.name)
            else:
                raise HTTPException(400, f"Expected one of {[*LABELLED, _DELETE]}. Received: {str(label)[:100]}")
            return JSONResponse({"label": label})

        return endpoint

    @property
    def _unsorted(self) -> Path:
        return self.folder / UNSORTED

    def _path(self, request: Request) -> Path:
        name = str(request.path_params["name"])
        path = Path(self._unsorted, name)
        if not (_NAME.fullmatch(name) and path.is_file()):
            raise HTTPException(404)
        return path
