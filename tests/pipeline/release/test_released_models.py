"""The released files against the figures they are released on, by a bare interpreter and the pixel contract alone."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from device.idx import read_idx
from tests.conftest import MODELS

LEAST_ACCURACY = {"rows2d": 0.9940, "cols2d": 0.9940, "conv1d": 0.9890, "rows": 0.9880}
MOST_BYTES_A_WEIGHT = {"rows2d": 1.20, "cols2d": 1.20, "conv1d": 1.50, "rows": 2.5}
WEIGHTS = {"rows2d": 315_530, "cols2d": 315_530, "conv1d": 109_034, "rows": 81_674}
MAX_DROP_PP = 0.10


@pytest.mark.parametrize("variant", LEAST_ACCURACY)
def test_int8_file_reads_mnist_test_images_at_its_figure(variant: str, mnist_folder: Path) -> None:
    """The int8 file reads MNIST's 10,000 test images at its variant's accuracy or better."""
    crops = read_idx(mnist_folder / "t10k-images-idx3-ubyte.gz")
    labels = read_idx(mnist_folder / "t10k-labels-idx1-ubyte.gz")
    interpreter = Interpreter(model_content=(MODELS / variant / "model.int8.tflite").read_bytes(), num_threads=1)
    classify = interpreter.get_signature_runner("classify")
    pixels = (crops.astype(np.int16) - 128).astype(np.int8)[:, np.newaxis, :, :, np.newaxis]
    answers = np.array([classify(crop=crop)["logits"].argmax() for crop in pixels])
    assert len(answers) == 10_000
    assert (answers == labels).mean() >= LEAST_ACCURACY[variant]


@pytest.mark.parametrize("variant", LEAST_ACCURACY)
def test_manifest_states_a_drop_within_the_limit(variant: str) -> None:
    """The manifest states that int8 loses at most 0.10 points against float on the images judged."""
    accuracy = json.loads((MODELS / variant / "manifest.json").read_text())["accuracy"]
    assert accuracy["images"] in (10_000, 4_488)
    assert accuracy["accuracy_drop_pp"] <= MAX_DROP_PP


@pytest.mark.parametrize("variant", LEAST_ACCURACY)
def test_file_is_small_for_its_weights(variant: str) -> None:
    """The int8 file holds little besides a byte a weight."""
    size = (MODELS / variant / "model.int8.tflite").stat().st_size
    assert size <= MOST_BYTES_A_WEIGHT[variant] * WEIGHTS[variant]


@pytest.mark.parametrize("variant", LEAST_ACCURACY)
def test_manifest_names_the_files_beside_it(variant: str) -> None:
    """The manifest holds the SHA-256 of the int8 file and of the float weights it was made from."""
    manifest = json.loads((MODELS / variant / "manifest.json").read_text())
    assert manifest["file"]["sha256"] == _sha256(MODELS / variant / "model.int8.tflite")
    assert manifest["weights_sha256"] == _sha256(MODELS / variant / "float.weights.h5")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
