"""What the page to draw fields asks for: the picture, the fields in the file, what is read of them, saving them."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..arrays import Image
from ..fields.field import Field, Fields
from ..fields.reader import FieldReader
from ..files import toml_tables
from ..runner import Runner
from .bench import Body, Do, json_of
from .jpeg import jpeg_of

_MAX_FIELDS = 100
# The picture is shown at this size at most; it is read at its own.
_MAX_SIDE_PX = 1600
_JPEG_QUALITY = 88

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, eq=False)
class Sheet:
    """A picture `<uint8>[h, w, 3]` to draw fields on, those that there are already, and the file to save them to."""

    picture: Image
    fields: tuple[Field, ...]
    path: Path
    name: str = "fields"

    def routes(self, do: Do, body: Body) -> list[Route]:
        """Returns the routes of the page's requests."""
        return [
            Route("/picture", self._picture()),
            Route("/fields", self._describe),
            Route("/fields", self._try(do, body), methods=["POST"]),
            Route("/fields", self._save(body), methods=["PUT"]),
        ]

    def _picture(self) -> Endpoint:
        jpeg = jpeg_of(self.picture, _MAX_SIDE_PX, _JPEG_QUALITY)

        async def endpoint(_request: Request) -> Response:
            return Response(jpeg, media_type="image/jpeg")

        return endpoint

    async def _describe(self, _request: Request) -> Response:
        height, width = self.picture.shape[:2]
        known = [dataclasses.asdict(field) for field in self.fields]
        return JSONResponse({"width": width, "height": height, "path": str(self.path), "fields": known})

    def _try(self, do: Do, body: Body) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            tables = _tables(json_of(request, await body(request)))
            return JSONResponse(await do(lambda runner: [_read(runner, self.picture, table) for table in tables]))

        return endpoint

    def _save(self, body: Body) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            tables = _tables(json_of(request, await body(request)))
            try:
                fields = _fields(tables)
                fields.write(self.path)
            except (OSError, ValueError) as error:
                raise HTTPException(400, str(error)) from error
            return JSONResponse({"path": str(self.path), "fields": len(fields.field)})

        return endpoint


def _tables(tables: Any) -> list[Any]:
    if not isinstance(tables, list) or len(tables) > _MAX_FIELDS:
        raise HTTPException(400, f"Expected a list of up to {_MAX_FIELDS} fields. Received: {str(tables)[:100]}")
    return tables


def _fields(tables: list[Any]) -> Fields:
    return toml_tables.from_tables({"field": tables}, Fields)


def _read(runner: Runner, picture: Image, table: Any) -> dict[str, Any]:
    """Returns what is read of a field, or why it is none."""
    try:
        (field,) = _fields([table]).field
        number = FieldReader(runner).read(field, picture)
    except ValueError as error:
        return {"error": str(error)}
    digits = [digit.as_json() for digit in number.digits]
    return {"text": number.text, "value": number.value, "digits": digits}
