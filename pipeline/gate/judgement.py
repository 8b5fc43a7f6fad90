"""The gate's judgement of a model: each stage's checks, the verdict, and what was measured on the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from device.contract.manifest import MANIFEST_NAME, Manifest, Runtime
from device.files.sha256 import sha256_hex
from pipeline.gate.check import Check, Note, Verdict, not_judged, passed, refused, without_violations
from pipeline.gate.limits import Limits
from pipeline.gate.record import Measurements
from pipeline.variants import model_name

_SKIPPED = "all"


@dataclass(frozen=True)
class StageResult:
    """The checks of a stage, and its figures without a limit."""

    name: str
    checks: tuple[Check, ...]
    notes: tuple[Note, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """Refused if a check is; otherwise not judged if a check is."""
        return _worst(check.verdict for check in self.checks)

    @property
    def is_skipped(self) -> bool:
        return any(check.name == _SKIPPED for check in self.checks)


def skipped(stage: str, refused_by: str) -> StageResult:
    """Returns the result of a stage that was not run, because an earlier one refused."""
    return StageResult(stage, (not_judged(_SKIPPED, f"not run: {refused_by} refused"),))


@dataclass(frozen=True)
class Judgement:
    """The gate's verdict on a model, and the reasons.

    Name, version and file are the manifest's, `manifest_sha256` is that of `manifest.json`, and `limits_sha256` that of
    the limits. `judged_at` is the time (UTC), e.g. `2026-11-28 05:30`, `images` the number of test images from
    `source`, and `runtimes` are those in which the file was run. `lax_limits` are those that any model keeps. There are
    no `measurements` where an early stage refused.
    """

    model: str
    version: str
    file_sha256: str
    manifest_sha256: str
    limits_sha256: str
    judged_at: str
    images: int
    source: str
    runtimes: tuple[Runtime, ...]
    lax_limits: tuple[str, ...]
    stages: tuple[StageResult, ...]
    measurements: Measurements | None

    @property
    def verdict(self) -> Verdict:
        """Passed only if every check passed."""
        return _worst(stage.verdict for stage in self.stages)

    @property
    def outcome(self) -> str:
        """The verdict in words. It names the limits that any model keeps."""
        if not self.lax_limits:
            return self.verdict.value
        return f"{self.verdict.value}, but these limits refuse nothing: {', '.join(self.lax_limits)}"

    @property
    def failures(self) -> Iterator[tuple[str, Check]]:
        """Each check that did not pass, with its stage's name; stages that were not run are left out."""
        for stage in self.stages:
            for check in stage.checks:
                if check.verdict is not Verdict.PASSED and check.name != _SKIPPED:
                    yield stage.name, check

    @property
    def notes(self) -> tuple[Note, ...]:
        return tuple(note for stage in self.stages for note in stage.notes)


def limits_judged(folder: Path, manifest: Manifest, limits: Limits) -> Judgement:
    """Returns the judgement of a model by its first stage alone, which needs no data.

    It says whether the model has the name whose limits it is judged by, and whether every limit is set.
    """
    checks = (_name(folder, manifest), without_violations("limits complete", limits.missing(), "all set"))
    return Judgement(
        model=manifest.name,
        version=manifest.version,
        file_sha256=manifest.file.sha256,
        manifest_sha256=sha256_hex((folder / MANIFEST_NAME).read_bytes()),
        limits_sha256=limits.sha256,
        judged_at=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M"),
        images=0,
        source="none loaded",
        runtimes=(),
        lax_limits=_lax_limits(manifest, limits),
        stages=(StageResult("limits", checks),),
        measurements=None,
    )


def _lax_limits(manifest: Manifest, limits: Limits) -> tuple[str, ...]:
    """Returns the limits that any model keeps, of those that say something of a model of this kind."""
    lax = limits.refusing_nothing()
    if manifest.output.kind != "values":
        return lax
    return tuple(each for each in lax if not each.startswith("int8_accuracy_percent_min"))


def _name(folder: Path, manifest: Manifest) -> Check:
    # A name in the manifest must not choose the limits: a model could take the name of one with laxer limits.
    check, expected = "name in manifest", model_name(folder)
    if manifest.name == expected:
        return passed(check, manifest.name, expected)
    reason = f"the folder {folder.resolve().name} is judged as {expected}, the manifest says {manifest.name}"
    return refused(check, manifest.name, expected, reason)


def _worst(verdicts: Iterable[Verdict]) -> Verdict:
    found = set(verdicts)
    return next((each for each in (Verdict.REFUSED, Verdict.NOT_JUDGED) if each in found), Verdict.PASSED)
