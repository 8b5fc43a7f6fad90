"""Tests of a judgement: its verdict, what failed, and the judgement where limits are missing."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from device.contract.manifest import read_manifest
from pipeline.gate.check import Check, Verdict, not_judged, passed, refused
from pipeline.gate.judgement import StageResult, limits_judged, skipped
from tests.conftest import MODELS
from tests.support.cases import LIMITS
from tests.support.measured import JUDGED

PASSED, NOT_JUDGED, REFUSED = passed("a", "1"), not_judged("b", "no data"), refused("c", "2", "≤ 1", "2 is not ≤ 1")


@pytest.mark.parametrize(
    ("checks", "expected"),
    [
        pytest.param((), Verdict.PASSED, id="nothing"),
        pytest.param((PASSED, PASSED), Verdict.PASSED, id="all passed"),
        pytest.param((PASSED, NOT_JUDGED), Verdict.NOT_JUDGED, id="one not judged"),
        pytest.param((NOT_JUDGED, REFUSED, PASSED), Verdict.REFUSED, id="one refused"),
        pytest.param((REFUSED, NOT_JUDGED), Verdict.REFUSED, id="refused first"),
    ],
)
def test_the_worst_verdict_counts(checks: tuple[Check, ...], expected: Verdict) -> None:
    """Refused beats not judged, which beats passed, within a stage and between stages."""
    assert StageResult("one", checks).verdict is expected
    assert replace(JUDGED, stages=(StageResult("one", checks),)).verdict is expected
    assert replace(JUDGED, stages=tuple(StageResult("one", (check,)) for check in checks)).verdict is expected


def test_failures_leave_out_what_passed_and_what_was_not_run() -> None:
    """The failures are the checks that were refused or not judged, with their stages, in order."""
    stages = (
        StageResult("files", (PASSED, NOT_JUDGED)),
        StageResult("images", (REFUSED,)),
        skipped("budget", refused_by="images"),
    )
    assert list(replace(JUDGED, stages=stages).failures) == [("files", NOT_JUDGED), ("images", REFUSED)]


def test_a_stage_that_was_not_run_names_the_one_that_refused() -> None:
    """A stage after a refusal is not judged, and its only line says why."""
    assert skipped("budget", "images") == StageResult("budget", (not_judged("all", "not run: images refused"),))


def test_another_models_name_is_refused_without_data() -> None:
    """The folder names the model, and so its limits; a manifest with another name is refused."""
    folder = MODELS / "rows2d"
    judgement = limits_judged(folder, replace(read_manifest(folder), name="rowstream-rows"), LIMITS)
    ((_, check),) = judgement.failures
    assert (check.name, check.verdict) == ("name in manifest", Verdict.REFUSED)
    assert check.reason == "the folder rows2d is judged as rowstream-rows2d, the manifest says rowstream-rows"


def test_missing_limits_are_refused_without_data() -> None:
    """A model without limits is refused before any data are loaded, with all missing names in one reason."""
    folder = MODELS / "rows2d"
    judgement = limits_judged(folder, read_manifest(folder), replace(LIMITS, images_min=None, file_bytes_max=None))
    assert judgement.verdict is Verdict.REFUSED
    assert judgement.manifest_sha256 == hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    assert (judgement.model, judgement.images, judgement.measurements) == ("rowstream-rows2d", 0, None)
    assert [check.reason for _, check in judgement.failures] == ["images_min; file_bytes_max"]
