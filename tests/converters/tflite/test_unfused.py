"""Tests of `converters.tflite.unfused`."""

from __future__ import annotations

import pytest
import tensorflow as tf

from converters.tflite.graph import read_graphs
from converters.tflite.unfused import unfused
from tests.conftest import TfliteWriter


@pytest.mark.slow
def test_an_activation_in_a_sum_becomes_an_operator(write_tflite: TfliteWriter) -> None:
    """A sum with ReLU in it becomes a sum, and ReLU behind it under the tensor's old name."""
    content = write_tflite((1, 4), classify=lambda x: tf.nn.relu(x + tf.tanh(x)))
    (before,), (after,) = read_graphs(content), read_graphs(unfused(content))
    assert [operator.name for operator in before.operators] == ["TANH", "ADD"]
    assert [operator.name for operator in after.operators] == ["TANH", "ADD", "RELU"]
    assert after.outputs["logits"].name == before.outputs["logits"].name


@pytest.mark.slow
def test_other_flatbuffers_stay(write_tflite: TfliteWriter) -> None:
    """Without an activation in a sum nothing changes."""
    content = write_tflite((1, 4), classify=lambda x: x + tf.tanh(x))
    assert unfused(content) == content
