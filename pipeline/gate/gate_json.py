"""Reads `gate.json` back. What it does not know it refuses: another format version, a field too many or too few.

The file may come from elsewhere: of its texts, what cannot be printed is replaced.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Any

from device.typed_json import parsed
from pipeline.gate.judgement import Judgement


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
        return _printable(json.loads(text))
    except (ValueError, RecursionError) as error:  # ValueError: no JSON, or a number of thousands of digits
        raise GateFileError(f"Expected JSON. {error}") from error


def _judgement(written: dict[str, Any]) -> Judgement:
    fields = {name: value for name, value in written.items() if name not in {"format_version", "verdict"}}
    if "diagnosis" in fields:  # it says again what the measurements hold
        fields["diagnosis"] = None
    judgement = parsed(Judgement, fields, "gate")
    expected, received = judgement.verdict.value, written.get("verdict")
    if received != expected:
        raise GateFileError(f"gate.verdict: Expected {expected}, as of the checks. Received: {received}")
    return judgement


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        # Half a surrogate pair has no UTF-8, and SVG, being XML, no control characters.
        return "".join(character if character.isprintable() else "�" for character in value.replace("\n", " "))
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    return [_printable(item) for item in value] if isinstance(value, list) else value


def as_json(judgement: Judgement) -> str:
    """Returns all of it as JSON, format version 2; what is no finite number is null."""
    written = {"format_version": FORMAT_VERSION, "verdict": judgement.verdict, **asdict(judgement)}
    return json.dumps(_plain(written), indent=2, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    """The value as JSON can hold it."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    return None if isinstance(value, float) and not math.isfinite(value) else value


# Of `gate.json`: 2 added the measurements.
FORMAT_VERSION = 2
