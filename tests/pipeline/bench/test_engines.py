"""Tests of `pipeline.bench.peers.engines`: what a peer is given, and what of its answer is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

from device.arrays import Float32
from pipeline.bench.peers.engines import Loaded, litert, runner
from pipeline.data.data_form import DIGITS
from pipeline.data.mnist import embedded_splits
from tests.conftest import MODELS, TfliteWriter


def test_inputs_are_read_in_batches_and_answered_one_by_one() -> None:
    """Five inputs go in twos, and each has the index of its greatest number."""
    sizes: list[int] = []

    def call(x: Float32) -> Float32:
        sizes.append(len(x))
        return x

    labels = Loaded(lambda x: x, call, batch=2).labels(np.eye(5, dtype=np.float32))
    assert (labels.tolist(), sizes) == ([0, 1, 2, 3, 4], [2, 2, 1])


def test_a_file_with_one_signature_is_run_whatever_its_name(write_tflite: TfliteWriter, tmp_path: Path) -> None:
    """Another converter names its one signature as it likes."""
    file = tmp_path / "other.tflite"
    file.write_bytes(write_tflite((1, 3), serving_default=tf.identity))
    assert litert(file, 1).labels(np.eye(3, dtype=np.float32)).tolist() == [0, 1, 2]


def test_the_runner_is_given_grey_levels() -> None:
    """Of crops as the network takes them it reads the same digits as of grey levels."""
    crops = embedded_splits().test.spread(30)
    labels = runner(MODELS / "rows2d" / "model.int8.tflite", 1).labels(DIGITS.real(crops.crops))
    assert (labels == crops.labels).sum() >= 29
