"""What is served: the page, its parts, the model's facts, a reading of what is posted, and a source's states.

Not the server (`device.web.server`), and not who may ask (`device.web.access`). `page/openapi.json` describes every
path.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from .. import __version__
from ..runner import Runner
from ..vision.finder import Finder
from .messages import answer
from .runner_thread import BusyError, RunnerThread
from .upload import MAX_BYTES, TooLargeError, Upload, read_png, read_raw
from .viewers import MAX_VIEWERS, Viewers

_PAGE = Path(__file__).parent / "page"
_TYPES = MappingProxyType(
    {
        ".html": "text/html; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".svg": "image/svg+xml",
    }
)
_PARTS = frozenset(_TYPES) - {".html"}
_FINDER = Finder()
_UPLOADS: Mapping[str, Callable[[bytes], Upload]] = MappingProxyType(
    {"image/png": lambda content: read_png(content, _FINDER), "application/octet-stream": read_raw}
)
_BODY_S = 10.0
_RETRY_S = 1

log = logging.getLogger(__name__)


def application(thread: RunnerThread, facts: dict[str, Any], viewers: Viewers | None) -> Starlette:
    """Returns the ASGI application.

    Args:
        thread: reads what is posted.
        facts: the model's, as `device.web.messages.model` gives them.
        viewers: those of the source; None where none is watched, and a canvas to draw on is the page.
    """
    routes = [
        Route("/", _file("live.html" if viewers else "draw.html")),
        Route("/draw", _file("draw.html")),
        *(Route(f"/{path.name}", _file(path.name)) for path in sorted(_PAGE.iterdir()) if path.suffix in _PARTS),
        Route("/openapi.json", _facts(_description())),
        Route("/model", _facts(facts)),
        Route("/classify", _classify(thread), methods=["POST"]),
    ]
    if viewers is not None:
        routes.append(Route("/events", _events(viewers)))
    served = Starlette(routes=routes, exception_handlers={HTTPException: _refused, Exception: _failed})
    served.router.redirect_slashes = False
    return served


Endpoint = Callable[[Request], Awaitable[Response]]


def _file(name: str) -> Endpoint:
    path = _PAGE / name
    content = path.read_bytes()

    async def endpoint(_request: Request) -> Response:
        return Response(content, media_type=_TYPES[path.suffix])

    return endpoint


def _description() -> dict[str, Any]:
    description: dict[str, Any] = json.loads((_PAGE / "openapi.json").read_text())
    description["info"]["version"] = __version__
    return description


def _facts(facts: dict[str, Any]) -> Endpoint:
    async def endpoint(_request: Request) -> Response:
        return JSONResponse(facts)

    return endpoint


def _classify(thread: RunnerThread) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in _UPLOADS:
            raise HTTPException(415, f"Expected Content-Type {' or '.join(_UPLOADS)}. Received: {kind[:100]}")
        content = await _body(request)

        def job(runner: Runner) -> dict[str, Any]:
            return answer(runner, _UPLOADS[kind](content))

        try:
            return JSONResponse(await thread.do(job))
        except BusyError as error:
            raise _busy(str(error)) from error
        except TooLargeError as error:
            raise HTTPException(413, str(error)) from error
        except ValueError as error:
            raise HTTPException(400, str(error)) from error

    return endpoint


def _events(viewers: Viewers) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        if viewers.count >= MAX_VIEWERS:
            raise _busy(f"Expected at most {MAX_VIEWERS} viewers. Received: one more")
        return StreamingResponse(viewers.stream(), media_type="text/event-stream")

    return endpoint


async def _body(request: Request) -> bytes:
    try:
        return await asyncio.wait_for(_within_limit(request), _BODY_S)
    except asyncio.TimeoutError as error:
        raise HTTPException(408, f"Expected all of the body within {_BODY_S:g} s. Received a part") from error
    except ClientDisconnect as error:
        raise HTTPException(400, "Expected all of the body. Received a part") from error


async def _within_limit(request: Request) -> bytes:
    content = bytearray()
    announced = request.headers.get("content-length", "0")
    if int(announced) <= MAX_BYTES:
        async for chunk in request.stream():
            content += chunk
            if len(content) > MAX_BYTES:
                break
        else:
            return bytes(content)
    raise HTTPException(413, f"Expected a body of at most {MAX_BYTES:,} bytes. Received more")


def _busy(reason: str) -> HTTPException:
    return HTTPException(429, reason, {"Retry-After": str(_RETRY_S)})


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    reasons = {
        404: f"Expected a path of /openapi.json. Received: {request.scope['path'][:100]}",
        405: f"Expected another method. Received: {request.method[:100]}",
    }
    return JSONResponse(
        {"error": reasons.get(error.status_code, error.detail)}, error.status_code, dict(error.headers or {})
    )


async def _failed(_request: Request, error: Exception) -> Response:
    log.error("error: a request failed", exc_info=error)
    return JSONResponse({"error": "The server failed; its log says why"}, 500)
