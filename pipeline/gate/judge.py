"""Runs the checks in order, and returns the verdict.

The checks come in stages. A stage runs only if those before it did not refuse, so that the reason given is the cause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from device.manifest import read_manifest
from pipeline.data.splits import Splits
from pipeline.folders import ModelFolder
from pipeline.gate import accuracy, cost, equality, files, rejection, structure
from pipeline.gate.case import Case
from pipeline.gate.check import Check, Note, Verdict
from pipeline.gate.judgement import Judgement, StageResult, limits_stage, manifest_digest, now, skipped
from pipeline.gate.limits import read_limits
from pipeline.gate.measure import measure


@dataclass(frozen=True)
class GateStage:
    """Checks that run together."""

    name: str
    judge: Callable[[Case], Iterable[Check | Note]]


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
# If one of these stages refuses, there is nothing to measure: no file that runs, or no float logits to compare with.
_BEFORE_MEASURING = frozenset(
    {"limits", *(stage.name for stage in STAGES[: [stage.name for stage in STAGES].index("accuracy")])}
)


def open_case(folder: Path, splits: Splits, limits: Path) -> Case:
    """Returns the case of a model's folder.

    Raises:
        ValueError: its manifest or the limits file is invalid.
        OSError: one of the two cannot be read.
    """
    manifest = read_manifest(folder)
    return Case(ModelFolder(folder), manifest, splits, read_limits(limits, manifest.name))


def judge(case: Case) -> Judgement:
    """Returns the judgement of a case.

    Raises:
        ValueError: a file is invalid, so that nothing can be judged.
        OSError: a file cannot be read.
    """
    manifest_sha256 = manifest_digest(case.folder.path)
    stages = tuple(_judged_stages(case))
    refused = {stage.name for stage in stages if stage.verdict is Verdict.REFUSED}
    runs = next(stage for stage in stages if stage.name == "runtimes")
    return Judgement(
        model=case.manifest.name,
        version=case.manifest.version,
        file_sha256=case.manifest.file.sha256,
        manifest_sha256=manifest_sha256,
        judged_at=now(),
        images=len(case.splits.test),
        source=case.splits.test_source,
        runtimes=structure.runtimes_run(runs.checks),
        stages=stages,
        measurements=measure(case) if refused.isdisjoint(_BEFORE_MEASURING) else None,
    )


def _judged_stages(case: Case) -> Iterator[StageResult]:
    limits = limits_stage(case.limits.missing())
    refused_by = limits.name if limits.verdict is Verdict.REFUSED else ""
    yield limits
    for stage in STAGES:
        if refused_by:
            yield skipped(stage.name, refused_by)
            continue
        found = tuple(stage.judge(case))
        checks = tuple(each for each in found if isinstance(each, Check))
        result = StageResult(stage.name, checks, tuple(each for each in found if isinstance(each, Note)))
        refused_by = stage.name if result.verdict is Verdict.REFUSED else ""
        yield result
