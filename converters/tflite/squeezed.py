"""Adds rows to rows in a float flatbuffer where TensorFlow adds a vector to a row.

TensorFlow writes a sum of two tensors `[1, 1, n]` as one of `[1, 1, n]` and `[n]`. That looks like another computation
than the sum of longer sequences. And tflite-runtime 2.14 writes a sum over its operand, even if that is a reshape in
place of a tensor which something else still reads; there the sum gets a copy.
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from converters.tflite.editing import (
    append,
    append_int32,
    builtin,
    code_of,
    drop_unread_tensors,
    operator_of,
    tensor_of,
)
from converters.tflite.flatbuffer import dump, load

_Op = schema.BuiltinOperator
_SUMS = frozenset({_Op.ADD, _Op.MUL, _Op.SUB})


def without_squeezed_operands(float_tflite: bytes) -> bytes:
    """Returns the flatbuffer in which sums read what was reshaped for them in their own shape."""
    model = load(float_tflite)
    changed = [_widen(model, graph) for graph in model.subgraphs]
    if not any(changed):
        return float_tflite
    drop_unread_tensors(model)
    return dump(model)


def _widen(model: schema.ModelT, graph: schema.SubGraphT) -> bool:
    reshapes = {int(each.outputs[0]): each for each in graph.operators if builtin(model, each) == _Op.RESHAPE}
    readers = Counter(int(index) for operator in graph.operators for index in operator.inputs)
    operators, changed = [], False
    for operator in graph.operators:
        for position, index in enumerate(map(int, operator.inputs)):
            if builtin(model, operator) not in _SUMS or index not in reshapes:
                continue
            source, output = int(reshapes[index].inputs[0]), int(operator.outputs[0])
            shared = readers[source] > 1 or readers[index] > 1
            if not _is_squeezed(graph, index, output) and not shared:
                continue
            before, direct = [], source
            if shared:
                before, direct = [_copied(model, graph, source, output)], len(graph.tensors) - 1
            if list(graph.tensors[source].shape) != list(graph.tensors[output].shape):
                before.append(_reshaped(model, graph, reshapes[index], direct, output))
                direct = int(before[-1].outputs[0])
            operators += before
            operator.inputs = operator.inputs.copy()
            operator.inputs[position] = direct
            changed = True
        operators.append(operator)
    read = {int(index) for operator in operators for index in operator.inputs} | set(map(int, graph.outputs))
    graph.operators = [each for each in operators if read.intersection(map(int, each.outputs))]
    return changed


def _copied(model: schema.ModelT, graph: schema.SubGraphT, source: int, output: int) -> schema.OperatorT:
    """Returns a slice of all of a tensor; the new tensor is the graph's last."""
    name, shape = graph.tensors[source].name, graph.tensors[source].shape
    ends = [
        append_int32(model, graph, name + b"/%d/" % output + part, values)
        for part, values in ((b"begin", [0] * len(shape)), (b"size", shape))
    ]
    copy = append(graph, tensor_of(name + b"/%d/copy" % output, schema.TensorType.FLOAT32, shape))
    return operator_of(code_of(model, _Op.SLICE), [source, *ends], [copy], schema.SliceOptionsT())


def _is_squeezed(graph: schema.SubGraphT, index: int, output: int) -> bool:
    given, wanted = (tuple(map(int, graph.tensors[each].shape)) for each in (index, output))
    return given != wanted and math.prod(given) == math.prod(wanted)


def _reshaped(
    model: schema.ModelT, graph: schema.SubGraphT, reshape: schema.OperatorT, source: int, output: int
) -> schema.OperatorT:
    """Returns such a reshape of a tensor to the shape of a sum's output."""
    name, shape = graph.tensors[reshape.outputs[0]].name, graph.tensors[output].shape
    wide = tensor_of(name + b"/%d" % output, schema.TensorType.FLOAT32, shape)
    options = schema.ReshapeOptionsT()
    options.newShape = np.asarray(shape, np.int32)
    inputs = [source, append_int32(model, graph, name + b"/%d/shape" % output, shape)]
    return operator_of(reshape.opcodeIndex, inputs, [append(graph, wide)], options)
