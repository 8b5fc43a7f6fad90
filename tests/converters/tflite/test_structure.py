"""Tests of `converters.tflite.structure`, on converted files, on edited ones, and on literal graphs."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema

from converters.quantisation.quantise import quantise
from converters.quantisation.ranges import Range
from converters.tflite.flatbuffer import dump, load
from converters.tflite.graph import Graph, Operator, Tensor, read_graphs
from converters.tflite.structure import Kind, Problem, StructureError, check_structure, find_problems
from tests.conftest import Converted, TfliteWriter

# The quantiser looks into inner tensors, of which the interpreter warns.
pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")

Edit = Callable[[schema.ModelT], None]


def problems(content: bytes) -> set[str]:
    """What the refusal of a file lists, without the signatures' names."""
    with pytest.raises(StructureError) as refusal:
        check_structure(read_graphs(content))
    expected, _, found = str(refusal.value).partition(" Received: ")
    assert expected == "Expected static int8 graphs of built-in operators."
    return {problem.partition(": ")[2] for problem in found.split("; ")}


def edited(content: bytes, *edits: Edit) -> bytes:
    model = load(content)
    for edit in edits:
        edit(model)
    return dump(model)


def classify(model: schema.ModelT) -> schema.SubGraphT:
    (index,) = (entry.subgraphIndex for entry in model.signatureDefs if entry.signatureKey == b"classify")
    return model.subgraphs[index]


def replace_tanh(code: int, custom_code: bytes | None = None) -> Edit:
    """Makes every TANH another operator."""

    def edit(model: schema.ModelT) -> None:
        (tanh,) = (entry for entry in model.operatorCodes if entry.builtinCode == schema.BuiltinOperator.TANH)
        tanh.builtinCode, tanh.customCode = code, custom_code
        tanh.deprecatedBuiltinCode = min(code, schema.BuiltinOperator.PLACEHOLDER_FOR_GREATER_OP_CODES)

    return edit


def free_batch(model: schema.ModelT) -> None:
    graph = classify(model)
    graph.tensors[graph.inputs[0]].shapeSignature = np.array([-1, 8, 8, 1], np.int32)


def drop_last_weights(model: schema.ModelT) -> None:
    graph = classify(model)
    model.buffers[graph.tensors[graph.operators[-1].inputs[1]].buffer].data = None


def name_every_graph(model: schema.ModelT) -> None:
    for index in range(1, len(model.subgraphs)):
        signature = schema.SignatureDefT()
        signature.subgraphIndex, signature.signatureKey = index, f"part{index}".encode()
        signature.inputs, signature.outputs = [], []
        for tensor_index in model.subgraphs[index].inputs:
            entry = schema.TensorMapT()
            entry.name, entry.tensorIndex = f"input{tensor_index}".encode(), tensor_index
            signature.inputs.append(entry)
        model.signatureDefs.append(signature)


def test_accepts_what_ships(converted_small: Converted) -> None:
    """A converted int8 file is accepted, also after it was loaded and dumped again."""
    check_structure(tuple(converted_small.conversion.graphs.values()))
    check_structure(read_graphs(edited(converted_small.conversion.int8_tflite)))


def test_refuses_float_tensors(converted_small: Converted) -> None:
    """Every tensor of a float file is listed, and nothing else."""
    content = converted_small.conversion.float_tflite
    named = {tensor.name for graph in read_graphs(content) for tensor in graph.tensors if tensor.type == "FLOAT32"}
    assert problems(content) == {f"tensor {name} is FLOAT32" for name in named}
    assert len(named) > 50


def test_refuses_what_the_quantiser_left_in_float(write_tflite: TfliteWriter) -> None:
    """An operator without an int8 form stays float, and is refused."""
    content = write_tflite((1, 2), classify=lambda crop: tf.math.ceil(crop * 2.0))
    (graph,) = read_graphs(content)
    ranges = {tensor.name: Range(-1, 1) for tensor in graph.tensors if tensor.constant is None}
    found = problems(quantise(content, ranges))
    assert len(found) == 2
    assert all(problem.endswith("is FLOAT32") for problem in found)


def test_refuses_custom_operators(converted_small: Converted) -> None:
    """An operator that is not TFLite's own is refused by its name."""
    custom = replace_tanh(schema.BuiltinOperator.CUSTOM, b"FlexErf")
    assert problems(edited(converted_small.conversion.int8_tflite, custom)) == {"operator FlexErf is not built in"}


def test_refuses_custom_operators_that_tensorflow_wrote(write_tflite: TfliteWriter) -> None:
    """An operator that TFLite does not have is refused."""
    content = write_tflite(
        (1, 2), classify=lambda crop: tf.raw_ops.Betainc(a=crop, b=crop, x=crop), allow_custom_ops=True
    )
    assert "operator Betainc is not built in" in problems(content)


def test_refuses_control_flow(write_tflite: TfliteWriter) -> None:
    """An operator that runs other graphs of the file is control flow."""
    content = write_tflite(
        (1, 2),
        classify=lambda crop: tf.while_loop(lambda i, _: i < 3, lambda i, x: (i + 1, tf.tanh(x)), (0, crop))[1],
    )
    found = problems(edited(content, name_every_graph))
    assert "operator WHILE is control flow" in found
    assert not {problem for problem in found if not problem.endswith(("FLOAT32", "control flow"))}


def test_refuses_graphs_without_signature(converted_small: Converted) -> None:
    """A graph without a name is refused, even if it is the only one."""
    unnamed = edited(converted_small.conversion.int8_tflite, lambda model: model.signatureDefs.clear())
    assert "the graph has no signature" in problems(unnamed)


def test_refuses_a_state_that_changes_its_scale(converted_rows2d: Converted) -> None:
    """A state that comes out with another scale is refused by its name."""

    def rescale(model: schema.ModelT) -> None:
        (step,) = (entry for entry in model.signatureDefs if entry.signatureKey == b"step")
        (hidden,) = (entry.tensorIndex for entry in step.inputs if entry.name == b"h7")
        model.subgraphs[step.subgraphIndex].tensors[hidden].quantization.scale = np.array([0.5], np.float32)

    (problem,) = problems(edited(converted_rows2d.conversion.int8_tflite, rescale))
    assert problem.startswith("state h7 goes in with (0.5,) and comes out with (0.00")


def test_refuses_an_output_in_int16(converted_rows2d: Converted) -> None:
    """Only states may be int16 at a graph's edge: other tensors there are refused by their names."""

    def widen(model: schema.ModelT) -> None:
        for entry in model.signatureDefs:
            (logits,) = (each.tensorIndex for each in entry.outputs if each.name == b"logits")
            model.subgraphs[entry.subgraphIndex].tensors[logits].type = schema.TensorType.INT16

    found = problems(edited(converted_rows2d.conversion.int8_tflite, widen))
    assert len(found) == 2
    assert all(problem.endswith(" is INT16, which only states may be") for problem in found)


def test_refuses_a_state_that_changes_its_type(converted_rows2d: Converted) -> None:
    """A state that goes in as int16 and comes out as int8 is refused by its name."""

    def widen(model: schema.ModelT) -> None:
        (step,) = (entry for entry in model.signatureDefs if entry.signatureKey == b"step")
        (hidden,) = (entry.tensorIndex for entry in step.inputs if entry.name == b"h7")
        model.subgraphs[step.subgraphIndex].tensors[hidden].type = schema.TensorType.INT16

    assert problems(edited(converted_rows2d.conversion.int8_tflite, widen)) == {
        "state h7 goes in as INT16 and comes out as INT8"
    }


def test_refuses_a_rolled_lstm(write_tflite: TfliteWriter) -> None:
    """An LSTM that TensorFlow converted with its loop does not pass."""
    layer = keras.layers.LSTM(3)
    layer.build((1, 4, 2))
    content = write_tflite((1, 4, 2), tracked=layer, classify=layer)
    assert len(load(content).subgraphs) == 3
    with pytest.raises(ValueError, match=r"^Expected"):
        check_structure(read_graphs(content))


def test_refuses_dynamic_shapes(converted_small: Converted) -> None:
    """A tensor with a free batch size is refused by its name, with the shape."""
    content = converted_small.conversion.int8_tflite
    (name,) = (graph.inputs["crop"].name for graph in read_graphs(content) if graph.signature == "classify")
    assert problems(edited(content, free_batch)) == {f"tensor {name} has the dynamic shape (-1, 8, 8, 1)"}


def test_refuses_missing_weights(converted_small: Converted) -> None:
    """A product whose six by three weights are not in the file is refused."""
    (problem,) = problems(edited(converted_small.conversion.int8_tflite, drop_last_weights))
    assert problem.startswith("tensor ")
    assert problem.endswith(" has 0 bytes of data, not 18")


@pytest.mark.parametrize("name", ["ASSIGN_VARIABLE", "CALL_ONCE", "READ_VARIABLE", "VAR_HANDLE"])
def test_refuses_variables(converted_small: Converted, name: str) -> None:
    """An operator that keeps or fetches weights elsewhere than in the file's constants is refused."""
    variable = replace_tanh(getattr(schema.BuiltinOperator, name))
    assert problems(edited(converted_small.conversion.int8_tflite, variable)) == {
        f"operator {name} reads weights that are not in the file"
    }


def test_lists_all_problems(converted_small: Converted) -> None:
    """A file with several problems is refused with all of them."""
    content = converted_small.conversion.int8_tflite
    edits = (replace_tanh(schema.BuiltinOperator.CUSTOM, b"FlexErf"), free_batch, drop_last_weights)
    apart = [problems(edited(content, edit)) for edit in edits]
    assert problems(edited(content, *edits)) == set.union(*apart)
    assert [len(found) for found in apart] == [1, 1, 1]


def test_names_the_signature(converted_small: Converted) -> None:
    """A problem starts with the signature of its graph."""
    with pytest.raises(StructureError, match=r" Received: classify: tensor "):
        check_structure(read_graphs(edited(converted_small.conversion.int8_tflite, free_batch)))


def tensor(
    name: str, type_: str = "INT8", data: bytes | None = None, scale: float = 0.5, zero_point: int = 3
) -> Tensor:
    """A tensor `[2, 3]` of a literal graph."""
    return Tensor(name, type_, (2, 3), (), data, (scale,), (zero_point,))


def graph_of(*operators: Operator, before: Tensor | None = None, after: Tensor | None = None) -> Graph:
    """A graph `step` with a state `h`, and with inputs and outputs of its own."""
    inputs = {"rows": tensor("in"), "h": before or tensor("h0")}
    outputs = {"logits": tensor("out"), "h_out": after or tensor("h1")}
    return Graph(1, "step", tuple(entry for node in operators for entry in node.inputs), operators, inputs, outputs)


def reads(*inputs: Tensor) -> Operator:
    return Operator("ADD", 1, inputs, (tensor("out"),), is_custom=False, refers_to_graph=False)


@pytest.mark.parametrize(
    ("type_", "size"),
    [("BOOL", 6), ("INT8", 6), ("UINT8", 6), ("INT16", 12), ("INT32", 24), ("INT64", 48)],
)
def test_constants_have_the_bytes_of_their_type(type_: str, size: int) -> None:
    """Six values take as many bytes as their type says; a byte more or less is refused."""
    assert find_problems((graph_of(reads(tensor("in"), tensor("w", type_, bytes(size)))),)) == ()
    short, long = (find_problems((graph_of(reads(tensor("w", type_, bytes(size + more)))),)) for more in (-1, 1))
    assert long == (Problem(Kind.DATA, f"step: tensor w has {size + 1} bytes of data, not {size}"),)
    assert short == (Problem(Kind.DATA, f"step: tensor w has {size - 1} bytes of data, not {size}"),)


@pytest.mark.parametrize(("type_", "size"), [("FLOAT16", 12), ("FLOAT32", 24)])
def test_float_constants_are_refused_for_their_type_alone(type_: str, size: int) -> None:
    """A float constant with all its bytes is a float tensor inside; a float input is one at the edge."""
    assert find_problems((graph_of(reads(tensor("w", type_, bytes(size)))),)) == (
        Problem(Kind.FLOAT, f"step: tensor w is {type_}"),
    )
    assert find_problems((graph_of(reads(tensor("in", type_))),)) == (
        Problem(Kind.EDGE, f"step: tensor in is {type_}"),
    )


@pytest.mark.parametrize(
    ("scales", "zero_points"),
    [((0.5, 0.25), (3, 3)), ((0.25, 0.5), (3, 3)), ((0.5, 0.5), (3, 4)), ((0.5, 0.5), (4, 3))],
)
def test_states_keep_scale_and_zero_point(scales: tuple[float, float], zero_points: tuple[int, int]) -> None:
    """A state whose scale or zero point grows or shrinks within a step is refused."""
    before, after = (tensor("h", scale=scale, zero_point=zero) for scale, zero in zip(scales, zero_points, strict=True))
    (problem,) = find_problems((graph_of(before=before, after=after),))
    assert problem.kind is Kind.STATE
    assert find_problems((graph_of(before=before, after=before),)) == ()


def test_a_file_without_graphs_is_refused() -> None:
    """A file needs at least one graph."""
    assert find_problems(()) == (Problem(Kind.SIGNATURE, "no graph"),)


def test_a_graph_without_signature_goes_by_its_index() -> None:
    """A graph without a name is reported by its index."""
    assert find_problems((Graph(4, "", (), (), {}, {}),)) == (Problem(Kind.SIGNATURE, "4: the graph has no signature"),)
