"""Renders the pages: one for each judged model, and an index that compares them.

Each opens from disk: styles, charts and images are inside, and it needs neither network nor scripts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jinja2

from pipeline.gate.check import Verdict
from pipeline.gate.judgement import Judgement
from pipeline.gate.record import Measurements
from pipeline.report import figures
from pipeline.report.chart import Chart, with_minus

_TENSORS_IN_TABLE = 10
_SIGNS = {Verdict.PASSED: "✓", Verdict.REFUSED: "✕", Verdict.NOT_JUDGED: "?"}


@dataclass(frozen=True)
class Entry:
    """A row of the index: a model, its judgement or why it is missing, and its page if it has one."""

    name: str
    judgement: Judgement | None
    missing: str = ""
    page: str = ""

    @property
    def measured(self) -> Measurements | None:
        return self.judgement.measurements if self.judgement is not None else None


def model_page(name: str, judgement: Judgement) -> str:
    """Returns a model's page, as HTML."""
    measured = judgement.measurements
    made: dict[str, object] = {}
    if measured is not None:
        made = {
            "drawn": _drawn(measured),
            "worst": sorted(measured.tensors, key=lambda tensor: tensor.snr_db)[:_TENSORS_IN_TABLE],
            "recipe": tuple(_flat(measured.manifest.configuration)),
        }
    made["reasons"] = tuple(judgement.failures)
    return render("model.html.j2", name=name, judgement=judgement, measured=measured, **made)


def index_page(entries: tuple[Entry, ...]) -> str:
    """Returns the index as HTML: a table of the models, and charts that compare them."""
    measured = {entry.name: entry.measured for entry in entries if entry.measured is not None}
    drawn = (figures.drops(measured), figures.readings(measured)) if measured else ()
    return render("index.html.j2", entries=entries, drawn={each.name: each for each in drawn})


def _drawn(measured: Measurements) -> Mapping[str, Chart]:
    drawn = [
        figures.recall(measured.classes),
        *(figures.confusion(measured, model) for model in ("float", "int8")),
        figures.confusion_change(measured),
        figures.reliability(measured.float, "float"),
        figures.reliability(measured.int8, "int8"),
        figures.latency(measured.latency),
    ]
    if measured.tensors:
        drawn.append(figures.signal_to_noise(measured.tensors))
    if measured.early_exit is not None:
        drawn.append(figures.reading(measured.manifest, measured.early_exit))
    return {each.name: each for each in drawn}


def _flat(configuration: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in configuration.items():
        name = f"{prefix}{key}".replace("_", " ")
        if isinstance(value, dict):
            yield from _flat(value, f"{name} · ")
        else:
            yield name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _decibels(value: float) -> str:
    if not math.isfinite(value):
        return "exact" if value > 0 else "no signal"
    return with_minus(f"{value:.1f}")


def _signed(value: float) -> str:
    return with_minus(f"{value:+.2f}")


def render(template: str, **values: object) -> str:
    """Returns a template of the report, rendered with the values."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pipeline.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(decibels=_decibels, signed=_signed, sign=_SIGNS.__getitem__)
    return environment.get_template(template).render(**values)
