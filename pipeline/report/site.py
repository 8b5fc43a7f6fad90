"""The report as files: which `gate.json` there are, and where their pages go."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from pipeline.folders import ReportFolder, build_folder, model_folder, pages_folder
from pipeline.gate.gate_json import GateFileError, read_judgement
from pipeline.gate.judgement import Judgement
from pipeline.report.card import write_card
from pipeline.report.page import Entry, index_page, model_page
from pipeline.variants import PREFIX, VARIANTS

log = logging.getLogger(__name__)


def write_report(names: Sequence[str]) -> tuple[Path, ...]:
    """Writes the named models' pages, and the index of all that were judged; returns their paths, the index first.

    What was measured goes onto the named models' cards as well, where the file judged is the one beside the card.
    A model that was named and not judged has no page; the index says so.

    Raises:
        ValueError: a name is none of a folder below `build/`, or a named model's `gate.json` cannot be read.
        FileNotFoundError: none of them was judged.
        OSError: a file cannot be read or written.
    """
    folder = pages_folder()
    judged = {name: _judgement(name) for name in dict.fromkeys(names) if _is_judged(name)}
    if not judged:
        missing = ", ".join(str(_gate_json(name)) for name in names)
        raise FileNotFoundError(f"Expected {missing}. Found none: judge first, with `make gate`")
    folder.path.mkdir(parents=True, exist_ok=True)
    for name, judgement in judged.items():
        folder.page(name).write_text(model_page(name, judgement), encoding="utf-8")
        if not write_card(model_folder(name), name, judgement):
            log.info("%s: left as it is: the file judged is not there", model_folder(name).card)
    entries = tuple(_entry(name, judged.get(name)) for name in dict.fromkeys((*VARIANTS, *names)))
    folder.index.write_text(index_page(entries), encoding="utf-8")
    return folder.index, *(folder.page(name) for name in judged)


def _gate_json(name: str) -> Path:
    return ReportFolder(build_folder(name).gate).json


def _is_judged(name: str) -> bool:
    if Path(name).name != name or name in {"", "..", "index"}:
        raise ValueError(f"Expected the name of a folder below build/, other than index. Received: {name!r}")
    return _gate_json(name).exists()


def _judgement(name: str) -> Judgement:
    path = _gate_json(name)
    judgement = read_judgement(path)
    if name in VARIANTS and judgement.model != f"{PREFIX}{name}":
        raise GateFileError(f"{path}: Expected the judgement of {PREFIX}{name}. Received: {judgement.model}")
    return judgement


def _entry(name: str, judgement: Judgement | None) -> Entry:
    """A model's line of the index; one that was not named is no reason to fail, whatever its file is."""
    if judgement is None and not _is_judged(name):
        return Entry(name, None, missing="not judged yet")
    try:
        page = pages_folder().page(name)
        return Entry(name, judgement or _judgement(name), page=page.name if page.exists() else "")
    except (ValueError, OSError) as error:
        return Entry(name, None, missing=str(error))
