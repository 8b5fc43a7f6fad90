"""Tests of `pipeline.release.candidate`, with the trained weights of a variant and the embedded images."""

from __future__ import annotations

import json

import pytest

from device.contract.manifest import read_manifest
from device.runner import Runner
from pipeline.data.mnist import embedded_splits
from pipeline.folders import BuildFolder, ModelFolder
from pipeline.release.evaluate import Evaluation, read_evaluation
from pipeline.release.source import variant_source
from pipeline.report.card import model_card
from pipeline.variants import VARIANTS
from tests.conftest import MODELS
from tests.support.sabotage import Good

FILES = [
    "README.md",
    "calibration.sha256",
    "evaluation.json",
    "float.weights.h5",
    "golden.bin",
    "manifest.json",
    "model.int8.tflite",
    "training.json",
]
RELEASED = ModelFolder(MODELS / "conv1d")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(good: Good) -> tuple[ModelFolder, Evaluation]:
    """A candidate in a folder that had a picture of an earlier one."""
    folder = BuildFolder(good.folder)
    return folder, read_evaluation(folder.evaluation)


def test_a_candidate_is_a_whole_model_folder(made: tuple[ModelFolder, Evaluation]) -> None:
    """It has the weights it was made from, its own card, and nothing of an earlier candidate."""
    target, _ = made
    assert sorted(path.name for path in target.path.iterdir()) == FILES
    assert target.weights.read_bytes() == RELEASED.weights.read_bytes()
    assert target.training.read_bytes() == RELEASED.training.read_bytes()
    assert target.card.read_text() == model_card(read_manifest(target.path))


def test_the_manifest_has_what_was_measured(made: tuple[ModelFolder, Evaluation]) -> None:
    target, evaluation = made
    manifest = read_manifest(target.path)
    assert (evaluation.variant, evaluation.file_bytes) == ("conv1d", manifest.file.bytes)
    assert (evaluation.accuracy, evaluation.fidelity) == (manifest.accuracy, manifest.fidelity[0])
    assert manifest.accuracy is not None
    assert manifest.accuracy.images == 2_244
    assert manifest.accuracy.int8_accuracy > 0.97
    assert manifest.configuration["training"] == json.loads(RELEASED.training.read_text())
    assert manifest.early_exit is not None
    assert manifest.early_exit.accuracy_after_step[-1] == manifest.accuracy.int8_accuracy


def test_the_manifest_is_what_the_runner_measures(made: tuple[ModelFolder, Evaluation]) -> None:
    """The runner that ships keeps as many test digits as the manifest says."""
    target, _ = made
    crops = embedded_splits().test.crops[::2]
    with Runner(target.path) as runner:
        kept = [runner.classify(crop).label is not None for crop in crops]
    rejection = read_manifest(target.path).rejection
    assert rejection is not None
    assert rejection.digits_kept == pytest.approx(sum(kept) / len(kept))


def test_weights_of_another_variant_are_refused() -> None:
    with pytest.raises(ValueError, match=r"float\.weights\.h5: Expected the float network rows\."):
        variant_source(VARIANTS["rows"], RELEASED)
