"""Runs the checks in order, and returns the verdict.

The checks come in stages. A stage runs only if those before it did not refuse, so that the reason given is the cause.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from pipeline.data.data_form import DataForm
from pipeline.gate import accuracy, corruption, cost, early_exit, equality, files, golden, statements, structure
from pipeline.gate.case import Case
from pipeline.gate.check import Check, Note, Verdict
from pipeline.gate.judgement import Judgement, StageResult, limits_judged, skipped
from pipeline.gate.measure import measure

# Images and crops in what the checks say, not in a name that they quote.
_IMAGES = re.compile(
    r"\b((?:all|no|most|is|test|the|whole|calibration|validation|golden|\d[\d,]*) )(?:image|crop)(s?)\b"
)

STAGES: Mapping[str, Callable[[Case], Iterable[Check | Note]]] = MappingProxyType(
    {
        "files": files.files,
        "images": files.images,
        "operators": structure.operators,
        "tensors": structure.tensors,
        "contract": structure.contract,
        "independence": equality.independence,
        "equality": equality.equality,
        "golden": golden.golden,
        "runtimes": structure.runs,
        "reference": accuracy.reference,
        "accuracy": accuracy.accuracy,
        "confidence": accuracy.confidence,
        "conversion": cost.conversion,
        "rejection": accuracy.rejection,
        "corruption": corruption.corruption,
        "early exit": early_exit.early_exit,
        "manifest": statements.statements,
        "budget": cost.budget,
    }
)


def judge(case: Case) -> Judgement:
    """Returns the judgement of a case; raises ValueError or OSError where a file cannot be read."""
    first = limits_judged(case.folder.path, case.manifest, case.limits)
    stages = {stage.name: stage for stage in (*first.stages, *_results(case, *first.stages))}
    # Without the accuracy there is nothing to measure: no file that runs, or no float logits to compare with.
    return replace(
        first,
        images=len(case.splits.test),
        source=case.splits.test_source,
        runtimes=structure.runtimes_run(stages["runtimes"].checks),
        stages=tuple(stages.values()),
        measurements=measure(case) if case.is_class and not stages["accuracy"].is_skipped else None,
    )


def worded(found: Check | Note, form: DataForm) -> Check | Note:
    """Returns a check or note that calls inputs which are no images so; names of classes and files stay."""
    if form.kind == "image":
        return found
    texts: dict[str, Any] = {
        name: _IMAGES.sub(lambda match: f"{match[1]}input{match[2]}", text)
        for name, text in vars(found).items()
        if isinstance(text, str)
    }
    return replace(found, **texts)


def _results(case: Case, before: StageResult) -> Iterator[StageResult]:
    refused_by = before.name if before.verdict is Verdict.REFUSED else ""
    for name, checks_of in STAGES.items():
        if refused_by:
            yield skipped(name, refused_by)
            continue
        found = tuple(worded(each, case.splits.form) for each in checks_of(case))
        checks = tuple(each for each in found if isinstance(each, Check))
        result = StageResult(name, checks, tuple(each for each in found if isinstance(each, Note)))
        refused_by = name if result.verdict is Verdict.REFUSED else ""
        yield result
