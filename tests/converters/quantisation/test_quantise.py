"""Tests of `converters.quantisation.quantise`: numbers in, numbers out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.quantisation.quantise import quantise
from converters.quantisation.ranges import Range
from converters.tflite.graph import Graph, read_graphs
from tests.conftest import Converted, TfliteWriter

# The quantiser looks into inner tensors, of which the interpreter warns.
pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")

KERNEL = np.array([[127, -127], [1, 64]], np.float32)
BIAS = np.array([7, -3], np.float32)
PIXELS = st.integers(0, 255)


@dataclass(frozen=True)
class Dense:
    """A float file that gives `a * 127 + b + 7` and `a * -127 + b * 64 - 3` for the input a, b."""

    content: bytes
    crop: str
    logits: str

    def quantised(self, crop: Range, logits: Range) -> bytes:
        return quantise(self.content, {self.crop: crop, self.logits: logits})


@pytest.fixture(scope="module")
def dense(write_tflite: TfliteWriter) -> Dense:
    content = write_tflite((1, 2), classify=lambda crop: tf.matmul(crop, KERNEL) + BIAS)
    graph = only_graph(content)
    return Dense(content, graph.inputs["crop"].name, graph.outputs["logits"].name)


@pytest.fixture(scope="module")
def whole(dense: Dense) -> bytes:
    """Scale 1 and zero point -128 for the input, scale 1 for the weights, scale 10 and zero point 0 for the logits."""
    return dense.quantised(Range(0, 255), Range(-1280, 1270))


def only_graph(content: bytes) -> Graph:
    (graph,) = read_graphs(content)
    return graph


def classify(content: bytes, pixels: Sequence[int]) -> npt.NDArray[np.int8]:
    signature = Interpreter(model_content=content, num_threads=1).get_signature_runner("classify")
    crop = (np.array([pixels], np.int16) - 128).astype(np.int8)
    return np.asarray(signature(crop=crop)["logits"][0])


@pytest.mark.parametrize(
    ("pixels", "logits"),
    [
        ((0, 0), [1, 0]),
        ((2, 10), [27, 38]),
        ((3, 0), [39, -38]),
        ((1, 17), [15, 96]),
        ((255, 255), [127, -128]),
    ],
)
def test_literal_logits(whole: bytes, pixels: tuple[int, int], logits: list[int]) -> None:
    """Sums of products over the logits' scale, rounded to nearest and clipped to int8, are what comes out."""
    given = classify(whole, pixels)
    assert given.dtype == np.int8
    assert given.tolist() == logits


@given(pixels=st.tuples(PIXELS, PIXELS))
@settings(deadline=None)
def test_logits_are_half_a_scale_off_at_most(whole: bytes, pixels: tuple[int, int]) -> None:
    """A logit is at most half its scale from the float network's, unless that lies outside its range."""
    a, b = pixels
    exact = np.clip([a * 127 + b + 7, a * -127 + b * 64 - 3], -1280, 1270)
    assert np.abs(classify(whole, pixels) * 10.0 - exact).max() <= 5


def test_literal_weights(whole: bytes) -> None:
    """Weights are int8 with a scale for each output, zero point 0; biases are int32 on the scale of the products."""
    (product,) = only_graph(whole).operators
    _, weights, bias = product.inputs
    assert (weights.type, weights.scales, weights.zero_points) == ("INT8", (1.0, 1.0), (0, 0))
    assert weights.constant == np.array([127, 1, -127, 64], np.int8).tobytes()
    assert (bias.type, bias.scales, bias.zero_points) == ("INT32", (1.0, 1.0), (0, 0))
    assert bias.constant == np.array([7, -3], np.int32).tobytes()


def test_weights_have_a_scale_for_each_output(write_tflite: TfliteWriter) -> None:
    """A row of small weights is not rounded on the scale of a row of large ones."""
    kernel = np.array([[127.0, 0.5], [1.0, 0.25]], np.float32)
    content = write_tflite((1, 2), classify=lambda crop: tf.matmul(crop, kernel))
    graph = only_graph(content)
    ranges = {graph.inputs["crop"].name: Range(0, 255), graph.outputs["logits"].name: Range(-1280, 1270)}
    (product,) = only_graph(quantise(content, ranges)).operators
    weights = product.inputs[1]
    assert weights.scales == pytest.approx((1.0, 0.5 / 127))
    assert weights.constant == np.array([127, 1, 127, 64], np.int8).tobytes()


@pytest.mark.parametrize(
    ("given_range", "scale", "zero_point"),
    [
        (Range(0, 255), 1.0, -128),
        (Range(-128, 127), 1.0, 0),
        (Range(-255, 0), 1.0, 127),
        (Range(-1, 0.9921875), 0.0078125, 0),
        (Range(51, 255), 1.0, -128),
        (Range(-255, -51), 1.0, 127),
    ],
)
def test_ranges_become_scales(dense: Dense, given_range: Range, scale: float, zero_point: int) -> None:
    """The 256 steps of int8 cover an activation's range, and zero, which always has a step of its own."""
    content = dense.quantised(given_range, Range(-1280, 1270))
    crop = only_graph(content).inputs["crop"]
    assert (crop.type, crop.scales, crop.zero_points) == ("INT8", (scale,), (zero_point,))


def test_order_of_ranges_does_not_matter(dense: Dense, whole: bytes) -> None:
    """The same ranges in another order give the same bytes."""
    ranges = {dense.logits: Range(-1280, 1270), dense.crop: Range(0, 255)}
    assert quantise(dense.content, ranges) == whole


def test_refuses_a_missing_range(dense: Dense) -> None:
    """An activation without a range is refused by its name."""
    with pytest.raises(ValueError, match=f"tensor: {dense.logits}"):
        quantise(dense.content, {dense.crop: Range(0, 255)})


def test_pixels_are_exact(converted_small: Converted) -> None:
    """A converted network takes pixels on the scale 1/255, as a float32 holds it, and the zero point -128."""
    crop = converted_small.conversion.graphs["classify"].inputs["crop"]
    assert crop.scales == (float(np.float32(1 / 255)),) == (0.003921568859368563,)
    assert crop.zero_points == (-128,)
