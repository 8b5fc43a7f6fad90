"""Tests of the released files against `models/limits.toml`, by a bare interpreter and the pixel contract alone."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from device.contract.manifest import read_manifest
from device.files.idx import read_idx
from pipeline.folders import ModelFolder
from pipeline.gate.limits import Limits, read_limits
from tests.conftest import MODELS
from tests.support.signatures import BothSignatures


def limits(variant: str) -> Limits:
    return read_limits(MODELS / "limits.toml", f"rowstream-{variant}")


@pytest.mark.thorough
def test_int8_file_reads_mnist_test_images_within_its_limit(variant: str, mnist_folder: Path) -> None:
    """The int8 file reads MNIST's 10,000 test images at its accuracy limit or better."""
    crops = read_idx(mnist_folder / "t10k-images-idx3-ubyte.gz")
    labels = read_idx(mnist_folder / "t10k-labels-idx1-ubyte.gz")
    interpreter = Interpreter(model_content=(MODELS / variant / "model.int8.tflite").read_bytes(), num_threads=1)
    signatures = BothSignatures(interpreter, columns=variant == "cols2d")
    logits = signatures.step if variant == "tiny" else signatures.classify
    answers = np.array([logits(crop).argmax() for crop in (crops ^ 128).view(np.int8)])
    minimum = limits(variant).int8_accuracy_percent_min
    assert minimum is not None
    assert len(answers) == 10_000
    assert 100 * (answers == labels).mean() >= minimum


def test_manifest_is_within_the_limits(variant: str) -> None:
    """A release is evaluated on MNIST's 10,000 test images; its drop and size are within the limits."""
    manifest, limited = read_manifest(MODELS / variant), limits(variant)
    assert manifest.accuracy is not None
    assert manifest.accuracy.images == 10_000
    assert limited.accuracy_drop_pp_max is not None
    assert manifest.accuracy.accuracy_drop_pp <= limited.accuracy_drop_pp_max
    assert limited.file_bytes_max is not None
    assert manifest.file.bytes <= limited.file_bytes_max


def test_manifest_names_the_files_beside_it(variant: str) -> None:
    """The manifest has the SHA-256 of the int8 file, golden crops, float weights and calibration record."""
    folder, manifest = ModelFolder(MODELS / variant), read_manifest(MODELS / variant)
    assert manifest.file.sha256 == _sha256(folder.int8_tflite)
    assert manifest.golden_sha256 == _sha256(folder.golden)
    assert manifest.weights_sha256 == _sha256(folder.weights)
    assert manifest.calibration.digests_sha256 == _sha256(folder.calibration)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
