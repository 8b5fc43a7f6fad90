"""Takes reshapes out of sums of a float flatbuffer, so that one row is added to another as rows are to rows.

TensorFlow writes a sum of two tensors `[1, 1, n]` as one of `[1, 1, n]` and `[n]`, which looks like something else.
"""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from converters.tflite.editing import builtin, drop_unread_tensors
from converters.tflite.flatbuffer import dump, load

_Op = schema.BuiltinOperator
_SUMS = frozenset({_Op.ADD, _Op.MUL, _Op.SUB})


def without_squeezed_operands(float_tflite: bytes) -> bytes:
    """Returns the flatbuffer in which no sum reads a tensor of its own shape through a reshape."""
    model = load(float_tflite)
    changed = False
    for graph in model.subgraphs:
        reshaped = {
            int(operator.outputs[0]): int(operator.inputs[0])
            for operator in graph.operators
            if builtin(model, operator) == _Op.RESHAPE
        }
        for operator in graph.operators:
            if builtin(model, operator) not in _SUMS:
                continue
            direct = [_direct(graph, reshaped, int(index), int(operator.outputs[0])) for index in operator.inputs]
            changed |= direct != list(map(int, operator.inputs))
            operator.inputs = np.array(direct, np.int32)
        read = {int(index) for operator in graph.operators for index in operator.inputs} | set(map(int, graph.outputs))
        graph.operators = [each for each in graph.operators if read.intersection(map(int, each.outputs))]
    if not changed:
        return float_tflite
    drop_unread_tensors(model)
    return dump(model)


def _direct(graph: schema.SubGraphT, reshaped: dict[int, int], index: int, output: int) -> int:
    """Returns the tensor behind a reshape, if it has the shape of the output."""
    source = reshaped.get(index, index)
    return source if list(graph.tensors[source].shape) == list(graph.tensors[output].shape) else index
