"""The exact answers of a release on runtimes and processors that its maker has, for devices that have the same."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from device.contract.answers import Answers
from device.contract.golden import GoldenError
from device.files.typed_json import parsed
from pipeline.gate.runtimes import device_in_child, is_installed


def answers_here(model: Path, runtimes: Iterable[str]) -> tuple[Answers, ...]:
    """Returns a model's answers on those of the runtimes that are installed here, each in a process of its own.

    Raises ValueError if one refuses it.
    """
    return tuple(_answers_on(model.resolve(), runtime) for runtime in runtimes if is_installed(runtime))


def read_answers(files: Iterable[Path]) -> tuple[Answers, ...]:
    """Returns what `rowstream verify --answers` printed on devices, a line each; raises ValueError for other files."""
    return tuple(
        _parsed(line, f"{file}:{number}")
        for file in files
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if line.strip()
    )


def joined(answers: Iterable[Answers], file_sha256: str) -> tuple[Answers, ...]:
    """Returns answers without repetition; raises ValueError if some are of another file, or contradict others."""
    known: dict[Answers, None] = {}
    for each in answers:
        if each.file_sha256 != file_sha256:
            raise ValueError(f"Expected answers of {file_sha256[:12]}. Received some of {each.file_sha256[:12]}")
        try:
            each.check(known)
        except GoldenError as error:
            raise ValueError(f"Expected one kind of answers for {each.where}. Received two") from error
        known[each] = None
    return tuple(known)


def _answers_on(model: Path, runtime: str) -> Answers:
    child = device_in_child("verify", runtime, "--answers", model)
    if child.returncode:
        raise ValueError(f"Expected a model that {runtime} verifies. {(child.stdout or child.stderr).strip()}")
    return _parsed(child.stdout, runtime)


def _parsed(line: str, where: str) -> Answers:
    try:
        return parsed(Answers, json.loads(line), where)
    except json.JSONDecodeError as error:
        raise ValueError(f"{where}: Expected a line that `rowstream verify --answers` printed. {error}") from error
