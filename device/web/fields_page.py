"""What the page to draw fields asks for: the picture, the fields in the file, what is read of them, saving them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .. import toml_tables
from ..arrays import Image
from ..fields.field import Field, Fields
from ..fields.reader import FieldReader
from ..runner import Runner

_JSON = "application/json"
_MAX_FIELDS = 100
# The picture is shown at this size at most; it is read at its own.
_MAX_SIDE_PX = 1600
_JPEG_QUALITY = 88

Body = Callable[[Request], Awaitable[bytes]]
Do = Callable[[Callable[[Runner], Any]], Awaitable[Any]]


@dataclass(frozen=True, eq=False)
class Sheet:
    """A picture `<uint8>[h, w, 3]` to draw fields on, those that there are already, and the file to save them to."""

    picture: Image
    fields: tuple[Field, ...]
    path: Path


def fields_routes(sheet: Sheet, do: Do, body: Body) -> list[Route]:
    """Returns the routes of the page's requests; `do` does a job with the runner, `body` reads a request's body."""
    height, width = sheet.picture.shape[:2]
    jpeg = _jpeg(sheet.picture)
    known = [dataclasses.asdict(field) for field in sheet.fields]
    described = {"width": width, "height": height, "path": str(sheet.path), "fields": known}

    async def picture(_request: Request) -> Response:
        return Response(jpeg, media_type="image/jpeg")

    async def describe(_request: Request) -> Response:
        return JSONResponse(described)

    async def try_them(request: Request) -> Response:
        tables = _tables(request, await body(request))
        return JSONResponse(await do(lambda runner: [_read(runner, sheet.picture, table) for table in tables]))

    async def save(request: Request) -> Response:
        tables = _tables(request, await body(request))
        try:
            fields = _fields(tables)
            fields.write(sheet.path)
        except (OSError, ValueError) as error:
            raise HTTPException(400, str(error)) from error
        return JSONResponse({"path": str(sheet.path), "fields": len(fields.field)})

    return [
        Route("/picture", picture),
        Route("/fields", describe),
        Route("/fields", try_them, methods=["POST"]),
        Route("/fields", save, methods=["PUT"]),
    ]


def _jpeg(picture: Image) -> bytes:
    height, width = picture.shape[:2]
    zoom = min(1.0, _MAX_SIDE_PX / max(height, width))
    size = (max(1, round(width * zoom)), max(1, round(height * zoom)))
    small = picture if zoom == 1 else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", small, (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))[1])


def _tables(request: Request, content: bytes) -> list[Any]:
    # Of other sites, a browser asks first before it sends this type.
    kind = request.headers.get("content-type", "")
    if kind != _JSON:
        raise HTTPException(415, f"Expected Content-Type {_JSON}. Received: {kind[:100]}")
    try:
        tables = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"Expected a list of fields as JSON. {error}") from error
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
