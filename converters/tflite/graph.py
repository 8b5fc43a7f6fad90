"""Reads the graphs, tensors and operators of a TFLite flatbuffer as plain values, without running them.

Source: TensorFlow Lite schema v3 (tensorflow/compiler/mlir/lite/schema/schema.fbs).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from converters.tflite.flatbuffer import load
from device.arrays import Int32
from device.signatures import STATE_SUFFIX

_OPERATOR_NAMES = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
_TYPE_NAMES = {code: name for name, code in vars(schema.TensorType).items() if isinstance(code, int)}


@dataclass(frozen=True)
class Tensor:
    """A tensor of a graph; `constant` is None if it has no data, `scales` are empty if it is not quantised.

    One without a name is called by its number.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    shape_signature: tuple[int, ...]
    constant: bytes | None
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]

    @property
    def is_static(self) -> bool:
        return all(size >= 0 for size in (self.shape_signature or self.shape))


@dataclass(frozen=True)
class Operator:
    """A node of a graph; missing optional inputs are left out."""

    name: str
    version: int
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    is_custom: bool
    refers_to_graph: bool


@dataclass(frozen=True)
class Graph:
    """A graph: operators in the order they run; inputs and outputs by signature name, in the graph's order.

    `signature` is empty if no signature names the graph, as for the body of a loop.
    """

    index: int
    signature: str
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]

    @property
    def multiply_accumulates(self) -> int:
        """The number of multiply-accumulates in the convolutions and matrix products of one run."""
        return sum(_multiply_accumulates(operator) for operator in self.operators)

    @property
    def states(self) -> tuple[str, ...]:
        """The inputs that are also outputs, for the next call, in alphabetical order."""
        return tuple(sorted(name for name in self.inputs if name + STATE_SUFFIX in self.outputs))


def read_graphs(content: bytes) -> tuple[Graph, ...]:
    """Returns every graph of a flatbuffer, in its order; raises ValueError if the bytes are not a TFLite flatbuffer."""
    model = load(content)
    signatures = {signature.subgraphIndex: signature for signature in model.signatureDefs or ()}
    return tuple(_graph(model, index, signatures.get(index)) for index in range(len(model.subgraphs)))


def operator_versions(graphs: tuple[Graph, ...]) -> Mapping[str, int]:
    """Returns the highest version of each operator that the graphs use, by name in alphabetical order."""
    versions: dict[str, int] = {}
    for operator in (operator for graph in graphs for operator in graph.operators):
        versions[operator.name] = max(operator.version, versions.get(operator.name, 0))
    return MappingProxyType(dict(sorted(versions.items())))


def _multiply_accumulates(operator: Operator) -> int:
    if operator.name not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
        return 0
    _, weights, *_ = operator.inputs
    if operator.name == "DEPTHWISE_CONV_2D":
        # [1, height, width, channels]: each output is a sum over one channel.
        return math.prod(operator.outputs[0].shape) * math.prod(weights.shape[1:3])
    # The weights' first axis is the output's last: each output is a sum over all the other axes.
    return math.prod(operator.outputs[0].shape) * math.prod(weights.shape[1:])


def _graph(model: schema.ModelT, index: int, signature: schema.SignatureDefT | None) -> Graph:
    subgraph = model.subgraphs[index]
    tensors = tuple(_tensor(model, number, tensor) for number, tensor in enumerate(subgraph.tensors))
    inputs, outputs = (signature.inputs, signature.outputs) if signature is not None else ((), ())
    return Graph(
        index=index,
        signature=signature.signatureKey.decode() if signature is not None else "",
        tensors=tensors,
        operators=tuple(_operator(model, node, tensors) for node in subgraph.operators),
        inputs=_named(inputs, tuple(_values(subgraph.inputs)), tensors),
        outputs=_named(outputs, tuple(_values(subgraph.outputs)), tensors),
    )


def _named(
    entries: Sequence[schema.TensorMapT], indices: tuple[int, ...], tensors: tuple[Tensor, ...]
) -> Mapping[str, Tensor]:
    in_order = sorted(entries, key=lambda entry: (*indices, entry.tensorIndex).index(entry.tensorIndex))
    return MappingProxyType({entry.name.decode(): tensors[entry.tensorIndex] for entry in in_order})


def _tensor(model: schema.ModelT, number: int, tensor: schema.TensorT) -> Tensor:
    data = model.buffers[tensor.buffer].data
    quantisation = tensor.quantization
    quantised = quantisation is not None and quantisation.scale is not None
    return Tensor(
        name=tensor.name.decode() if tensor.name is not None else str(number),
        type=_TYPE_NAMES[tensor.type],
        shape=tuple(int(size) for size in _values(tensor.shape)),
        shape_signature=tuple(int(size) for size in _values(tensor.shapeSignature)),
        constant=None if data is None else np.asarray(data, np.uint8).tobytes(),
        scales=tuple(float(scale) for scale in quantisation.scale) if quantised else (),
        zero_points=tuple(int(zero) for zero in quantisation.zeroPoint) if quantised else (),
    )


def _operator(model: schema.ModelT, node: schema.OperatorT, tensors: tuple[Tensor, ...]) -> Operator:
    code = model.operatorCodes[node.opcodeIndex]
    builtin = max(code.builtinCode, code.deprecatedBuiltinCode)
    is_custom = builtin == schema.BuiltinOperator.CUSTOM
    options = {**vars(node.builtinOptions or object), **vars(node.builtinOptions2 or object)}
    return Operator(
        name=code.customCode.decode() if is_custom else _OPERATOR_NAMES[builtin],
        version=int(code.version),
        inputs=tuple(tensors[index] for index in _values(node.inputs) if index >= 0),
        outputs=tuple(tensors[index] for index in _values(node.outputs)),
        is_custom=is_custom,
        refers_to_graph=any("subgraph" in option.lower() for option in options),
    )


def _values(array: Int32 | None) -> Iterator[int]:
    return iter(()) if array is None else (int(value) for value in array)
