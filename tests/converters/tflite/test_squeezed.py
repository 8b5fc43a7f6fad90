"""Tests of `converters.tflite.squeezed`, on flatbuffers that TensorFlow writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from converters.tflite.graph import read_graphs
from converters.tflite.squeezed import without_squeezed_operands
from device.arrays import Float32
from tests.conftest import TfliteWriter

Operators = list[tuple[str, list[tuple[int, ...]]]]

ROWS = (1, 1, 4)
PRODUCT = [("FULLY_CONNECTED", [ROWS]), ("CONCATENATION", [ROWS, ROWS])]
ROW = np.array([[[1, -2, 3, 4]]], np.float32)
WEIGHTS = tf.constant([[1.0, 2, 0, 0], [0, 1, 0, 0], [0, 0, 3, 0], [0, 0, 0, 1]])


def logits(tflite: bytes) -> Float32:
    answers: Float32 = Interpreter(model_content=tflite).get_signature_runner("classify")(crop=ROW)["logits"]
    return answers


def operators(tflite: bytes) -> Operators:
    """The names of the operators, and the shapes of what they read that is computed."""
    (graph,) = read_graphs(tflite)
    return [
        (each.name, [tensor.shape for tensor in each.inputs if tensor.constant is None]) for each in graph.operators
    ]


def sum_with_a_vector(x: tf.Tensor) -> tf.Tensor:
    return x + tf.reshape(tf.nn.relu(x), (4,))


def sum_with_a_shared_vector(x: tf.Tensor) -> tf.Tensor:
    positive = tf.nn.relu(x)
    return tf.concat([x + tf.reshape(positive, (4,)), positive @ WEIGHTS], axis=-1)


def sum_with_another_shape(x: tf.Tensor) -> tf.Tensor:
    return x + tf.reshape(tf.reduce_mean(x, 1) * 2.0, (4,))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "before", "after"),
    [
        (
            sum_with_a_vector,
            [("RELU", [ROWS]), ("RESHAPE", [ROWS]), ("ADD", [ROWS, (4,)])],
            [("RELU", [ROWS]), ("ADD", [ROWS, ROWS])],
        ),
        (
            sum_with_a_shared_vector,
            [("RELU", [ROWS]), ("RESHAPE", [ROWS]), ("ADD", [ROWS, (4,)]), *PRODUCT],
            [("RELU", [ROWS]), ("SLICE", [ROWS]), ("ADD", [ROWS, ROWS]), *PRODUCT],
        ),
        (
            sum_with_another_shape,
            [("MEAN", [ROWS]), ("MUL", [(1, 4)]), ("RESHAPE", [(1, 4)]), ("ADD", [ROWS, (4,)])],
            [("MEAN", [ROWS]), ("MUL", [(1, 4)]), ("RESHAPE", [(1, 4)]), ("ADD", [ROWS, ROWS])],
        ),
    ],
)
def test_a_sum_reads_rows(
    write_tflite: TfliteWriter, function: Callable[[Any], Any], before: Operators, after: Operators
) -> None:
    """A vector is added as a row; one that something else reads is copied for it. The sum stays the same."""
    written = write_tflite(ROWS, classify=function)
    widened = without_squeezed_operands(written)
    assert (operators(written), operators(widened)) == (before, after)
    np.testing.assert_array_equal(logits(widened), logits(written))


@pytest.mark.slow
def test_other_flatbuffers_stay(write_tflite: TfliteWriter) -> None:
    """Where rows are added to rows nothing changes."""
    written = write_tflite(ROWS, classify=lambda x: tf.nn.relu(x) + tf.tanh(x))
    assert without_squeezed_operands(written) is written
