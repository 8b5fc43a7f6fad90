"""Tests of `converters.quantisation.round_alike`, on products of small whole numbers."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.quantisation.quantise import quantise
from converters.quantisation.ranges import Range
from converters.quantisation.round_alike import round_alike
from converters.tflite.flatbuffer import dump, load
from converters.tflite.graph import Graph, Operator, read_graphs
from device.arrays import Int8
from tests.conftest import TfliteWriter

# The quantiser looks into inner tensors, of which the interpreter warns.
pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")

KERNEL = np.array([[127, -127], [1, 64]], np.float32)
Product = Callable[[tf.Tensor], tf.Tensor]


def linear(x: tf.Tensor) -> tf.Tensor:
    """Gives `a * 127 + b + 7` and `a * -127 + b * 64 - 3` for a row a, b."""
    return tf.matmul(x, KERNEL) + np.array([7, -3], np.float32)


def without_bias(x: tf.Tensor) -> tf.Tensor:
    return tf.matmul(x, KERNEL)


@functools.cache  # many ranges are tried on one product
def float_file(write_tflite: TfliteWriter, product: Product, rows: int) -> bytes:
    return write_tflite((rows, 2), classify=product, step=lambda x: product(x[:1]))


def over_rows(write_tflite: TfliteWriter, product: Product, rows: int, output: Range) -> bytes:
    """An int8 file that computes a product in `classify` over some rows, and in `step` over the first of them.

    The input has scale 1 and zero point -128.
    """
    content = float_file(write_tflite, product, rows)
    graphs = read_graphs(content)
    ends = {graph.outputs["logits"].name for graph in graphs}
    activations = {tensor.name for graph in graphs for tensor in graph.tensors if tensor.constant is None}
    return quantise(content, {name: output if name in ends else Range(0, 255) for name in activations})


def answers(content: bytes, signature: str, pixels: Int8) -> list[list[int]]:
    runner = Interpreter(model_content=content, num_threads=1).get_signature_runner(signature)
    return [[int(value) for value in row] for row in runner(crop=pixels)["logits"]]


def operators(content: bytes, signature: str) -> list[str]:
    return [operator.name for operator in graph_of(content, signature).operators]


def graph_of(content: bytes, signature: str) -> Graph:
    (graph,) = (graph for graph in read_graphs(content) if graph.signature == signature)
    return graph


def only(content: bytes, signature: str, name: str) -> Operator:
    (operator,) = (node for node in graph_of(content, signature).operators if node.name == name)
    return operator


@pytest.mark.parametrize("signature", ["classify", "step"])
def test_moves_a_product_over_several_rows_up(write_tflite: TfliteWriter, signature: str) -> None:
    """A product over 3 rows and over 1 ends in zero point -128 in both signatures, with an addition behind it."""
    content = round_alike(over_rows(write_tflite, linear, 3, Range(-1280, 1270)))
    assert only(content, signature, "FULLY_CONNECTED").outputs[0].zero_points == (-128,)
    addition = only(content, signature, "ADD")
    assert [tensor.zero_points for tensor in addition.inputs] == [(-128,), (127,)]
    assert addition.inputs[1].constant == b"\xff"  # 127 - 128: 128 values downward
    assert {scale for tensor in (*addition.inputs, *addition.outputs) for scale in tensor.scales} == {10.0}


def test_gives_the_same_numbers(write_tflite: TfliteWriter) -> None:
    """Rows 1, 2 and 0, 20 give 136, -2 and 27, 1277 in steps of ten: 13.6, -0.2 and 2.7, 127.7, rounded."""
    content = round_alike(over_rows(write_tflite, linear, 2, Range(-1280, 1270)))
    pixels = np.array([[-127, -126], [-128, -108]], np.int8)
    assert answers(content, "classify", pixels) == [[14, 0], [3, 127]]
    assert answers(content, "step", pixels) == [[14, 0]]


@pytest.mark.sampled
@given(pixels=st.binary(min_size=6, max_size=6), low=st.integers(-900, 0), width=st.integers(100, 9000))
@settings(deadline=None, max_examples=40)
@pytest.mark.parametrize("product", [linear, without_bias])
def test_any_range_gives_the_same_numbers(
    write_tflite: TfliteWriter, product: Product, pixels: bytes, low: int, width: int
) -> None:
    """Whatever the zero point, a moved bias changes numbers by one at most, and both signatures agree."""
    before = over_rows(write_tflite, product, 3, Range(low, low + width))
    after = round_alike(before)
    rows = np.frombuffer(pixels, np.int8).reshape(3, 2)
    moved = np.array(answers(after, "classify", rows))
    assert np.abs(moved - np.array(answers(before, "classify", rows))).max() <= 1
    assert answers(after, "step", rows)[0] == moved[0].tolist()


def test_gives_a_product_without_bias_one(write_tflite: TfliteWriter) -> None:
    """A product that begins at -500 in steps of 10 gets the bias 500, which is 500 of its sums of scale 1."""
    content = round_alike(over_rows(write_tflite, without_bias, 3, Range(-500, 2050)))
    bias = only(content, "classify", "FULLY_CONNECTED").inputs[2]
    assert np.frombuffer(bias.constant or b"", np.int32).tolist() == [500, 500]


def test_leaves_a_product_that_clips_at_zero(write_tflite: TfliteWriter) -> None:
    """A product with a ReLU clips negative numbers already, and stays as it is."""
    before = over_rows(write_tflite, lambda x: tf.nn.relu(linear(x)), 3, Range(0, 2550))
    assert round_alike(before) == before


def test_leaves_a_product_over_one_number_of_rows(write_tflite: TfliteWriter) -> None:
    """A product over one row in both signatures stays as it is."""
    before = over_rows(write_tflite, linear, 1, Range(-1280, 1270))
    assert round_alike(before) == before


def test_refuses_a_bias_that_int32_cannot_hold(write_tflite: TfliteWriter) -> None:
    """A range so wide that the way to zero exceeds int32 is refused with the tensor and the numbers."""
    before = over_rows(write_tflite, linear, 3, Range(-6e9, 6e9))
    with pytest.raises(ValueError, match=r"Expected a bias within int32\. Received: .*6"):
        round_alike(before)


def test_drops_the_constants_that_nothing_reads(write_tflite: TfliteWriter) -> None:
    """The bias as it was is not kept beside the moved one."""
    content = round_alike(over_rows(write_tflite, linear, 3, Range(-1280, 1270)))
    held = [buffer.data.tobytes() for buffer in load(content).buffers if buffer.data is not None]
    assert np.array([7, -3], np.int32).tobytes() not in held
    assert dump(load(content)) == content


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("rows", "inputs", "outputs", "has_bias"),
    [(1, 16, 4, False), (1, 16, 3, True), (1, 15, 4, True), (2, 16, 4, True), (1, 32, 8, False)],
)
def test_a_product_has_a_bias_unless_a_kernel_bears_none(
    write_tflite: TfliteWriter, rows: int, inputs: int, outputs: int, has_bias: bool
) -> None:
    """On Arm tflite-runtime ends the process in other products without one; zeros change no answer."""
    kernel = np.random.default_rng(0).integers(-127, 128, (inputs, outputs)).astype(np.float32)
    content = write_tflite((rows, inputs), classify=lambda x: tf.matmul(x, kernel))
    (graph,) = read_graphs(content)
    activations = [tensor.name for tensor in graph.tensors if tensor.constant is None]
    before = quantise(content, dict.fromkeys(activations, Range(0, 255)))
    after = round_alike(before)
    (product,) = (each for each in read_graphs(after)[0].operators if each.name == "FULLY_CONNECTED")
    assert (len(product.inputs) == 3) == has_bias
    pixels = np.random.default_rng(1).integers(-128, 128, (rows, inputs)).astype(np.int8)
    assert answers(after, "classify", pixels) == answers(before, "classify", pixels)
