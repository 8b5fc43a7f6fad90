"""Tests of `converters.quantisation.tables`: which functions become tables, and what the tables hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from converters.child import named_and_ordered
from converters.quantisation.quantise import quantise
from converters.quantisation.ranges import Range
from converters.quantisation.tables import FunctionsSetAside, set_aside, write_tables
from converters.tflite.graph import Graph, Operator, read_graphs
from device.arrays import Float32, Int8
from tests.conftest import TfliteWriter

# The quantiser looks into inner tensors, of which the interpreter warns.
pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")

Function = Callable[[tf.Tensor], Any]
# Every int8 value once.
EVERY = np.arange(-128, 128, dtype=np.int8)[np.newaxis]
GIVEN = Range(-4.0, 4.0)
TURNED = tf.constant(np.roll(np.eye(256), 1, axis=0), tf.float32)


def names(graph: Graph) -> list[str]:
    return [operator.name for operator in graph.operators]


def set_aside_of(write_tflite: TfliteWriter, function: Function) -> FunctionsSetAside:
    return set_aside(named_and_ordered(write_tflite((1, 256), classify=function)))


def computed(function: bytes, values: Float32) -> Float32:
    """What a function that was set aside makes of 256 values."""
    interpreter: Any = Interpreter(model_content=function)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
    interpreter.invoke()
    return np.asarray(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (tf.nn.softplus, lambda x: np.log1p(np.exp(x))),
        (tf.nn.elu, lambda x: np.where(x > 0, x, np.expm1(x))),
        (lambda x: x * tf.sigmoid(2 * x) + tf.exp(-x), lambda x: x / (1 + np.exp(-2 * x)) + np.exp(-x)),
        (lambda x: tf.where(x > 1, tf.square(x), 0.25 * x), lambda x: np.where(x > 1, x * x, 0.25 * x)),
        (lambda x: tf.abs(x) / (tf.minimum(x, 0.5) + 5), lambda x: np.abs(x) / (np.minimum(x, 0.5) + 5)),
    ],
)
def test_a_table_holds_the_function_of_every_value(
    write_tflite: TfliteWriter, function: Function, expected: Callable[[Any], Any]
) -> None:
    """The file looks up what the formula gives for each of 256 values, rounded to the output's scale."""
    aside = set_aside_of(write_tflite, function)
    (graph,) = read_graphs(aside.float_tflite)
    assert names(graph) == ["GELU"]
    (name,) = aside.functions
    values = np.linspace(-4, 4, 256, dtype=np.float32)
    np.testing.assert_allclose(computed(aside.functions[name], values), expected(values), rtol=1e-5, atol=1e-6)
    given, found = graph.inputs["crop"].name, graph.outputs["logits"].name
    assert name.decode() == found
    tflite = write_tables(quantise(aside.float_tflite, {given: GIVEN, found: Range(-1.0, 60.0)}), aside.functions)
    (written,) = read_graphs(tflite)
    assert names(written) == ["CAST", "ADD", "GATHER"]
    (scale_in,), (zero_in,) = written.inputs["crop"].scales, written.inputs["crop"].zero_points
    (scale_out,), (zero_out,) = written.outputs["logits"].scales, written.outputs["logits"].zero_points
    real = expected((EVERY.astype(np.float64) - zero_in) * scale_in)
    logits: Int8 = Interpreter(model_content=tflite).get_signature_runner("classify")(crop=EVERY)["logits"]
    quantised = np.clip(np.round(real / scale_out) + zero_out, -128, 127)
    # Float32, in which the table was computed, rounds a tie otherwise than these formulas in float64.
    assert np.abs(logits - quantised).max() <= 1
    assert (logits != quantised).mean() < 0.01


@pytest.mark.parametrize(
    ("function", "kept"),
    [
        pytest.param(tf.tanh, ["TANH"], id="a kernel"),
        pytest.param(lambda x: tf.tanh(0.5 * x), ["MUL", "TANH"], id="two kernels"),
        pytest.param(lambda x: tf.maximum(x, 0.5), ["MAXIMUM"], id="of a number"),
    ],
)
def test_what_has_kernels_stays(write_tflite: TfliteWriter, function: Function, kept: list[str]) -> None:
    """The file is the one that was given."""
    content = named_and_ordered(write_tflite((1, 256), classify=function))
    aside = set_aside(content)
    assert (aside.float_tflite == content, aside.functions) == (True, {})
    assert sorted(names(read_graphs(content)[0])) == kept
    assert write_tables(content, {}) == content


def placeholders(aside: FunctionsSetAside) -> list[Operator]:
    (graph,) = read_graphs(aside.float_tflite)
    return [operator for operator in graph.operators if operator.name == "GELU"]


def test_a_function_ends_where_something_else_begins(write_tflite: TfliteWriter) -> None:
    """A product in between makes two functions of one, each from what it reads to what is read of it."""
    aside = set_aside_of(write_tflite, lambda x: tf.exp(tf.matmul(tf.sin(0.5 * x), TURNED)) - 1)
    (graph,) = read_graphs(aside.float_tflite)
    assert names(graph) == ["GELU", "FULLY_CONNECTED", "GELU"]
    values = np.linspace(-1, 1, 256, dtype=np.float32)
    first, second = (aside.functions[each.outputs[0].name.encode()] for each in placeholders(aside))
    np.testing.assert_allclose(computed(first, values), np.sin(values / 2), atol=1e-6)
    np.testing.assert_allclose(computed(second, values), np.expm1(values), atol=1e-6)


def test_two_tensors_are_no_function_of_one(write_tflite: TfliteWriter) -> None:
    """Where two meet, each has a table of its own, and a kernel computes their sum."""
    aside = set_aside_of(write_tflite, lambda x: tf.exp(x) + tf.cos(tf.matmul(x, TURNED)))
    (graph,) = read_graphs(aside.float_tflite)
    assert sorted(names(graph)) == ["ADD", "FULLY_CONNECTED", "GELU", "GELU"]


def test_an_inner_value_that_is_read_elsewhere_has_a_table_too(write_tflite: TfliteWriter) -> None:
    """The exponential is read by a product, and by the function around it, which begins again at the input."""
    aside = set_aside_of(write_tflite, lambda x: tf.matmul(tf.exp(x), TURNED) + tf.cos(tf.exp(x)))
    (graph,) = read_graphs(aside.float_tflite)
    crop = graph.inputs["crop"]
    assert [each.inputs[0].name for each in placeholders(aside)] == [crop.name, crop.name]
    values = np.linspace(-1, 1, 256, dtype=np.float32)
    found = {round(float(computed(each, values)[128]), 4) for each in aside.functions.values()}
    middle = float(values[128])
    assert found == {round(np.exp(middle), 4), round(np.cos(np.exp(middle)), 4)}


def test_constants_for_each_value_are_no_function(write_tflite: TfliteWriter) -> None:
    """A constant that differs from place to place cannot be part of one table; the same everywhere can."""
    differing, same = tf.range(256.0), tf.fill((256,), 0.5)
    aside = set_aside_of(write_tflite, lambda x: tf.exp(x * differing))
    assert sorted(names(read_graphs(aside.float_tflite)[0])) == ["GELU", "MUL"]
    aside = set_aside_of(write_tflite, lambda x: tf.exp(x * same))
    assert names(read_graphs(aside.float_tflite)[0]) == ["GELU"]


def test_values_outside_of_the_domain_are_zero(write_tflite: TfliteWriter) -> None:
    """A logarithm of a negative number is asked for by nobody, but has an entry: that of 0."""
    aside = set_aside_of(write_tflite, tf.math.log)
    (graph,) = read_graphs(aside.float_tflite)
    ranges = {graph.inputs["crop"].name: GIVEN, graph.outputs["logits"].name: Range(-4.0, 1.5)}
    tflite = write_tables(quantise(aside.float_tflite, ranges), aside.functions)
    (written,) = read_graphs(tflite)
    logits = Interpreter(model_content=tflite).get_signature_runner("classify")(crop=EVERY)["logits"]
    negative = written.inputs["crop"].zero_points[0] > EVERY
    assert set(logits[negative]) == {written.outputs["logits"].zero_points[0]}
    assert logits[written.inputs["crop"].zero_points[0] == EVERY] == [-128]
