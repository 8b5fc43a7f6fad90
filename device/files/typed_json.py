"""Reads JSON as dataclasses, and refuses missing and unknown fields and values of other types."""

from __future__ import annotations

import dataclasses
import functools
import math
import reprlib
import sys
import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any, Literal, TypeVar

Record = TypeVar("Record")

# A refused value may be of any length and depth.
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80
# They are texts until then, which are compiled at each call.
_hints = functools.cache(typing.get_type_hints)
_INT64 = range(-(2**63), 2**63)


class FieldError(ValueError):
    """A value is not what its type allows; the message names the field."""


def parsed(cls: type[Record], value: object, where: str) -> Record:
    """Returns what JSON holds, as `json.loads` gives it, as a dataclass.

    Its fields are numbers, texts, `Any`, enumerations, literals, dataclasses, tuples of one type and mappings from
    text; where one may be None, that comes last. Raises FieldError for any other value: the message begins with the
    value's path, which begins with `where`.
    """
    return typing.cast("Record", _parsed(cls, value, where))


def _parsed(kind: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:
        return None if value is None else _parsed(arguments[0], value, where)
    if dataclasses.is_dataclass(kind):
        return _parsed_dataclass(typing.cast("type", kind), _checked(dict, value, where), where)
    if origin is tuple:
        items = enumerate(_checked(list, value, where))
        return tuple(_parsed(arguments[0], item, f"{where}[{index}]") for index, item in items)
    if origin is Mapping:
        entries = _checked(dict, value, where).items()
        return {key: _parsed(arguments[1], item, f"{where}.{key}") for key, item in entries}
    return _parsed_scalar(kind, value, where)


def _parsed_scalar(kind: Any, value: Any, where: str) -> Any:
    if typing.get_origin(kind) is Literal:
        return _one_of(typing.get_args(kind), value, where)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(_one_of(tuple(each.value for each in kind), value, where))
    return value if kind is Any else _checked(kind, value, where)


def _parsed_dataclass(kind: type, value: dict[str, Any], where: str) -> Any:
    fields = _hints(kind)
    if fields.keys() != value.keys():
        missing, unknown = sorted(fields.keys() - value.keys()), sorted(value.keys() - fields.keys())
        raise FieldError(f"{where}: Expected the fields of {kind.__name__}. Missing: {missing}. Unknown: {unknown}")
    items = {name: _parsed(hint, value[name], f"{where}.{name}") for name, hint in fields.items()}
    try:
        return kind(**items)
    except FieldError:
        raise
    except ValueError as error:
        raise FieldError(f"{where}: {error}") from error


def _one_of(allowed: tuple[Any, ...], value: Any, where: str) -> Any:
    if value not in allowed:
        raise FieldError(f"{where}: Expected one of {allowed}. Received: {_SHORT.repr(value)}")
    return value


def _checked(kind: Any, value: Any, where: str) -> Any:
    # In JSON a whole number may stand for a float, but True is not a number.
    accepted = (int, float) if kind is float else (kind,)
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        raise FieldError(f"{where}: Expected {kind.__name__}. Received: {_SHORT.repr(value)}")
    if kind is int and value not in _INT64:
        raise FieldError(f"{where}: Expected an int of 64 bits. Received: {_SHORT.repr(value)}")
    if kind is not float:
        return value
    if abs(value) > sys.float_info.max or math.isnan(value):
        raise FieldError(f"{where}: Expected a finite number. Received: {_SHORT.repr(value)}")
    return float(value)
