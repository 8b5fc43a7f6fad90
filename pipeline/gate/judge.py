"""The trial: the checks in order, and the verdict.

The checks come in stages, each resting on those before: nothing is said of a file's accuracy where it is not the file
that the manifest speaks of. Where a stage refuses, the later ones are not judged: the reason given is the reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from device.manifest import read_manifest
from pipeline.data.splits import Splits
from pipeline.folders import ModelFolder
from pipeline.gate import accuracy, cost, equality, files, rejection, structure
from pipeline.gate.case import Case
from pipeline.gate.check import Check, Verdict, not_judged
from pipeline.gate.diagnosis import diagnose
from pipeline.gate.judgement import Judgement, StageResult
from pipeline.gate.limits import read_limits
from pipeline.gate.measure import measure


@dataclass(frozen=True)
class GateStage:
    """Checks that are judged together."""

    name: str
    judge: Callable[[Case], Iterable[Check]]


STAGES = (
    GateStage("files", files.files),
    GateStage("images", files.images),
    GateStage("operators", structure.operators),
    GateStage("tensors", structure.tensors),
    GateStage("contract", structure.contract),
    GateStage("independence", equality.independence),
    GateStage("equality", equality.equality),
    GateStage("runtimes", structure.runs),
    GateStage("reference", accuracy.reference),
    GateStage("accuracy", accuracy.accuracy),
    GateStage("confidence", accuracy.confidence),
    GateStage("conversion", cost.conversion),
    GateStage("rejection", rejection.rejection),
    GateStage("budget", cost.budget),
)
_COMPARES_WITH_FLOAT = frozenset({"accuracy", "confidence", "conversion"})
# Without these there is nothing to measure: no file that runs, or no answers to compare.
_TO_BE_MEASURED = frozenset(stage.name for stage in STAGES[: [stage.name for stage in STAGES].index("accuracy")])


def open_case(folder: Path, splits: Splits, limits: Path) -> Case:
    """Returns the case of a model's folder.

    Raises:
        ValueError: its manifest, or the limits file, cannot be read.
        OSError: likewise.
    """
    manifest = read_manifest(folder)
    return Case(ModelFolder(folder), manifest, splits, read_limits(limits, manifest.name))


def judge(case: Case) -> Judgement:
    """Returns the judgement of a case.

    Raises:
        ValueError, OSError: a file cannot be read, so that there is nothing to judge.
    """
    stages = tuple(_judged_stages(case))
    refused = {stage.name for stage in stages if stage.verdict is Verdict.REFUSED}
    measured = measure(case) if refused.isdisjoint(_TO_BE_MEASURED) else None
    return Judgement(
        model=case.manifest.name,
        version=case.manifest.version,
        file_sha256=case.manifest.file.sha256,
        manifest_sha256=hashlib.sha256(case.folder.manifest.read_bytes()).hexdigest(),
        images=len(case.splits.test),
        source=case.splits.test_source,
        stages=stages,
        diagnosis=diagnose(measured) if measured is not None and refused & _COMPARES_WITH_FLOAT else None,
        measurements=measured,
    )


def _judged_stages(case: Case) -> Iterator[StageResult]:
    refused_by = ""
    for stage in STAGES:
        if refused_by:
            yield StageResult(stage.name, (not_judged("all", f"refused at {refused_by}"),))
            continue
        result = StageResult(stage.name, tuple(stage.judge(case)))
        refused_by = stage.name if result.verdict is Verdict.REFUSED else ""
        yield result
