"""Tests of `converters.tflite.graph`, on flatbuffers that TensorFlow wrote."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given
from hypothesis import strategies as st

from converters.tflite.flatbuffer import dump, load
from converters.tflite.graph import Graph, Operator, Tensor, operator_versions, read_graphs
from tests.conftest import Converted, TfliteWriter

KERNEL = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
BIAS = np.array([7, 8, 9], np.float32)

OPERATORS = st.builds(
    Operator,
    name=st.sampled_from(["ADD", "CONV_2D", "MUL", "TANH"]),
    version=st.integers(1, 12),
    inputs=st.just(()),
    outputs=st.just(()),
    is_custom=st.just(value=False),
    refers_to_graph=st.just(value=False),
)


@pytest.fixture(scope="module")
def dense(write_tflite: TfliteWriter) -> bytes:
    return write_tflite((1, 2), classify=lambda crop: tf.tanh(tf.matmul(crop, KERNEL) + BIAS))


@pytest.fixture(scope="module")
def graph(dense: bytes) -> Graph:
    (graph,) = read_graphs(dense)
    return graph


def edited(content: bytes, edit: Callable[[schema.ModelT], None]) -> bytes:
    model = load(content)
    edit(model)
    return dump(model)


def test_signature(graph: Graph) -> None:
    """A graph, its inputs and its outputs have the names of the signature."""
    assert graph.index == 0
    assert graph.signature == "classify"
    assert list(graph.inputs) == ["crop"]
    assert list(graph.outputs) == ["logits"]
    assert graph.inputs["crop"].shape == (1, 2)
    assert graph.outputs["logits"].shape == (1, 3)
    assert graph.inputs["crop"].name != graph.outputs["logits"].name


def test_operators(graph: Graph) -> None:
    """Operators come in the order they run, each with what it reads and what it writes."""
    product, squash = graph.operators
    assert (product.name, squash.name) == ("FULLY_CONNECTED", "TANH")
    assert (product.version, squash.version) == (1, 1)
    assert product.inputs[0] == graph.inputs["crop"]
    assert product.outputs == squash.inputs
    assert squash.outputs == (graph.outputs["logits"],)
    assert not product.is_custom
    assert not product.refers_to_graph


def test_constants(graph: Graph) -> None:
    """A constant has its bytes; a tensor that depends on the input has none."""
    product, squash = graph.operators
    assert product.inputs[0].constant is None
    assert product.inputs[1].constant == np.array([1, 4, 2, 5, 3, 6], np.float32).tobytes()
    assert product.inputs[1].shape == (3, 2)
    assert product.inputs[2].constant == np.array([7, 8, 9], np.float32).tobytes()
    assert squash.outputs[0].constant is None


def test_float_tensors(graph: Graph) -> None:
    """A float tensor has a type and neither scale nor zero point."""
    assert {tensor.type for tensor in graph.tensors} == {"FLOAT32"}
    assert {tensor.scales for tensor in graph.tensors} == {()}
    assert {tensor.zero_points for tensor in graph.tensors} == {()}


def test_quantised_tensors(converted_small: Converted) -> None:
    """In an int8 file an activation has one scale and zero point, and a convolution's weights one for each filter."""
    classify = converted_small.conversion.graphs["classify"]
    crop = classify.inputs["crop"]
    assert (crop.type, crop.shape, crop.scales, crop.zero_points) == (
        "INT8",
        (1, 8, 8, 1),
        (0.003921568859368563,),
        (-128,),
    )
    weights = next(operator for operator in classify.operators if operator.name == "CONV_2D").inputs[1]
    assert weights.type == "INT8"
    assert len(weights.scales) == 4
    assert weights.zero_points == (0, 0, 0, 0)


def test_missing_optional_inputs(write_tflite: TfliteWriter) -> None:
    """A product without a bias reads two tensors."""
    (graph,) = read_graphs(write_tflite((1, 2), classify=lambda crop: tf.matmul(crop, KERNEL)))
    (product,) = graph.operators
    assert len(product.inputs) == 2


def test_static_shapes(graph: Graph) -> None:
    """A tensor whose sizes are all fixed is static."""
    assert all(tensor.is_static for tensor in graph.tensors)


@pytest.mark.parametrize(
    ("shape", "signature", "static"),
    [
        ((), (), True),
        ((1, 28), (), True),
        ((0, 3), (0, 3), True),
        ((1, 2), (1, 2), True),
        ((1, 2), (-1, 2), False),
        ((1, 2), (1, -1), False),
        ((-1, 2), (), False),
    ],
)
def test_a_size_below_zero_is_dynamic(shape: tuple[int, ...], signature: tuple[int, ...], static: bool) -> None:
    """The shape signature decides, or the shape if there is none; an axis of size zero is static."""
    assert Tensor("x", "INT8", shape, signature, None, (), ()).is_static is static


def test_dynamic_shapes(write_tflite: TfliteWriter) -> None:
    """A tensor with a free size is not static, although the file gives it a size."""
    (graph,) = read_graphs(write_tflite((None, 2), classify=tf.tanh))
    crop = graph.inputs["crop"]
    assert (crop.shape, crop.shape_signature) == ((1, 2), (-1, 2))
    assert not crop.is_static


def test_two_signatures(write_tflite: TfliteWriter) -> None:
    """Every signature has its graph, and a weight that two of them share is the same constant in both."""
    content = write_tflite(
        (1, 2), classify=lambda crop: tf.matmul(crop, KERNEL), step=lambda crop: tf.tanh(tf.matmul(crop, KERNEL))
    )
    graphs = {graph.signature: graph for graph in read_graphs(content)}
    assert {name: [operator.name for operator in graph.operators] for name, graph in graphs.items()} == {
        "classify": ["FULLY_CONNECTED"],
        "step": ["FULLY_CONNECTED", "TANH"],
    }
    assert graphs["classify"].operators[0].inputs[1].constant == graphs["step"].operators[0].inputs[1].constant


def test_custom_operators(write_tflite: TfliteWriter) -> None:
    """An operator that TFLite does not have has its custom name."""
    content = write_tflite(
        (1, 2), classify=lambda crop: tf.raw_ops.Betainc(a=crop, b=crop, x=crop), allow_custom_ops=True
    )
    (graph,) = read_graphs(content)
    assert [(operator.name, operator.is_custom) for operator in graph.operators] == [("Betainc", True)]


def test_a_graph_without_signature(dense: bytes) -> None:
    """A graph that no signature names has its operators and tensors, and no names."""
    (graph,) = read_graphs(edited(dense, lambda model: model.signatureDefs.clear()))
    assert (graph.signature, dict(graph.inputs), dict(graph.outputs), graph.states) == ("", {}, {}, ())
    assert [operator.name for operator in graph.operators] == ["FULLY_CONNECTED", "TANH"]


def test_states(converted_rows2d: Converted) -> None:
    """The states of a step are the inputs that come out again, and a graph of whole crops has none."""
    graphs = converted_rows2d.conversion.graphs
    assert graphs["classify"].states == ()
    assert graphs["step"].states == ("c7", "h7", "rows0", "rows3")
    assert sorted(graphs["step"].inputs) == ["c7", "h7", "rows", "rows0", "rows3"]
    assert sorted(graphs["step"].outputs) == ["c7_out", "h7_out", "logits", "rows0_out", "rows3_out"]


def test_inputs_and_outputs_are_in_the_graphs_order(converted_rows2d: Converted) -> None:
    """A runtime that knows no names numbers inputs and outputs as they are listed here."""
    content = converted_rows2d.conversion.int8_tflite
    interpreter = Interpreter(model_content=content)
    step = read_graphs(content)[0]
    assert [tensor.name for tensor in step.inputs.values()] == [d["name"] for d in interpreter.get_input_details()]
    assert [tensor.name for tensor in step.outputs.values()] == [d["name"] for d in interpreter.get_output_details()]


def test_refuses_other_files() -> None:
    """Bytes that are not a TFLite flatbuffer are refused."""
    with pytest.raises(ValueError, match=r"^Expected a TFLite flatbuffer"):
        read_graphs(b"PK\x03\x04 a zip file, say")


def test_operator_versions(converted_small: Converted) -> None:
    """The operators of a file are listed once each, in alphabetical order, with a version."""
    versions = operator_versions(tuple(converted_small.conversion.graphs.values()))
    assert list(versions) == sorted(versions)
    assert versions["FULLY_CONNECTED"] >= 1
    assert {"CONV_2D", "LOGISTIC", "MUL", "TANH"} <= set(versions)


@given(st.lists(st.lists(OPERATORS, max_size=6), max_size=3))
def test_operator_versions_are_the_highest(drawn: list[list[Operator]]) -> None:
    """If an operator has several versions, in one graph or in several, the highest counts."""
    graphs = tuple(Graph(index, str(index), (), tuple(operators), {}, {}) for index, operators in enumerate(drawn))
    operators = [operator for graph in graphs for operator in graph.operators]
    assert list(operator_versions(graphs).items()) == sorted(
        (name, max(operator.version for operator in operators if operator.name == name))
        for name in {operator.name for operator in operators}
    )


def test_multiply_accumulates(graph: Graph, write_tflite: TfliteWriter) -> None:
    """A product by a 2 x 3 matrix is 6; a 3 x 3 convolution of 8 x 8 from 2 to 5 channels is 64 * 9 * 2 * 5.

    One of each of 2 channels by itself is 64 * 9 * 2.
    """
    kernel = np.ones((3, 3, 2, 5), np.float32)
    convolution = write_tflite((1, 8, 8, 2), classify=lambda crop: tf.nn.conv2d(crop, kernel, 1, "SAME"))
    assert graph.multiply_accumulates == 6
    assert read_graphs(convolution)[0].multiply_accumulates == 5_760
    each = np.ones((3, 3, 2, 1), np.float32)
    depthwise = write_tflite((1, 8, 8, 2), classify=lambda crop: tf.nn.depthwise_conv2d(crop, each, [1] * 4, "SAME"))
    assert read_graphs(depthwise)[0].multiply_accumulates == 1_152
