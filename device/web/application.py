"""The ASGI application: the pages, the model's description, readings of uploads, and the states of a source."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from string import Template
from types import MappingProxyType

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from .. import __version__
from ..contract.inputs import InputForm
from ..contract.predictions import answers_as_json
from ..runner import Runner
from .bench import Bench
from .connections import max_connections
from .messages import Model, answer_in, answer_to, encode, model_of
from .metrics import METRICS, exposition
from .openapi import description
from .runner_thread import BusyError, RunnerThread
from .upload import MAX_BYTES, PNG, RAW, TooLargeError, read_crop, read_image, read_input
from .viewers import MAX_VIEWERS, Viewers

_PAGE = Path(__file__).parent / "page"
_JSON = "application/json"
_TYPES = MappingProxyType(
    {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
)
_UPLOADS = (PNG, RAW)
_BODY_S = 10.0
_RETRY_S = 1

log = logging.getLogger(__name__)


def application(thread: RunnerThread, model: Model, viewers: Viewers | None, bench: Bench | None = None) -> Starlette:
    """Returns the ASGI application, which describes a model and reads uploads with it in a thread.

    Without viewers of a source, or another page to work at, "/" is the page to draw a digit on. There are pages for
    digits alone.
    """
    routes = [
        Route("/openapi.json", _content(encode(description(__version__, digits=model.digits)), _JSON)),
        Route("/model", _model(thread, model)),
        Route("/classify", _classify(thread, _digit if model.digits else _other), methods=["POST"]),
    ]
    if model.digits:
        routes += _pages("live" if viewers else "draw" if bench is None else bench.name)
    if viewers is not None:
        routes += [Route("/events", _events(viewers)), Route("/metrics", _metrics(viewers, thread, model))]
    if bench is not None:
        routes += bench.routes(thread.do, _body)
    served = Starlette(routes=routes, exception_handlers={HTTPException: _refused, Exception: _failed})
    served.router.redirect_slashes = False
    return served


Endpoint = Callable[[Request], Awaitable[Response]]


def _pages(first: str) -> list[Route]:
    parts = [path for path in sorted(_PAGE.iterdir()) if path.suffix in _TYPES]
    content = [Route(f"/{path.name}", _content(path.read_bytes(), _TYPES[path.suffix])) for path in parts]
    return [Route("/", _page(first)), Route("/draw", _page("draw")), *content]


def _digit(runner: Runner, kind: str, content: bytes) -> object:
    crop = read_crop(content, kind)
    return answer_in(runner, read_image(content)) if crop is None else answer_to(runner, crop)


def _other(runner: Runner, kind: str, content: bytes) -> object:
    return answers_as_json(runner.classify_all(read_input(content, kind, InputForm(runner.manifest))))


def _page(name: str) -> Endpoint:
    layout, main = ((_PAGE / f"{part}.html").read_text("utf-8") for part in ("layout", name))
    return _content(Template(layout).substitute(name=name, main=main).encode(), "text/html; charset=utf-8")


def _content(content: bytes, media_type: str) -> Endpoint:
    async def endpoint(_request: Request) -> Response:
        return Response(content, media_type=media_type)

    return endpoint


def _classify(thread: RunnerThread, answer: Callable[[Runner, str, bytes], object]) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in _UPLOADS:
            raise HTTPException(415, f"Expected Content-Type {' or '.join(_UPLOADS)}. Received: {kind[:100]}")
        content = await _body(request)

        def job(runner: Runner) -> bytes:
            return encode(answer(runner, kind, content))

        try:
            return Response(await thread.read(job), media_type=_JSON)
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
        # Half of the connections, so that the others can ask for something else.
        limit = min(MAX_VIEWERS, max_connections() // 2)
        if viewers.count >= limit:
            raise _busy(f"Expected at most {limit} viewers. Received: one more")
        return StreamingResponse(viewers.stream(), media_type="text/event-stream")

    return endpoint


def _model(thread: RunnerThread, first: Model) -> Endpoint:
    async def endpoint(_request: Request) -> Response:
        return Response(encode(await _described(thread, first)), media_type=_JSON)

    return endpoint


def _metrics(viewers: Viewers, thread: RunnerThread, first: Model) -> Endpoint:
    async def endpoint(_request: Request) -> Response:
        model = await _described(thread, first)
        return Response(exposition(viewers.current, model, time.monotonic()), media_type=METRICS)

    return endpoint


async def _described(thread: RunnerThread, first: Model) -> Model:
    """Returns the model that reads now, which a newer release may be; `first` while too much waits for it."""
    try:
        return await thread.do(lambda runner: model_of(runner, live=first.live))
    except BusyError:
        return first


async def _body(request: Request) -> bytes:
    try:
        return await asyncio.wait_for(_within_limit(request), _BODY_S)
    except asyncio.TimeoutError as error:
        raise HTTPException(408, f"Expected the whole body within {_BODY_S:g} s. Received a part") from error
    except ClientDisconnect as error:
        raise HTTPException(400, "Expected the whole body. Received a part") from error


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
        404: f"Expected one of the paths in /openapi.json. Received: {request.scope['path'][:100]}",
        405: f"Expected a method in the Allow header. Received: {request.method[:100]}",
    }
    reason = reasons.get(error.status_code, error.detail)
    return JSONResponse({"error": reason}, error.status_code, dict(error.headers or {}))


async def _failed(_request: Request, error: Exception) -> Response:
    log.error("error: a request failed", exc_info=error)
    return JSONResponse({"error": "Internal error; see the server's log"}, 500)
