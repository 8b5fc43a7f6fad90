"""Tests of `converters.quantisation.input_scale`: which scalings of an image become its input's range."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from converters.quantisation.input_scale import fold_input_scale
from converters.quantisation.ranges import Range
from converters.tflite.graph import Graph, read_graphs
from tests.conftest import TfliteWriter

Function = Callable[[tf.Tensor], Any]
WEIGHTS = tf.constant([[1.0, -2.0], [0.5, 3.0]])
PIXELS = Range(0.0, 255.0)


def network(x: tf.Tensor) -> tf.Tensor:
    """Begins with what TensorFlow's converter folds no scaling into."""
    return tf.matmul(tf.sin(x), WEIGHTS)


def graphs(content: bytes) -> dict[str, Graph]:
    return {graph.signature: graph for graph in read_graphs(content)}


def answer(content: bytes, crop: list[float], signature: str = "classify") -> list[float]:
    """The logits, by the names of the signature, which stay whatever is folded."""
    runner = Interpreter(model_content=content).get_signature_runner(signature)
    logits: list[float] = runner(crop=np.array([crop], np.float32))["logits"][0].tolist()
    return logits


@pytest.mark.parametrize(
    ("scaling", "folded"),
    [
        (lambda x: x / 255, Range(0.0, 1.0)),
        (lambda x: x * 0.5, Range(0.0, 127.5)),
        (lambda x: 0.5 * x + 1, Range(1.0, 128.5)),
        (lambda x: x / 127.5 - 1, Range(-1.0, 1.0)),
        (lambda x: (x - 100) / 50, Range(-2.0, 3.1)),
        (lambda x: (x + 45) * 2, Range(90.0, 600.0)),
        (lambda x: ((x - 5) * 2 + 10) / 4, Range(0.0, 127.5)),
    ],
)
def test_a_scaling_becomes_the_range_of_the_input(write_tflite: TfliteWriter, scaling: Function, folded: Range) -> None:
    """Pixels of 0..255 become what the network multiplies; the file has no other operators, and the same answers."""
    content = write_tflite((1, 2), classify=lambda crop: network(scaling(crop)))
    without, range_ = fold_input_scale(content, PIXELS)
    assert (range_.low, range_.high) == pytest.approx((folded.low, folded.high), rel=1e-6)
    (classify,) = read_graphs(without)
    assert [operator.name for operator in classify.operators] == ["SIN", "FULLY_CONNECTED"]
    assert list(classify.inputs) == ["crop"]
    scaled = np.asarray(scaling(tf.constant([51.0, 204.0]))).tolist()
    assert answer(without, scaled) == pytest.approx(answer(content, [51.0, 204.0]), rel=1e-5)
    assert classify.inputs["crop"].name == graphs(content)["classify"].inputs["crop"].name


@pytest.mark.parametrize(
    "front",
    [
        pytest.param(lambda x: x, id="nothing"),
        pytest.param(lambda x: -2.0 * x, id="turned round"),
        pytest.param(lambda x: 1 - x, id="subtracted from one"),
        pytest.param(lambda x: 255 / x, id="its inverse"),
        pytest.param(lambda x: x * tf.constant([0.5, 0.25]), id="pixel by pixel"),
        pytest.param(lambda x: tf.nn.relu(x - 5), id="cut off"),
        pytest.param(lambda x: x / 255 + tf.tanh(x), id="read twice"),
        pytest.param(lambda x: x * x, id="squared"),
    ],
)
def test_what_is_no_scaling_of_all_pixels_stays(write_tflite: TfliteWriter, front: Function) -> None:
    """The file and the range are those that were given."""
    content = write_tflite((1, 2), classify=lambda crop: network(front(crop)))
    without, range_ = fold_input_scale(content, PIXELS)
    assert (without == content, range_) == (True, PIXELS)


def test_graphs_that_scale_alike_are_folded_together(write_tflite: TfliteWriter) -> None:
    """All signatures read pixels of one range."""
    content = write_tflite(
        (1, 2), classify=lambda crop: network(crop / 255), step=lambda crop: network(network(crop / 255))
    )
    without, range_ = fold_input_scale(content, PIXELS)
    assert [range_.low, range_.high] == pytest.approx([0.0, 1.0])
    assert [operator.name for operator in graphs(without)["step"].operators] == ["SIN", "FULLY_CONNECTED"] * 2
    for signature in ("classify", "step"):
        assert answer(without, [0.2, 0.8], signature) == pytest.approx(answer(content, [51.0, 204.0], signature))


def test_graphs_that_scale_otherwise_stay(write_tflite: TfliteWriter) -> None:
    """One range cannot be right for both."""
    content = write_tflite((1, 2), classify=lambda crop: network(crop / 255), step=lambda crop: network(crop / 127.5))
    assert fold_input_scale(content, PIXELS) == (content, PIXELS)
