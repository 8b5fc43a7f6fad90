"""Takes outputs out of a float flatbuffer that nothing reads: the quantiser gives them no scale."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from converters.tflite.editing import append_int32, builtin, code_of, drop_unread_tensors, operator_of
from converters.tflite.flatbuffer import dump, load


def without_unread_outputs(float_tflite: bytes) -> bytes:
    """Returns the flatbuffer with slices in the place of each split of which a part is not read."""
    model = load(float_tflite)
    changed = False
    for graph in model.subgraphs:
        read = {int(index) for operator in graph.operators for index in operator.inputs} | set(map(int, graph.outputs))
        operators = []
        for operator in graph.operators:
            split = builtin(model, operator) == schema.BuiltinOperator.SPLIT
            if split and not read.issuperset(map(int, operator.outputs)):
                operators += _slices(model, graph, operator, read)
                changed = True
            else:
                operators.append(operator)
        graph.operators = operators
    if not changed:
        return float_tflite
    drop_unread_tensors(model)
    return dump(model)


def _slices(
    model: schema.ModelT, graph: schema.SubGraphT, split: schema.OperatorT, read: set[int]
) -> list[schema.OperatorT]:
    axis_tensor = graph.tensors[split.inputs[0]]
    rank = len(graph.tensors[split.inputs[1]].shape)
    axis = int(np.frombuffer(model.buffers[axis_tensor.buffer].data, np.int32)[0]) % rank
    operators, begin = [], np.zeros(rank, np.int32)
    for output in map(int, split.outputs):
        tensor = graph.tensors[output]
        if output in read:
            ends = [append_int32(model, graph, tensor.name + b"/" + end, values)
                    for end, values in ((b"begin", begin), (b"size", tensor.shape))]  # fmt: skip
            code = code_of(model, schema.BuiltinOperator.SLICE)
            operators.append(operator_of(code, [split.inputs[1], *ends], [output], schema.SliceOptionsT()))
        begin = begin.copy()
        begin[axis] += tensor.shape[axis]
    return operators
