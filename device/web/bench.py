"""Pages of their own beside the canvas and the live page: their names, and what they ask the server for."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Route

from ..runner import Runner

Body = Callable[[Request], Awaitable[bytes]]
Do = Callable[[Callable[[Runner], Any]], Awaitable[Any]]

_JSON = "application/json"


class Bench(Protocol):
    """A page to work at: `page/<name>.html` and `.js`, and the routes of its requests."""

    @property
    def name(self) -> str:
        """What its files are called."""

    def routes(self, do: Do, body: Body) -> list[Route]:
        """Returns its routes; `do` does a job with the runner, `body` reads a request's body."""


def json_of(request: Request, content: bytes) -> Any:
    """Returns a request's JSON; raises HTTPException for another type, which other sites may send, or no JSON."""
    kind = request.headers.get("content-type", "")
    if kind != _JSON:
        raise HTTPException(415, f"Expected Content-Type {_JSON}. Received: {kind[:100]}")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"Expected JSON. {error}") from error
