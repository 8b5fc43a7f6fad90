"""The trial: the checks in order, and the verdict.

The checks come in stages, each resting on those before: nothing is said of a file's accuracy where it is not the file
that the manifest speaks of. Where a stage refuses, the later ones are not judged: the reason given is the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from device.manifest import read_manifest
from pipeline.folders import ModelFolder
from pipeline.gate import accuracy, cost, equality, files, structure
from pipeline.gate.case import Case
from pipeline.gate.check import Check, Verdict, not_judged
from pipeline.gate.diagnosis import Diagnosis, diagnose
from pipeline.gate.limits import read_limits
from pipeline.splits import Splits


@dataclass(frozen=True)
class Stage:
    """Checks that are judged together."""

    name: str
    judge: Callable[[Case], Iterable[Check]]


@dataclass(frozen=True)
class StageResult:
    """What came of a stage's checks."""

    name: str
    checks: tuple[Check, ...]

    @property
    def verdict(self) -> Verdict:
        """Refused where a check is; else not judged where one is not."""
        verdicts = {check.verdict for check in self.checks}
        return next((v for v in (Verdict.REFUSED, Verdict.NOT_JUDGED) if v in verdicts), Verdict.PASSED)


@dataclass(frozen=True)
class Judgement:
    """What the gate says of a model, on which images, and why; with a diagnosis where int8 falls behind float."""

    model: str
    version: str
    file_sha256: str
    images: int
    source: str
    stages: tuple[StageResult, ...]
    diagnosis: Diagnosis | None

    @property
    def verdict(self) -> Verdict:
        """As a stage's: passed only where each check passed."""
        verdicts = {stage.verdict for stage in self.stages}
        return next((v for v in (Verdict.REFUSED, Verdict.NOT_JUDGED) if v in verdicts), Verdict.PASSED)


STAGES = (
    Stage("files", files.files),
    Stage("images", files.images),
    Stage("operators", structure.operators),
    Stage("tensors", structure.tensors),
    Stage("contract", structure.contract),
    Stage("independence", equality.independence),
    Stage("equality", equality.equality),
    Stage("runtimes", structure.runs),
    Stage("reference", accuracy.reference),
    Stage("accuracy", accuracy.accuracy),
    Stage("confidence", accuracy.confidence),
    Stage("conversion", cost.conversion),
    Stage("budget", cost.budget),
)
_COMPARES_WITH_FLOAT = frozenset({"accuracy", "confidence", "conversion"})


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
    return Judgement(
        model=case.manifest.name,
        version=case.manifest.version,
        file_sha256=case.manifest.file.sha256,
        images=len(case.splits.judged),
        source=case.splits.judged_source,
        stages=stages,
        diagnosis=diagnose(case) if refused & _COMPARES_WITH_FLOAT else None,
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
