"""Writes and reads `gate.json`, format version 4; the reader refuses other versions, missing and unknown fields.

The file may come from elsewhere, so characters that cannot be printed are replaced.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Any

from device.files.typed_json import parsed
from pipeline.gate.check import Verdict
from pipeline.gate.judgement import Judgement

FORMAT_VERSION = 4


class GateFileError(ValueError):
    """A `gate.json` cannot be read; the message names the file and the field."""


def as_json(judgement: Judgement) -> str:
    """Returns a judgement as JSON; numbers that are not finite become null."""
    written = {"format_version": FORMAT_VERSION, "verdict": judgement.verdict, **asdict(judgement)}
    return json.dumps(_plain(written), indent=2, allow_nan=False) + "\n"


def read_judgement(path: Path) -> Judgement:
    """Returns the judgement in a `gate.json`; raises GateFileError for any other file."""
    try:
        return _judgement(path.read_text(encoding="utf-8"))
    except ValueError as error:  # also where it is not UTF-8
        raise GateFileError(f"{path}: {error}") from error


def is_pass(path: Path, first: Judgement) -> bool:
    """Returns whether a `gate.json` says that a model passed whose first stage, `first`, was judged just now.

    It must have been the same manifest, which has the digests of the other files, and the same limits. A `gate.json`
    that is missing or cannot be read says nothing.
    """
    try:
        judgement = read_judgement(path)
    except (FileNotFoundError, GateFileError):
        return False
    digests, expected = ((each.manifest_sha256, each.limits_sha256) for each in (judgement, first))
    return digests == expected and judgement.verdict is first.verdict is Verdict.PASSED


def _judgement(text: str) -> Judgement:
    try:
        written = _printable(json.loads(text))
    except (ValueError, RecursionError) as error:  # ValueError: not JSON, or a number of thousands of digits
        raise ValueError(f"Expected JSON. {error}") from error
    version = written.pop("format_version", None) if isinstance(written, dict) else None
    if version != FORMAT_VERSION:
        raise ValueError(f"Expected gate.json of format {FORMAT_VERSION}. Received: {version}. Run the gate again")
    verdict = written.pop("verdict", None)
    judgement = parsed(Judgement, written, "gate")
    if verdict != (by_checks := judgement.verdict.value):
        raise ValueError(f"gate.verdict: Expected {by_checks}, by the checks. Received: {verdict}")
    return judgement


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        # Half a surrogate pair has no UTF-8, and SVG, being XML, no control characters.
        return "".join(character if character.isprintable() else "�" for character in value.replace("\n", " "))
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    return [_printable(item) for item in value] if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    return None if isinstance(value, float) and not math.isfinite(value) else value
