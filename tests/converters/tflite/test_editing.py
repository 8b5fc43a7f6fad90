"""Tests of `converters.tflite.editing`, on models made of the schema's own objects."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from converters.tflite.editing import (
    append,
    append_int32,
    builtin,
    code_of,
    drop_unread_buffers,
    drop_unread_constants,
    drop_unread_tensors,
    int8_tensor,
    is_constant,
    new_buffer,
    operator_of,
    quantised_tensor,
    tensor_of,
)

ADD, GELU, MUL = schema.BuiltinOperator.ADD, schema.BuiltinOperator.GELU, schema.BuiltinOperator.MUL


def model_of(*graphs: schema.SubGraphT) -> schema.ModelT:
    """A model of these graphs, with the empty first buffer that each model has and without signatures."""
    model = schema.ModelT()
    model.subgraphs, model.buffers, model.operatorCodes = list(graphs), [schema.BufferT()], []
    model.signatureDefs, model.metadata = [], None
    return model


def graph_of(names: str, inputs: list[int], outputs: list[int], *operators: schema.OperatorT) -> schema.SubGraphT:
    """A graph with a tensor for each letter of `names`."""
    graph = schema.SubGraphT()
    graph.tensors = [tensor_of(name.encode(), schema.TensorType.FLOAT32, (1, 2)) for name in names]
    graph.inputs, graph.outputs = np.array(inputs, np.int32), np.array(outputs, np.int32)
    graph.operators = list(operators)
    return graph


def code(builtin_code: int, deprecated: int) -> schema.OperatorCodeT:
    found = schema.OperatorCodeT()
    found.builtinCode, found.deprecatedBuiltinCode, found.version = builtin_code, deprecated, 1
    return found


def signature(index: int, inputs: dict[str, int], outputs: dict[str, int]) -> schema.SignatureDefT:
    found = schema.SignatureDefT()
    found.subgraphIndex = index
    found.inputs, found.outputs = (
        [_entry(name, number) for name, number in part.items()] for part in (inputs, outputs)
    )
    return found


def _entry(name: str, number: int) -> schema.TensorMapT:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name.encode(), number
    return entry


def numbered(found: schema.SignatureDefT) -> list[list[int]]:
    return [[entry.tensorIndex for entry in part] for part in (found.inputs, found.outputs)]


def metadata(buffer: int) -> schema.MetadataT:
    found = schema.MetadataT()
    found.buffer = buffer
    return found


@pytest.mark.parametrize(("kind", "deprecated"), [(MUL, MUL), (MUL, 0), (0, MUL), (GELU, 127), (0, 0)])
def test_an_operator_has_the_larger_of_two_codes(kind: int, deprecated: int) -> None:
    """Old files have the deprecated code alone, and a code above 127 does not fit into it."""
    model = model_of()
    model.operatorCodes = [code(7, 7), code(kind, deprecated)]
    expected = {(0, 0): 0, (GELU, 127): GELU}.get((kind, deprecated), MUL)
    assert builtin(model, operator_of(1, [], [])) == expected
    assert code_of(model, expected) == 1
    assert len(model.operatorCodes) == 2


@pytest.mark.parametrize(
    ("operator", "deprecated"), [(ADD, 0), (MUL, 18), (schema.BuiltinOperator.BROADCAST_TO, 127), (GELU, 127)]
)
def test_a_code_that_is_missing_is_added_once(operator: int, deprecated: int) -> None:
    """It comes last, with its version, and in its deprecated form up to the 127 that stands for all above."""
    model = model_of()
    model.operatorCodes = [code(7, 7)]
    assert [code_of(model, operator, 3), code_of(model, operator, 4), code_of(model, 7)] == [1, 1, 0]
    _, added = model.operatorCodes
    assert (added.builtinCode, added.deprecatedBuiltinCode, added.version) == (operator, deprecated, 3)


def test_a_code_is_of_version_one_by_default() -> None:
    """Most operators have no other."""
    model = model_of()
    assert code_of(model, ADD) == 0
    assert model.operatorCodes[0].version == 1


def test_a_tensor() -> None:
    """It has a name, a type and a shape, and the empty buffer 0, so that it is no constant."""
    tensor = tensor_of(b"t", schema.TensorType.INT16, (1, 2))
    assert (tensor.name, tensor.type, tensor.buffer) == (b"t", schema.TensorType.INT16, 0)
    assert (tensor.shape.tolist(), tensor.shape.dtype, tensor.quantization) == ([1, 2], np.int32, None)
    assert not is_constant(model_of(), tensor)


@pytest.mark.parametrize(
    ("scale", "scales", "zeros"), [(0.5, [0.5], [-3]), ([0.5, 0.25], [0.5, 0.25], [-3, -3]), (np.float64(2), [2], [-3])]
)
def test_a_quantised_tensor(scale: Any, scales: list[float], zeros: list[int]) -> None:
    """It has a zero point for each scale; the types are those of the schema."""
    for kind, tensor in (
        (schema.TensorType.INT8, int8_tensor(b"t", (2, 3), scale, -3)),
        (schema.TensorType.INT16, quantised_tensor(b"t", schema.TensorType.INT16, (2, 3), scale, -3)),
    ):
        assert (tensor.name, tensor.type, tensor.shape.tolist()) == (b"t", kind, [2, 3])
        found = tensor.quantization
        assert (found.scale.tolist(), found.zeroPoint.tolist()) == (scales, zeros)
        assert (found.scale.dtype, found.zeroPoint.dtype) == (np.float32, np.int64)


def test_what_is_added_comes_last() -> None:
    """Tensors and buffers are known by their places; a buffer holds the bytes of its values."""
    graph = graph_of("ab", [0], [1])
    model = model_of(graph)
    assert append(graph, tensor_of(b"c", schema.TensorType.FLOAT32, ())) == 2
    assert [new_buffer(model, np.array([1, 256], np.int16)), new_buffer(model, np.array([7], np.int8))] == [1, 2]
    assert [model.buffers[index].data.tolist() for index in (1, 2)] == [[1, 0, 0, 1], [7]]
    assert model.buffers[1].data.dtype == np.uint8
    assert append_int32(model, graph, b"shape", [[1, 2], [3, -1]]) == 3
    shape = graph.tensors[3]
    assert (shape.name, shape.type, shape.buffer) == (b"shape", schema.TensorType.INT32, 3)
    assert shape.shape.tolist() == [2, 2]
    assert model.buffers[3].data.view(np.int32).tolist() == [1, 2, 3, -1]
    assert is_constant(model, shape)


def test_an_operator() -> None:
    """Its options have the type that their class is called by; without options it has none."""
    operator = operator_of(4, [0, -1], [2], schema.CastOptionsT())
    assert (operator.opcodeIndex, operator.inputs.tolist(), operator.outputs.tolist()) == (4, [0, -1], [2])
    assert (operator.inputs.dtype, operator.outputs.dtype) == (np.int32, np.int32)
    assert operator.builtinOptionsType == schema.BuiltinOptions.CastOptions
    assert isinstance(operator.builtinOptions, schema.CastOptionsT)
    bare = operator_of(4, [0], [2])
    assert (bare.builtinOptions, bare.builtinOptionsType) == (None, schema.BuiltinOptions.NONE)


def test_unread_tensors_go() -> None:
    """Of seven tensors, two are named by nothing: the others are numbered again, and a missing input stays missing."""
    graph = graph_of("abcdefg", [6], [2], operator_of(0, [6, -1, 4], [3]), operator_of(0, [3], [2, 1]))
    other = graph_of("xyz", [0], [2], operator_of(0, [0], [2]))
    model = model_of(graph, other)
    model.signatureDefs = [signature(1, {"q": 0}, {"r": 2}), signature(0, {"p": 6}, {"s": 2, "t": 2})]
    drop_unread_tensors(model)
    assert [tensor.name for tensor in graph.tensors] == [b"b", b"c", b"d", b"e", b"g"]
    assert (graph.inputs.tolist(), graph.outputs.tolist()) == ([4], [1])
    assert [(each.inputs.tolist(), each.outputs.tolist()) for each in graph.operators] == [
        ([4, -1, 3], [2]),
        ([2], [1, 0]),
    ]
    assert graph.operators[0].inputs.dtype == np.int32
    assert [tensor.name for tensor in other.tensors] == [b"x", b"z"]
    assert (other.inputs.tolist(), other.outputs.tolist()) == ([0], [1])
    assert [numbered(each) for each in model.signatureDefs] == [[[0], [1]], [[4], [1, 1]]]


def filled(read_by_tensors: list[int], read_by_metadata: list[int] | None) -> schema.ModelT:
    """A model with five buffers of which each but the first holds its number, two graphs, and metadata."""
    graphs = [graph_of("abc"[: len(part)], [], []) for part in (read_by_tensors[:1], read_by_tensors[1:])]
    model = model_of(*graphs)
    for number in range(1, 5):
        new_buffer(model, np.array([number], np.uint8))
    tensors = [tensor for graph in graphs for tensor in graph.tensors]
    for tensor, buffer in zip(tensors, read_by_tensors, strict=True):
        tensor.buffer = buffer
    model.metadata = None if read_by_metadata is None else [metadata(each) for each in read_by_metadata]
    return model


def contents(model: schema.ModelT) -> list[Any]:
    return [None if buffer.data is None else buffer.data.tolist() for buffer in model.buffers]


@pytest.mark.parametrize(
    ("by_metadata", "expected"),
    [(None, [None, [1], None, [3], None]), ([], [None, [1], None, [3], None]), ([4], [None, [1], None, [3], [4]])],
)
def test_unread_constants_are_emptied(by_metadata: list[int] | None, expected: list[Any]) -> None:
    """Buffers keep their numbers, and what tensors of any graph or metadata read keeps its values."""
    model = filled([3, 1, 0], by_metadata)
    drop_unread_constants(model)
    assert contents(model) == expected


@pytest.mark.parametrize(
    ("by_metadata", "expected", "numbers"),
    [
        (None, [None, [1], [3]], [2, 1, 0]),
        ([4], [None, [1], [3], [4]], [2, 1, 0, 3]),
        ([2, 3], [None, [1], [2], [3]], [3, 1, 0, 2, 3]),
    ],
)
def test_unread_buffers_go(by_metadata: list[int] | None, expected: list[Any], numbers: list[int]) -> None:
    """The others are numbered again for all that reads them; the first stays, whether it is read or not."""
    model = filled([3, 1, 0], by_metadata)
    drop_unread_buffers(model)
    assert contents(model) == expected
    readers = [*(tensor for graph in model.subgraphs for tensor in graph.tensors), *(model.metadata or ())]
    assert [reader.buffer for reader in readers] == numbers
    alone = filled([2], None)
    drop_unread_buffers(alone)
    assert contents(alone) == [None, [2]]
