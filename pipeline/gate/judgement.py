"""The gate's judgement of a model: each stage's checks, the verdict, and what was measured on the way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.gate.check import Check, Verdict
from pipeline.gate.diagnosis import Diagnosis
from pipeline.gate.record import Measurements


@dataclass(frozen=True)
class StageResult:
    """What came of a stage's checks."""

    name: str
    checks: tuple[Check, ...]

    @property
    def verdict(self) -> Verdict:
        """Refused where a check is; else not judged where one is not."""
        return _worst(check.verdict for check in self.checks)


@dataclass(frozen=True)
class Judgement:
    """What the gate says of a model, on which images, and why.

    There is a diagnosis where int8 falls behind float, and there are measurements where judging came that far.
    """

    model: str
    version: str
    file_sha256: str
    manifest_sha256: str
    images: int
    source: str
    stages: tuple[StageResult, ...]
    diagnosis: Diagnosis | None
    measurements: Measurements | None

    @property
    def verdict(self) -> Verdict:
        """As a stage's: passed only where each check passed."""
        return _worst(stage.verdict for stage in self.stages)


def _worst(verdicts: Iterable[Verdict]) -> Verdict:
    found = set(verdicts)
    return next((each for each in (Verdict.REFUSED, Verdict.NOT_JUDGED) if each in found), Verdict.PASSED)
