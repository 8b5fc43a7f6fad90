"""Writes the report under `build/`: a page for each judged model, an index, and the candidates' cards."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from device.whole_file import write_whole
from pipeline.folders import PAGES, ModelFolder, ReportFolder, build_folder
from pipeline.gate.gate_json import GateFileError, read_judgement
from pipeline.gate.judgement import Judgement
from pipeline.report.card import write_card
from pipeline.report.page import Entry, index_page, model_page
from pipeline.variants import PREFIX, VARIANTS

log = logging.getLogger(__name__)


def write_report(names: Sequence[str]) -> tuple[Path, ...]:
    """Writes the named models' pages, and an index of all judged models; returns their paths, the index first.

    The gate's results are added to the named candidates' cards, too. A named model that was not judged has no page, and
    is listed as such in the index. Raises ValueError if a name is not that of a folder in `build/`, or its `gate.json`
    is invalid, and FileNotFoundError if none was judged.
    """
    judged = {name: _judgement(name) for name in dict.fromkeys(names) if _is_judged(name)}
    if not judged:
        missing = ", ".join(str(_gate_json(name)) for name in names)
        raise FileNotFoundError(f"Expected {missing}. Found none: run `make gate` first")
    for name, judgement in judged.items():
        write_whole(_page(name), model_page(name, judgement))
        if not write_card(ModelFolder(build_folder(name).path), name, judgement):
            log.info("%s: no card written: the folder does not hold the file that was judged", build_folder(name).path)
    entries = tuple(_entry(name, judged.get(name)) for name in dict.fromkeys((*VARIANTS, *names)))
    index = PAGES / "index.html"
    write_whole(index, index_page(entries))
    return index, *(_page(name) for name in judged)


def _page(name: str) -> Path:
    return PAGES / f"{name}.html"


def _gate_json(name: str) -> Path:
    return ReportFolder(build_folder(name).gate).json


def _is_judged(name: str) -> bool:
    if Path(name).name != name or name in {"", "..", "index"}:
        raise ValueError(f"Expected the name of a folder in build/, other than index. Received: {name!r}")
    return _gate_json(name).exists()


def _judgement(name: str) -> Judgement:
    path = _gate_json(name)
    judgement = read_judgement(path)
    if name in VARIANTS and judgement.model != f"{PREFIX}{name}":
        raise GateFileError(f"{path}: Expected the judgement of {PREFIX}{name}. Received: {judgement.model}")
    return judgement


def _entry(name: str, judgement: Judgement | None) -> Entry:
    """Returns a model's row of the index; an invalid file of a model that was not named is listed, not an error."""
    if judgement is None and not _is_judged(name):
        return Entry(name, None, missing="not judged yet")
    try:
        return Entry(name, judgement or _judgement(name), page=_page(name).name if _page(name).exists() else "")
    except (ValueError, OSError) as error:
        return Entry(name, None, missing=str(error))
