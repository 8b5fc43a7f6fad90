"""Writes the report under `build/`: a page for each judged model, an index, and the candidates' cards."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from device.files.whole_file import write_whole
from pipeline.folders import PAGES, ModelFolder, build_folder
from pipeline.gate.gate_json import GateFileError, read_judgement
from pipeline.gate.judgement import Judgement
from pipeline.report.card import write_card
from pipeline.report.judged import gate_json, judged_names
from pipeline.report.page import Entry, index_page, model_page
from pipeline.variants import PREFIX, VARIANTS

log = logging.getLogger(__name__)


def write_report(names: Sequence[str]) -> tuple[Path, ...]:
    """Writes the named models' pages, and an index of all judged models; returns their paths, the index first.

    The gate's results are added to the named candidates' cards, too. A named model that was not judged has no page, and
    is listed as such in the index. Raises as `judged_names` does, and ValueError if a `gate.json` is invalid.
    """
    judged = {name: _judgement(name) for name in judged_names(names)}
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


def _judgement(name: str) -> Judgement:
    path = gate_json(name)
    judgement = read_judgement(path)
    if name in VARIANTS and judgement.model != f"{PREFIX}{name}":
        raise GateFileError(f"{path}: Expected the judgement of {PREFIX}{name}. Received: {judgement.model}")
    return judgement


def _entry(name: str, judgement: Judgement | None) -> Entry:
    """Returns a model's row of the index; an invalid file of a model that was not named is listed, not an error."""
    if judgement is None and not gate_json(name).exists():
        return Entry(name, None, missing="not judged yet")
    try:
        return Entry(name, judgement or _judgement(name), page=_page(name).name if _page(name).exists() else "")
    except (ValueError, OSError) as error:
        return Entry(name, None, missing=str(error))
