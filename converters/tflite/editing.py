"""Small changes to a model as the schema's own objects (`converters.tflite.flatbuffer`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema


def builtin(model: schema.ModelT, operator: schema.OperatorT) -> int:
    """Returns which of the built-in operators an operator is."""
    return _builtin(model.operatorCodes[operator.opcodeIndex])


def code_of(model: schema.ModelT, operator: int, version: int = 1) -> int:
    """Returns the index of a built-in operator's code; adds it with this version if the model has none."""
    for index, code in enumerate(model.operatorCodes):
        if _builtin(code) == operator:
            return index
    code = schema.OperatorCodeT()
    code.builtinCode = operator
    code.deprecatedBuiltinCode = min(operator, schema.BuiltinOperator.PLACEHOLDER_FOR_GREATER_OP_CODES)
    code.version = version
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def is_constant(model: schema.ModelT, tensor: schema.TensorT) -> bool:
    """Returns whether a tensor's values are in the file."""
    return model.buffers[tensor.buffer].data is not None


def tensor_of(name: bytes, kind: int, shape: Sequence[int]) -> schema.TensorT:
    """Returns a tensor without a buffer of its own, of one of `schema.TensorType`."""
    tensor = schema.TensorT()
    tensor.name, tensor.type, tensor.buffer = name, kind, 0
    tensor.shape = np.array(shape, np.int32)
    return tensor


def int8_tensor(name: bytes, shape: Sequence[int], scale: Any, zero_point: int) -> schema.TensorT:
    """Returns an int8 tensor with one scale, or one for each channel."""
    return quantised_tensor(name, schema.TensorType.INT8, shape, scale, zero_point)


def quantised_tensor(name: bytes, kind: int, shape: Sequence[int], scale: Any, zero_point: int) -> schema.TensorT:
    """Returns a tensor of one of `schema.TensorType` with one scale, or one for each channel."""
    quantisation = schema.QuantizationParametersT()
    quantisation.scale = np.atleast_1d(np.asarray(scale, np.float32))
    quantisation.zeroPoint = np.full(quantisation.scale.shape, zero_point, np.int64)
    tensor = tensor_of(name, kind, shape)
    tensor.quantization = quantisation
    return tensor


def append(graph: schema.SubGraphT, tensor: schema.TensorT) -> int:
    """Adds a tensor to a graph; returns its index."""
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def new_buffer(model: schema.ModelT, values: npt.NDArray[np.generic]) -> int:
    """Adds a constant's values to a model; returns their index."""
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    model.buffers.append(buffer)
    return len(model.buffers) - 1


def append_int32(model: schema.ModelT, graph: schema.SubGraphT, name: bytes, values: npt.ArrayLike) -> int:
    """Adds a constant of integers to a graph, such as a shape; returns its index."""
    constants = np.asarray(values, np.int32)
    tensor = tensor_of(name, schema.TensorType.INT32, constants.shape)
    tensor.buffer = new_buffer(model, constants)
    return append(graph, tensor)


def operator_of(code: int, inputs: Sequence[int], outputs: Sequence[int], options: Any = None) -> schema.OperatorT:
    """Returns an operator; the name of its options' type is that of their class."""
    operator = schema.OperatorT()
    operator.opcodeIndex = code
    operator.inputs, operator.outputs = np.array(inputs, np.int32), np.array(outputs, np.int32)
    if options is not None:
        operator.builtinOptions = options
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
    return operator


def drop_unread_tensors(model: schema.ModelT) -> None:
    """Takes out the tensors that no operator, input or output of a graph names, and numbers the others again."""
    for index, graph in enumerate(model.subgraphs):
        holders = (graph, *graph.operators)
        named = {int(each) for holder in holders for part in (holder.inputs, holder.outputs) for each in part}
        kept = [each for each in range(len(graph.tensors)) if each in named]
        number = {-1: -1, **{old: new for new, old in enumerate(kept)}}
        graph.tensors = [graph.tensors[each] for each in kept]
        for holder in holders:
            holder.inputs, holder.outputs = (_renumbered(part, number) for part in (holder.inputs, holder.outputs))
        for entry in model.signatureDefs:
            for each in (*entry.inputs, *entry.outputs) if entry.subgraphIndex == index else ():
                each.tensorIndex = number[each.tensorIndex]


def _renumbered(indices: npt.NDArray[np.int32], number: Mapping[int, int]) -> npt.NDArray[np.int32]:
    return np.array([number[int(each)] for each in indices], np.int32)


def drop_unread_constants(model: schema.ModelT) -> None:
    """Empties the buffers that no tensor reads."""
    read = {tensor.buffer for graph in model.subgraphs for tensor in graph.tensors}
    read |= {entry.buffer for entry in model.metadata or ()}
    for index, buffer in enumerate(model.buffers):
        if index not in read:
            buffer.data = None


def drop_unread_buffers(model: schema.ModelT) -> None:
    """Takes out the buffers that no tensor and no metadata reads, but the first, and numbers the others again."""
    readers = [*(tensor for graph in model.subgraphs for tensor in graph.tensors), *(model.metadata or ())]
    kept = sorted({0, *(reader.buffer for reader in readers)})
    for reader in readers:
        reader.buffer = kept.index(reader.buffer)
    model.buffers = [model.buffers[index] for index in kept]


def _builtin(code: schema.OperatorCodeT) -> int:
    return int(max(code.builtinCode, code.deprecatedBuiltinCode))
