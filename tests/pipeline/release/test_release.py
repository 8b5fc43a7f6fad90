"""Tests of `pipeline.release.release`: what passed the gate, and nothing else, replaces a release."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from device.contract.manifest import read_manifest
from pipeline.folders import BuildFolder, ModelFolder
from pipeline.gate.check import Verdict
from pipeline.gate.limits import read_limits
from pipeline.release.release import ReleaseError, release
from tests.conftest import MODELS
from tests.support.verdicts import write_verdict

LIMITS = read_limits(MODELS / "limits.toml", "rowstream-rows2d")
FILES = {
    "README.md",
    "calibration.sha256",
    "float.weights.h5",
    "golden.bin",
    "manifest.json",
    "model.int8.tflite",
    "training.json",
}


def judge(candidate: BuildFolder, verdict: Verdict = Verdict.PASSED) -> None:
    """Writes the gate's judgement of a candidate as it is."""
    write_verdict(candidate, candidate, verdict)


def with_images(folder: ModelFolder, images: int) -> None:
    """Writes a manifest of an evaluation on so many images."""
    manifest = read_manifest(folder.path)
    assert manifest.accuracy is not None
    dataclasses.replace(manifest, accuracy=dataclasses.replace(manifest.accuracy, images=images)).write(folder.path)


def files(folder: ModelFolder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.path.iterdir()}


@pytest.fixture
def candidate(tmp_path: Path) -> BuildFolder:
    """A candidate that passed the gate."""
    folder = BuildFolder(tmp_path / "build" / "rows2d")
    shutil.copytree(MODELS / "rows2d", folder.path, ignore=shutil.ignore_patterns("*.svg"))
    folder.evaluation.write_text("{}")
    judge(folder)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> ModelFolder:
    return ModelFolder(tmp_path / "models" / "rows2d")


def test_a_first_release_has_the_candidates_files_and_pictures(candidate: BuildFolder, model: ModelFolder) -> None:
    release(candidate, model, LIMITS)
    assert files(model).keys() == FILES | {"recall.svg", "reading.svg"}
    for name in FILES - {"README.md"}:
        assert (model.path / name).read_bytes() == (candidate.path / name).read_bytes()


def test_a_model_of_another_name_is_refused(candidate: BuildFolder, tmp_path: Path) -> None:
    """What passed the gate as rows2d is not released as another variant."""
    with pytest.raises(ReleaseError, match=r"Expected the model rowstream-cols2d. Received: rowstream-rows2d"):
        release(candidate, ModelFolder(tmp_path / "models" / "cols2d"), LIMITS)


def test_the_card_has_what_the_gate_measured(candidate: BuildFolder, model: ModelFolder) -> None:
    release(candidate, model, LIMITS)
    card = model.card.read_text()
    assert card.startswith("# rowstream-rows2d 0.1.0\n")
    assert "## Gate results" in card
    assert "(recall.svg)" in card


def test_releasing_the_same_candidate_again_changes_nothing(candidate: BuildFolder, model: ModelFolder) -> None:
    release(candidate, model, LIMITS)
    before = files(model)
    release(candidate, model, LIMITS)
    assert files(model) == before


def test_a_release_is_replaced_whole(candidate: BuildFolder, model: ModelFolder) -> None:
    """A picture and a recipe of the earlier release do not stay behind."""
    release(candidate, model, LIMITS)
    candidate.training.unlink()
    release(candidate, model, LIMITS)
    assert files(model).keys() == FILES - {"training.json"} | {"recall.svg", "reading.svg"}


@pytest.mark.parametrize("verdict", [Verdict.REFUSED, Verdict.NOT_JUDGED])
def test_what_did_not_pass_is_not_released(candidate: BuildFolder, model: ModelFolder, verdict: Verdict) -> None:
    judge(candidate, verdict)
    with pytest.raises(ReleaseError, match=rf"the gate's verdict is: {verdict.value}$"):
        release(candidate, model, LIMITS)
    assert not model.path.exists()


def test_what_the_gate_has_not_seen_is_not_released(candidate: BuildFolder, model: ModelFolder) -> None:
    shutil.rmtree(candidate.gate)
    with pytest.raises(ReleaseError, match=r"the gate has not evaluated it: make gate$"):
        release(candidate, model, LIMITS)
    assert not model.path.exists()


@pytest.mark.parametrize(
    "name", ["golden.bin", "manifest.json", "model.int8.tflite", "float.weights.h5", "calibration.sha256"]
)
def test_a_file_that_changed_after_the_gate_is_not_released(
    candidate: BuildFolder, model: ModelFolder, name: str
) -> None:
    path = candidate.path / name
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(ReleaseError, match=rf"{name}: it changed after the gate passed it: make gate$"):
        release(candidate, model, LIMITS)
    assert not model.path.exists()


def test_what_passed_by_other_limits_is_not_released(candidate: BuildFolder, model: ModelFolder) -> None:
    """A pass by limits that somebody named, or that were laxer then, is none by those of now."""
    stricter = dataclasses.replace(LIMITS, int8_accuracy_percent_min=99.9)
    with pytest.raises(ReleaseError, match=r"passed it by other limits than those of now: make gate$"):
        release(candidate, model, stricter)
    assert not model.path.exists()


def test_a_release_evaluated_on_more_images_stays(candidate: BuildFolder, model: ModelFolder) -> None:
    """An offline conversion, evaluated on 4,488 images, does not replace one evaluated on MNIST's 10,000."""
    release(candidate, model, LIMITS)
    before = files(model)
    with_images(candidate, 4_488)
    judge(candidate)
    message = r"Expected an evaluation on at least 10,000 images .* Received: 4,488 .*: ROWSTREAM_DATA or --data$"
    with pytest.raises(ReleaseError, match=message):
        release(candidate, model, LIMITS)
    assert files(model) == before


def test_a_release_evaluated_on_fewer_images_is_replaced(candidate: BuildFolder, model: ModelFolder) -> None:
    release(candidate, model, LIMITS)
    with_images(model, 4_488)
    release(candidate, model, LIMITS)
    accuracy = read_manifest(model.path).accuracy
    assert accuracy is not None
    assert accuracy.images == 10_000
