"""Tests of `converters.quantisation.widening`, on models of a few operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from converters.quantisation.widening import put_right, with_own_constants
from converters.tflite.editing import code_of, new_buffer, operator_of, quantised_tensor, tensor_of
from converters.tflite.flatbuffer import dump, load
from converters.tflite.graph import Graph, read_graphs

Shape = tuple[int, ...]
KINDS = {"f": schema.TensorType.FLOAT32, "8": schema.TensorType.INT8, "16": schema.TensorType.INT16}
ROW = (1, 2)


class Writer:
    """Writes a model of one graph; tensors are known by their names, and are `<name>:<f, 8 or 16>` when added."""

    def __init__(self) -> None:
        self.model, self.graph, self.names = schema.ModelT(), schema.SubGraphT(), list[str]()
        self.model.version, self.model.operatorCodes, self.model.buffers = 3, [], [schema.BufferT()]
        self.model.subgraphs, self.model.signatureDefs = [self.graph], []
        self.graph.tensors, self.graph.operators = [], []

    def tensors(self, *named: str, shape: Shape = ROW, scale: Any = 0.5, zero_point: int = 0) -> None:
        for name, _, kind in (each.partition(":") for each in named):
            made = (
                tensor_of(name.encode(), KINDS[kind], shape)
                if kind == "f"
                else quantised_tensor(name.encode(), KINDS[kind], shape, scale, zero_point)
            )
            self._add(name, made)

    def constant(self, name: str, values: Any, dtype: Any, scale: Any) -> None:
        array = np.array(values, dtype)
        kinds = {np.int8: schema.TensorType.INT8, np.int64: schema.TensorType.INT64}
        made = quantised_tensor(name.encode(), kinds[dtype], array.shape, scale, 0)
        made.buffer = new_buffer(self.model, array)
        self._add(name, made)

    def operator(self, kind: str, inputs: str, outputs: str, options: Any = None) -> None:
        code = code_of(self.model, getattr(schema.BuiltinOperator, kind), 4)
        self.graph.operators.append(operator_of(code, self.numbers(inputs), self.numbers(outputs), options))

    def numbers(self, names: str) -> list[int]:
        return [self.names.index(name) if name != "-" else -1 for name in names.split()]

    def written(self, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> bytes:
        """The flatbuffer, with a signature of these inputs and outputs, `{name: tensor}`, in this order."""
        self.graph.inputs, self.graph.outputs = (
            np.array(self.numbers(" ".join(part.values())), np.int32) for part in (inputs, outputs)
        )
        signature = schema.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = b"step", 0
        signature.inputs, signature.outputs = (self._entries(part) for part in (inputs, outputs))
        self.model.signatureDefs.append(signature)
        return dump(self.model)

    def _add(self, name: str, made: schema.TensorT) -> None:
        self.graph.tensors.append(made)
        self.names.append(name)

    def _entries(self, part: Mapping[str, str]) -> list[schema.TensorMapT]:
        entries = []
        # The order of a signature is not that of its graph.
        for name, tensor in reversed([*part.items()]):
            entry = schema.TensorMapT()
            entry.name, entry.tensorIndex = name.encode(), self.names.index(tensor)
            entries.append(entry)
        return entries


def only(content: bytes) -> Graph:
    (graph,) = read_graphs(content)
    return graph


def operators(graph: Graph) -> list[str]:
    """The operators, written as `TANH h t`."""
    return [" ".join([each.name, *(one.name for one in each.inputs + each.outputs)]) for each in graph.operators]


def edges(graph: Graph) -> dict[str, str]:
    """The tensor and the type of each input and output."""
    return {name: f"{each.name}:{each.type}" for name, each in {**graph.inputs, **graph.outputs}.items()}


def step_of_a_cell() -> bytes:
    """A float step whose state `h` becomes `t`, and whose logits are read of that."""
    writer = Writer()
    writer.tensors("h:f", "x:f", "t:f", "y:f")
    writer.operator("MUL", "h x", "t")
    writer.operator("RELU", "t", "y")
    return writer.written({"h": "h", "rows": "x"}, {"h_out": "t", "logits": "y"})


def quantised_cell(*more: tuple[str, str, str], outputs: Mapping[str, str] | None = None) -> Writer:
    """The same as the quantiser writes it, with the cell in int16, all edges in int8, and more operators at first."""
    writer = Writer()
    writer.tensors("x:8", "h:8", "h16:16", "x16:16", "t:16", "t8:8", "y:8", "z:8", "k:8", "h_out:8")
    for each in more:
        writer.operator(*each)
    writer.operator("RELU", "x", "y")
    writer.operator("QUANTIZE", "h", "h16")
    writer.operator("MUL", "h16 x16", "t")
    writer.operator("QUANTIZE", "t", "t8")
    writer.operator("RELU", "t8", "y")
    writer.operator("QUANTIZE", "t", "h_out")
    writer.written({"h": "h", "rows": "x", "k": "k"}, outputs or {"h_out": "h_out", "logits": "y"})
    return writer


def test_a_wide_state_is_wide_at_the_edges() -> None:
    """Its input and output are the tensors of the cell, and what made int8 of them is gone; the rest stays int8."""
    graph = only(put_right(dump(quantised_cell().model), step_of_a_cell()))
    inputs, outputs = {"h": "h16:INT16", "rows": "x:INT8", "k": "k:INT8"}, {"h_out": "t:INT16", "logits": "y:INT8"}
    assert edges(graph) == {**inputs, **outputs}
    assert operators(graph) == ["RELU x y", "MUL h16 x16 t", "QUANTIZE t t8", "RELU t8 y"]
    assert sorted(tensor.name for tensor in graph.tensors) == ["h16", "k", "t", "t8", "x", "x16", "y"]


def test_what_reads_a_state_in_int8_gets_it_narrowed() -> None:
    """The operator that widened it narrows it, ahead of all others."""
    others = [("TANH", "h", "y"), ("GELU", "h", "y")]
    graph = only(put_right(dump(quantised_cell(*others).model), step_of_a_cell()))
    cell = ["RELU x y", "MUL h16 x16 t", "QUANTIZE t t8", "RELU t8 y"]
    assert operators(graph) == ["QUANTIZE h16 h", "TANH h y", "GELU h y", *cell]
    assert edges(graph)["h"] == "h16:INT16"


def test_outputs_are_found_by_their_place() -> None:
    """The quantiser renumbers the outputs of the graph, and may leave a signature with other tensors."""
    writer = quantised_cell()
    for entry in writer.model.signatureDefs[0].outputs:
        entry.tensorIndex = 0
    right = put_right(dump(quantised_cell().model), step_of_a_cell())
    assert put_right(dump(writer.model), step_of_a_cell()) == right


@pytest.mark.parametrize("order", [("h_out", "logits"), ("logits", "h_out")])
def test_a_tensor_may_be_two_outputs(order: tuple[str, ...]) -> None:
    """A state that is an answer, too, is wide as the state and int8 as the answer, in either order."""
    writer = Writer()
    writer.tensors("h:f", "x:f", "t:f")
    writer.operator("MUL", "h x", "t")
    before = writer.written({"h": "h", "rows": "x"}, dict.fromkeys(order, "t"))
    after = quantised_cell(("QUANTIZE", "t", "z"), outputs=dict(zip(order, ("z", "h_out"), strict=True)))
    found = put_right(dump(after.model), before)
    assert {name: each.type for name, each in only(found).outputs.items()} == {"h_out": "INT16", "logits": "INT8"}
    assert len(load(found).subgraphs[0].outputs) == 2


def test_answers_and_other_states_stay_int8() -> None:
    """An answer that a cell gives is narrowed, and so does a state that was never wide come out as it went in."""
    before = Writer()
    before.tensors("k:f", "x:f", "a:f", "m:f")
    before.operator("TANH", "x", "a")
    before.operator("SLICE", "k", "m")
    after = Writer()
    after.tensors("a16:16", "x:8", "k:8", "a:8", "m:8")
    after.operator("TANH", "x", "a16")
    after.operator("QUANTIZE", "a16", "a")
    after.operator("SLICE", "k", "m")
    signature = {"k": "k", "rows": "x"}, {"logits": "a", "k_out": "m"}
    graph = only(put_right(after.written(*signature), before.written(*signature)))
    assert edges(graph) == {"k": "k:INT8", "rows": "x:INT8", "logits": "a:INT8", "k_out": "m:INT8"}
    assert operators(graph) == ["TANH x a16", "QUANTIZE a16 a", "SLICE k m"]


def float_product() -> bytes:
    writer = Writer()
    writer.tensors("x:f", "y:f")
    writer.operator("RELU", "x", "y")
    return writer.written({"x": "x"}, {"y": "y"})


def widened(kind: str = "FULLY_CONNECTED", bias: Sequence[int] | None = (100, 101, -7), *, read: str = "w") -> bytes:
    """A product of int16, whose input `x` was widened from scale 0.5 and zero point 3 to scale 0.25."""
    writer = Writer()
    if bias is not None:
        writer.constant("B", bias, np.int64, [0.25, 0.25, 0.25])
    writer.tensors("x:8", scale=0.5, zero_point=3)
    writer.tensors("w:16", "v:16", scale=0.25)
    writer.tensors("y:16", shape=(1, 3), scale=0.5)
    writer.constant("K", [[1, 10], [-1, 2], [0, 1]], np.int8, [1.0, 1.0, 1.0])
    writer.operator("QUANTIZE", "x", "w")
    writer.operator(kind, f"{read} K {'B' if bias is not None else '-'}", "y", schema.FullyConnectedOptionsT())
    return writer.written({"x": "x"}, {"y": "y"})


def constants(content: bytes) -> dict[str, list[int]]:
    kinds = {"INT8": np.int8, "INT16": np.int16, "INT64": np.int64}
    return {
        each.name: np.frombuffer(each.constant, kinds[each.type]).tolist()
        for each in only(content).tensors
        if each.constant is not None
    }


def test_int8_becomes_int16_without_rounding() -> None:
    """In the place of a QUANTIZE stand a CAST and the addition of the negative zero point, on the scale of int8."""
    right = put_right(widened(), float_product())
    graph = only(right)
    assert operators(graph) == ["CAST x w/cast", "ADD w/cast w/shift w", "FULLY_CONNECTED w K B y"]
    by_name = {each.name: each for each in graph.tensors}
    for name, shape in (("w/cast", (1, 2)), ("w/shift", (1,)), ("w", (1, 2))):
        each = by_name[name]
        assert (each.type, each.shape, each.scales, each.zero_points) == ("INT16", shape, (0.5,), (0,))
    assert by_name["x"].scales == (0.5,)
    assert constants(right)["w/shift"] == [-3]
    cast, addition, _ = load(right).subgraphs[0].operators
    assert (cast.builtinOptions.inDataType, cast.builtinOptions.outDataType) == (KINDS["8"], KINDS["16"])
    assert addition.builtinOptions.potScaleInt16 is False


@pytest.mark.parametrize("kind", ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"])
def test_biases_have_the_scale_of_what_their_product_reads(kind: str) -> None:
    """On a scale twice as large they are half as large, rounded to the even neighbour."""
    right = put_right(widened(kind), float_product())
    assert constants(right)["B"] == [50, 50, -4]
    (bias,) = (each for each in only(right).tensors if each.name == "B")
    assert (bias.type, bias.scales) == ("INT64", (0.5, 0.5, 0.5))
    assert constants(right)["K"] == [1, 10, -1, 2, 0, 1]


@pytest.mark.parametrize(
    "content", [pytest.param(widened(read="v"), id="of another"), pytest.param(widened("SELECT"), id="no product")]
)
def test_what_does_not_multiply_a_widened_tensor_keeps_its_constants(content: bytes) -> None:
    """Their scale has nothing to do with that of the tensor."""
    right = put_right(content, float_product())
    assert constants(right)["B"] == [100, 101, -7]


def test_a_product_without_a_bias_has_none_to_scale() -> None:
    """The missing input stays missing."""
    right = put_right(widened(bias=None), float_product())
    assert operators(only(right))[-1] == "FULLY_CONNECTED w K y"
    assert load(right).subgraphs[0].operators[-1].inputs.tolist()[-1] == -1


@pytest.mark.parametrize("pixels", [[3, 3], [5, 4], [-128, 127]])
def test_a_widened_product_computes_the_same(pixels: list[int]) -> None:
    """With x less its zero point, and the weights 1, 10 and -1, 2 and 0, 1, on one scale all along."""
    interpreter: Any = Interpreter(model_content=put_right(widened(bias=(40, -20, 8)), float_product()))
    answer = interpreter.get_signature_runner("step")(x=np.array([pixels], np.int8))["y"]
    first, second = (pixel - 3 for pixel in pixels)
    assert answer.tolist() == [[first + 10 * second + 20, 2 * second - first - 10, second + 4]]


@pytest.mark.parametrize("types", [("16", "8"), ("8", "8")])
def test_a_quantize_to_int8_stays(types: tuple[str, str]) -> None:
    """What narrows, or changes the scale of int8, is as it was."""
    writer = Writer()
    writer.tensors(f"x:{types[0]}", scale=0.5, zero_point=0)
    writer.tensors(f"y:{types[1]}", scale=0.25, zero_point=7)
    writer.operator("QUANTIZE", "x", "y")
    content = writer.written({"x": "x"}, {"y": "y"})
    graph = only(put_right(content, float_product()))
    assert operators(graph) == ["QUANTIZE x y"]
    assert [each.scales for each in graph.tensors] == [(0.5,), (0.25,)]


@pytest.mark.parametrize("kind", ["TANH", "GELU"])
def test_other_operators_from_int8_to_int16_stay(kind: str) -> None:
    """Only a QUANTIZE is taken apart."""
    writer = Writer()
    writer.tensors("x:8", "y:16")
    writer.operator(kind, "x", "y")
    graph = only(put_right(writer.written({"x": "x"}, {"y": "y"}), float_product()))
    assert operators(graph) == [f"{kind} x y"]


def test_what_nothing_reads_goes() -> None:
    """A QUANTIZE goes whose output is neither read nor an output, and with it the tensor; other operators stay."""
    writer = Writer()
    writer.tensors("x:8", "u:8", "v:8", "y:8")
    writer.operator("QUANTIZE", "x", "u")
    writer.operator("TANH", "x", "v")
    writer.operator("GELU", "x", "v")
    writer.operator("QUANTIZE", "x", "y")
    graph = only(put_right(writer.written({"x": "x"}, {"y": "y"}), float_product()))
    assert operators(graph) == ["TANH x v", "GELU x v", "QUANTIZE x y"]
    assert [each.name for each in graph.tensors] == ["x", "v", "y"]


def test_each_constant_has_a_buffer_of_its_own() -> None:
    """Tensors that shared one have copies, what is no constant has none, and nothing else keeps the old values."""
    writer = Writer()
    writer.tensors("x:8", "y:8")
    writer.constant("A", [1, 2], np.int8, 0.5)
    writer.constant("B", [1, 2], np.int8, 0.25)
    writer.constant("C", [3, 4], np.int8, 0.25)
    writer.graph.tensors[3].buffer = writer.graph.tensors[2].buffer
    writer.operator("CONCATENATION", "x A B C", "y")
    model = load(with_own_constants(writer.written({"x": "x"}, {"y": "y"})))
    buffers = [each.buffer for each in model.subgraphs[0].tensors]
    assert buffers[:2] == [0, 0]
    assert len({*buffers[2:]}) == 3
    assert [model.buffers[index].data.tolist() for index in buffers[2:]] == [[1, 2], [1, 2], [3, 4]]
    assert {index for index, each in enumerate(model.buffers) if each.data is not None} == {*buffers[2:]}
