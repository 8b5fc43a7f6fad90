"""Reads `gate.json` back. What it does not know it refuses: another format version, a field too many or too few.

The file may come from elsewhere: of its texts, what cannot be printed is replaced.
"""

from __future__ import annotations

import dataclasses
import json
import math
import sys
import types
import typing
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from pipeline.gate.check import Verdict
from pipeline.gate.judgement import FORMAT_VERSION, Judgement


class GateFileError(ValueError):
    """A `gate.json` cannot be read; the message names the file and the field."""


def read_judgement(path: Path) -> Judgement:
    """Returns the judgement that the gate wrote, without its diagnosis.

    Raises:
        GateFileError: it is no `gate.json` of this format, or its verdict is not that of its checks.
        OSError: the file cannot be read.
    """
    try:
        written = _json(path.read_text(encoding="utf-8"))
        version = written.get("format_version") if isinstance(written, dict) else None
        if version != FORMAT_VERSION:
            raise GateFileError(f"Expected gate.json of format {FORMAT_VERSION}. Received: {version}. Judge it anew")
        return _judgement(written)
    except ValueError as error:  # also where it is no UTF-8
        raise GateFileError(f"{path}: {error}") from error


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: no JSON, or a number of thousands of digits
        raise GateFileError(f"Expected JSON. {error}") from error


def _judgement(written: dict[str, Any]) -> Judgement:
    fields = {name: value for name, value in written.items() if name not in {"format_version", "verdict"}}
    if "diagnosis" in fields:  # it says again what the measurements hold
        fields["diagnosis"] = None
    judgement = typing.cast("Judgement", _parsed_dataclass(Judgement, fields, "gate"))
    verdict = _parsed(Verdict, written.get("verdict"), "gate.verdict")
    if verdict is not judgement.verdict:
        raise GateFileError(
            f"gate.verdict: Expected {judgement.verdict.value}, as of the checks. Received: {verdict.value}"
        )
    return judgement


def _parsed(kind: Any, value: Any, where: str) -> Any:
    """The value as `kind`, which is one of the types that a judgement is made of."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:
        return None if value is None else _parsed(arguments[0], value, where)
    if dataclasses.is_dataclass(kind):
        return _parsed_dataclass(typing.cast("type", kind), _checked(dict, value, where), where)
    if origin is tuple:
        items = enumerate(_checked(list, value, where))
        return tuple(_parsed(arguments[0], item, f"{where}[{place}]") for place, item in items)
    if origin is Mapping:
        entries = _checked(dict, value, where).items()
        return {_printable(key): _parsed(arguments[1], item, f"{where}.{key}") for key, item in entries}
    if isinstance(kind, type) and issubclass(kind, Enum):
        if value not in [each.value for each in kind]:
            raise GateFileError(f"{where}: Expected one of {[each.value for each in kind]}. Received: {value!r}")
        return kind(value)
    return _printable(value if kind is Any else _checked(kind, value, where))


def _parsed_dataclass(kind: type, value: dict[str, Any], where: str) -> Any:
    fields = typing.get_type_hints(kind)
    if fields.keys() != value.keys():
        missing, unknown = sorted(fields.keys() - value.keys()), sorted(value.keys() - fields.keys())
        raise GateFileError(f"{where}: Expected the fields of {kind.__name__}. Missing: {missing}. Unknown: {unknown}")
    parsed = {name: _parsed(hint, value[name], f"{where}.{name}") for name, hint in fields.items()}
    try:
        return kind(**parsed)
    except GateFileError:
        raise
    except ValueError as error:
        raise GateFileError(f"{where}: {error}") from error


def _checked(kind: Any, value: Any, where: str) -> Any:
    # In JSON a whole number may stand for a float, but True is no number.
    accepted = (int, float) if kind is float else (kind,)
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        raise GateFileError(f"{where}: Expected {kind.__name__}. Received: {str(value)[:80]!r}")
    if kind is not float:
        return value
    if abs(value) > sys.float_info.max or math.isnan(value):
        raise GateFileError(f"{where}: Expected a finite number. Received: {str(value)[:80]}")
    return float(value)


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        # Half a surrogate pair has no UTF-8, and SVG, being XML, no control characters.
        return "".join(character if character.isprintable() else "�" for character in value.replace("\n", " "))
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    return [_printable(item) for item in value] if isinstance(value, list) else value
