"""Puts right what the quantiser writes where int8 meets int16: at a graph's edges, and between operators.

It makes all edges int8: a QUANTIZE behind a wide state's input and one ahead of its output would round the state to 8
bits in every step. And it widens by QUANTIZE, which tflite-runtime 2.14 cannot. A CAST and an addition that does not
round do the same exactly.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from converters.tflite.editing import (
    append,
    builtin,
    code_of,
    drop_unread_constants,
    drop_unread_tensors,
    new_buffer,
    operator_of,
    quantised_tensor,
    tensor_of,
)
from converters.tflite.flatbuffer import dump, load
from device.signatures import STATE_SUFFIX

_Op, _Type = schema.BuiltinOperator, schema.TensorType
_PRODUCTS = (_Op.CONV_2D, _Op.DEPTHWISE_CONV_2D, _Op.FULLY_CONNECTED)


def with_own_constants(float_tflite: bytes) -> bytes:
    """Returns the flatbuffer with a buffer for each tensor: the quantiser writes one of int32 over one of int64."""
    model = load(float_tflite)
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            data = model.buffers[tensor.buffer].data
            if data is not None:
                tensor.buffer = new_buffer(model, data)
    drop_unread_constants(model)
    return dump(model)


def put_right(quantised: bytes, float_tflite: bytes) -> bytes:
    """Returns the flatbuffer that was made from a float one, with wide states wide at the edges, and no QUANTIZE that
    widens.
    """
    model, before = load(quantised), load(float_tflite)
    for signature, was in zip(model.signatureDefs, before.signatureDefs, strict=True):
        graph, old = (each.subgraphs[signature.subgraphIndex] for each in (model, before))
        _widen_states(model, graph, signature, _places(was, old))
    for graph in model.subgraphs:
        _drop_unread_quantise(model, graph)
        graph.operators = [each for operator in graph.operators for each in _exact(model, graph, operator)]
    drop_unread_tensors(model)
    drop_unread_constants(model)
    return dump(model)


def _places(signature: schema.SignatureDefT, graph: schema.SubGraphT) -> dict[bytes, int]:
    """Returns the place of each output of a signature among those of its graph, in which a tensor may be twice."""
    remaining: list[int | None] = [int(index) for index in graph.outputs]
    places = {}
    for entry in signature.outputs:
        place = places[entry.name] = remaining.index(int(entry.tensorIndex))
        remaining[place] = None
    return places


def _widen_states(
    model: schema.ModelT, graph: schema.SubGraphT, signature: schema.SignatureDefT, places: dict[bytes, int]
) -> None:
    outputs, befores = [int(index) for index in graph.outputs], {entry.name: entry for entry in signature.inputs}
    for entry in signature.outputs:
        # The quantiser does not renumber all outputs of a signature, but all those of the graph.
        place = places[entry.name]
        before = befores.get(entry.name.removesuffix(STATE_SUFFIX.encode()))
        narrowed = _quantise(model, graph, outputs=outputs[place])
        if before is not None and narrowed is not None:
            _widen_input(model, graph, before)
            outputs[place] = int(narrowed.inputs[0])
        entry.tensorIndex = outputs[place]
    graph.outputs = np.array(outputs, np.int32)


def _widen_input(model: schema.ModelT, graph: schema.SubGraphT, entry: schema.TensorMapT) -> None:
    widened = _quantise(model, graph, inputs=int(entry.tensorIndex))
    if widened is None:
        return
    # What else reads the state reads it in int8, and gets it from the operator that widened it, turned round.
    widened.inputs, widened.outputs = widened.outputs, widened.inputs
    graph.operators.remove(widened)
    graph.operators.insert(0, widened)
    wide = int(widened.inputs[0])
    graph.inputs = np.where(graph.inputs == entry.tensorIndex, wide, graph.inputs).astype(np.int32)
    entry.tensorIndex = wide


def _quantise(model: schema.ModelT, graph: schema.SubGraphT, **end: int) -> schema.OperatorT | None:
    """Returns the QUANTIZE between int8 and int16 with a tensor as its `inputs` or its `outputs`, if there is one."""
    ((part, index),) = end.items()
    for operator in graph.operators:
        if builtin(model, operator) == _Op.QUANTIZE and int(getattr(operator, part)[0]) == index:
            return operator
    return None


def _drop_unread_quantise(model: schema.ModelT, graph: schema.SubGraphT) -> None:
    read = {int(index) for operator in graph.operators for index in operator.inputs} | set(map(int, graph.outputs))
    graph.operators = [
        operator
        for operator in graph.operators
        if builtin(model, operator) != _Op.QUANTIZE or int(operator.outputs[0]) in read
    ]


def _exact(model: schema.ModelT, graph: schema.SubGraphT, operator: schema.OperatorT) -> Iterator[schema.OperatorT]:
    """Yields an operator; in the place of a QUANTIZE that widens, a CAST and the subtraction of the zero point."""
    narrow, wide = graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
    if builtin(model, operator) != _Op.QUANTIZE or wide.type != _Type.INT16:
        yield operator
        return
    _scale_biases(model, graph, int(operator.outputs[0]), narrow.quantization.scale[0] / wide.quantization.scale[0])
    wide.quantization.scale = narrow.quantization.scale.copy()
    cast = append(graph, tensor_of(wide.name + b"/cast", _Type.INT16, wide.shape))
    graph.tensors[cast].quantization = wide.quantization
    shift = quantised_tensor(wide.name + b"/shift", _Type.INT16, (1,), narrow.quantization.scale, 0)
    shift.buffer = new_buffer(model, -narrow.quantization.zeroPoint.astype(np.int16))
    options = schema.CastOptionsT()
    options.inDataType, options.outDataType = _Type.INT8, _Type.INT16
    yield operator_of(code_of(model, _Op.CAST), operator.inputs, [cast], options)
    added = [cast, append(graph, shift)]
    yield operator_of(code_of(model, _Op.ADD), added, operator.outputs, _not_by_powers_of_two())


def _not_by_powers_of_two() -> schema.AddOptionsT:
    options = schema.AddOptionsT()
    options.potScaleInt16 = False
    return options


def _scale_biases(model: schema.ModelT, graph: schema.SubGraphT, read: int, factor: float) -> None:
    """Gives the products that read a tensor the biases for its new scale, which is larger by a factor."""
    for operator in graph.operators:
        has_bias = len(operator.inputs) > 2 and operator.inputs[2] >= 0
        if builtin(model, operator) in _PRODUCTS and operator.inputs[0] == read and has_bias:
            bias = graph.tensors[operator.inputs[2]]
            values = np.frombuffer(model.buffers[bias.buffer].data, np.int64)
            bias.buffer = new_buffer(model, np.round(values / factor).astype(np.int64))
            bias.quantization.scale = (bias.quantization.scale * factor).astype(np.float32)
