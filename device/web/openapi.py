"""The OpenAPI description of the server, generated from the classes of its messages.

Source: https://spec.openapis.org/oas/v3.1.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from http import HTTPStatus
from types import MappingProxyType, NoneType, UnionType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from .messages import MESSAGES, Answer, Error, Model, State
from .metrics import METRICS
from .upload import MAX_BYTES, MAX_PIXELS

_TYPES: Mapping[type, str] = MappingProxyType(
    {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}
)
_JSON = "application/json"
# Every request may be refused with these.
_STATUSES = (401, 405, 421)
_MOST = f"{MAX_BYTES // 2**20} MiB and {MAX_PIXELS:,} pixels"
_UPLOADS = MappingProxyType(
    {
        "image/png": f"An image of one digit, of at most {_MOST}. A grey image of 28 x 28 pixels is "
        "read as a crop; in any other the digit is found first.",
        "application/octet-stream": "A crop: 28 rows of 28 bytes, ink 255 on background 0.",
    }
)
_OTHER_UPLOADS = MappingProxyType(
    {
        "image/png": f"An image of at most {_MOST}, which is scaled to the model's input.",
        "application/octet-stream": "The numbers of an input, as /model describes them, the last axis together.",
    }
)
_OTHER_ANSWER = MappingProxyType(
    {
        "type": "object",
        "description": "The answer's fields by the kind of the model's output, as `Runner.classify` gives them; of "
        "several outputs `outputs` has those of each by its name.",
    }
)


def description(version: str, *, digits: bool = True) -> dict[str, Any]:
    """Returns the description as OpenAPI 3.1 JSON has it, for a model of digits or of something else."""
    uploads = _UPLOADS if digits else _OTHER_UPLOADS
    posted = {kind: {"schema": {"description": text}} for kind, text in uploads.items()}
    classify = _operation("Read one input.", Answer, statuses=(400, 408, 413, 415, 429))
    if not digits:
        classify["responses"]["200"]["content"][_JSON]["schema"] = dict(_OTHER_ANSWER)
    events = "Watch a source: an event for each state, at most ten per second. Each event's data is a State."
    return {
        "openapi": "3.1.0",
        "info": {"title": "Rowstream", "version": version},
        "security": [{"bearer": []}, {"query": []}, {}],
        "paths": {
            "/model": {"get": _operation("Describe the model.", Model)},
            "/classify": {"post": classify | {"requestBody": {"required": True, "content": posted}}},
            "/events": {"get": _operation(events, State, "text/event-stream", (404, 429))},
            "/metrics": {"get": _metrics()},
        },
        "components": {
            "schemas": {message.__name__: _component(message) for message in MESSAGES},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "The server's --token, if it has one."},
                "query": {"type": "apiKey", "in": "query", "name": "token", "description": "The same in the address."},
            },
        },
    }


def _operation(summary: str, message: type, media_type: str = _JSON, statuses: tuple[int, ...] = ()) -> dict[str, Any]:
    responses = {"200": {"description": "OK", "content": {media_type: {"schema": _schema(message)}}}}
    for status in sorted((*statuses, *_STATUSES)):
        content = {_JSON: {"schema": _schema(Error)}}
        responses[str(status)] = {"description": HTTPStatus(status).phrase, "content": content}
    return {"summary": summary, "responses": responses}


def _metrics() -> dict[str, Any]:
    operation = _operation("Counts of a source and the values of its fields, for Prometheus.", State, METRICS, (404,))
    operation["responses"]["200"]["content"][METRICS]["schema"] = {"type": "string"}
    return operation


def _component(message: type) -> dict[str, Any]:
    fields = {name: _schema(hint) for name, hint in get_type_hints(message, include_extras=True).items()}
    return {
        "type": "object",
        "description": message.__doc__,
        "properties": fields,
        "required": [*fields],
        "additionalProperties": False,
    }


def _schema(hint: Any) -> dict[str, Any]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _schema(arguments[0]) | {"description": arguments[1]}
    if origin is Literal:
        return {"enum": [*arguments]}
    if origin is UnionType:
        return {"anyOf": [_schema(argument) for argument in arguments]}
    if origin is tuple:
        return _array(arguments)
    if isinstance(hint, type) and is_dataclass(hint):
        return {"$ref": f"#/components/schemas/{hint.__name__}"}
    return {"type": _TYPES[hint]}


def _array(items: tuple[Any, ...]) -> dict[str, Any]:
    if items[-1] is Ellipsis:
        return {"type": "array", "items": _schema(items[0])}
    return {"type": "array", "prefixItems": [*map(_schema, items)], "items": False, "minItems": len(items)}
