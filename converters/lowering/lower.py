"""Lowers a trained Keras network to what inference computes, on one input of fixed shape.

Batch normalisation folds into the convolution before it, dropout vanishes, each recurrent layer is unrolled, and
weights become constants. The result is float. A softmax or sigmoid at the end is taken off: the device applies it.

Source: Jacob et al., Quantization and Training of Neural Networks, 2018, section 3.2 (folding).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import keras
import tensorflow as tf
from keras import layers

from converters.lowering.convolution import Convolution, Surroundings
from converters.lowering.layer_graph import Call, LayerGraph, read_inner, read_layers
from converters.lowering.layers import lower_layer
from converters.lowering.operations import (
    Activation,
    BothWays,
    Dense,
    EachStep,
    Operation,
    Recurrence,
    as_tuple,
)
from converters.lowering.refusal import LayerRefusal, NetworkRefusedError
from converters.workspace import Head

Shape = tuple[int, ...]

_CONVOLUTIONS = (
    layers.Conv1D, layers.Conv2D, layers.DepthwiseConv1D, layers.DepthwiseConv2D, layers.SeparableConv1D,
    layers.SeparableConv2D,
)  # fmt: skip
_NORMALISED = (layers.Conv1D, layers.Conv2D, layers.DepthwiseConv1D, layers.DepthwiseConv2D)
_MARGINS = (layers.ZeroPadding1D, layers.ZeroPadding2D)


@dataclass(frozen=True)
class Node:
    """An operation, and the numbers of its inputs and outputs."""

    operation: Operation
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Lowered:
    """Operations in an order in which each finds its inputs; value 0 is the network's input.

    `shapes` are those of all values. `heads` names what was taken off each output.
    """

    nodes: tuple[Node, ...]
    outputs: Mapping[str, int]
    shapes: Mapping[int, Shape]
    heads: Mapping[str, Head]

    def __call__(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the outputs by name."""
        values = {0: x}
        for node in self.nodes:
            values |= zip(node.outputs, called(node, [values[number] for number in node.inputs]), strict=True)
        return {name: values[number] for name, number in self.outputs.items()}

    def readers(self, number: int) -> list[Node]:
        """Returns the nodes that read a value."""
        return [node for node in self.nodes if number in node.inputs]


def lowered(network: keras.Model, shape: Shape | None = None, *, keep_head: bool = False) -> Lowered:
    """Returns what a built network computes for an input of this shape `[1, ...]`, by default its own.

    A softmax or sigmoid at the end is taken off, unless `keep_head` is true.
    Raises UnreadableNetworkError if it has no fixed graph of layers, and NetworkRefusedError, with every layer that
    cannot be lowered and the reason, if there are any.
    """
    graph = read_layers(network)
    given = shape or (1, *network.input_shape[1:])
    if None in given:
        raise NetworkRefusedError(
            f"Expected an input of fixed shape. Received: {[*given[1:]]}. Give keras.Input the number of time steps"
        )
    whole = _lowered(graph, given)
    return whole if keep_head else _without_heads(whole)


def _lowered(graph: LayerGraph, shape: Shape) -> Lowered:
    lowering = _Lowering(graph, shape)
    for call in graph.calls:
        lowering.add(call)
    if lowering.refusals:
        raise NetworkRefusedError("\n".join(lowering.refusals))
    outputs = {name: lowering.alias(number) for name, number in graph.outputs.items()}
    return Lowered(tuple(lowering.nodes), outputs, lowering.shapes, dict.fromkeys(outputs, "linear"))


class _Lowering:
    """Lowers call by call, and follows the shapes through."""

    def __init__(self, graph: LayerGraph, shape: Shape) -> None:
        self.nodes: list[Node] = []
        self.refusals: list[str] = []
        self.shapes: dict[int, Shape] = {0: shape}
        self._calls = {number: call for call in graph.calls for number in call.outputs}
        self._readers = Counter(number for call in graph.calls for number in call.inputs)
        self._readers.update(graph.outputs.values())
        self._only_reader = {number: call for call in graph.calls for number in call.inputs}
        self._alias: dict[int, int] = {}
        self._unused = 1 + max((number for call in graph.calls for number in call.outputs), default=0)

    def alias(self, number: int) -> int:
        return self._alias.get(number, number)

    def add(self, call: Call) -> None:
        if self._folds_ahead(call) or call.outputs[0] in self._alias:
            return
        inputs = tuple(map(self.alias, call.inputs))
        try:
            self._append(call, inputs)
        except LayerRefusal as refusal:
            self._refuse(call, str(refusal))
        except NetworkRefusedError as inner:
            for line in str(inner).splitlines():
                self._refuse(call, line)
        except (TypeError, ValueError, tf.errors.InvalidArgumentError) as error:
            self._refuse(call, f"it cannot be computed. {error}")

    def _append(self, call: Call, inputs: tuple[int, ...]) -> None:
        margin, normalisation = self._folded(call)
        if margin is not None:
            inputs = tuple(map(self.alias, margin.inputs))
        outputs = call.outputs if normalisation is None else normalisation.outputs
        if normalisation is not None:
            # The normalisation's own call finds its output taken.
            self._alias[normalisation.outputs[0]] = normalisation.outputs[0]
        around = Surroundings(
            self.shapes[inputs[0]][1:-1],
            margin.layer if margin is not None else None,
            normalisation.layer if normalisation is not None else None,
        )
        actual = replace(call, shapes=tuple(self.shapes[number] for number in inputs))
        *before, last = _operations(actual, around)
        for operation in before:
            self._connect(Node(operation, inputs, (self._unused,)))
            inputs = (self._unused,)
            self._unused += 1
        self._connect(Node(last, inputs, outputs))

    def _connect(self, node: Node) -> None:
        self.nodes.append(node)
        shapes = _output_shapes(node, [self.shapes[number] for number in node.inputs])
        self.shapes |= zip(node.outputs, shapes, strict=True)

    def _refuse(self, call: Call, reason: str) -> None:
        self.refusals.append(f"{call.layer.name}: {reason}")
        for number, shape in zip(call.outputs, call.output_shapes, strict=True):
            self.shapes[number] = tuple(1 if size is None else size for size in shape)

    def _folded(self, call: Call) -> tuple[Call | None, Call | None]:
        """Returns the zero padding before a convolution and the batch normalisation after it, if they fold into it."""
        if not isinstance(call.layer, _CONVOLUTIONS):
            return None, None
        before = self._calls.get(call.inputs[0])
        margin = before if before is not None and self._folds_ahead(before) else None
        after = self._only_reader.get(call.outputs[0]) if self._readers[call.outputs[0]] == 1 else None
        linear = isinstance(call.layer, _NORMALISED) and call.layer.activation is keras.activations.linear
        folds = linear and after is not None and isinstance(after.layer, layers.BatchNormalization)
        return margin, after if folds else None

    def _folds_ahead(self, call: Call) -> bool:
        """Returns whether a call is zero padding that the convolution after it takes over."""
        if not isinstance(call.layer, _MARGINS) or self._readers[call.outputs[0]] != 1:
            return False
        reader = self._only_reader.get(call.outputs[0])
        return reader is not None and isinstance(reader.layer, _CONVOLUTIONS) and reader.layer.padding != "causal"


def _operations(call: Call, around: Surroundings) -> Sequence[Operation]:
    if isinstance(call.layer, layers.TimeDistributed):
        return (_each_step(call),)
    return lower_layer(call, around)


def _each_step(call: Call) -> Operation:
    (shape,) = call.shapes
    inner = _lowered(read_inner(call.layer, call.layer.layer), cast("Shape", shape[1:]))
    (output,) = inner.outputs
    if len(inner.nodes) == 1 and isinstance(inner.nodes[0].operation, Dense):
        return replace(inner.nodes[0].operation, name=call.layer.name)
    return EachStep(call.layer.name, lambda x: inner(x)[output])


def called(node: Node, inputs: Sequence[tf.Tensor]) -> tuple[tf.Tensor, ...]:
    """Returns the outputs of a node for its inputs."""
    return as_tuple(node.operation(*inputs))


def _output_shapes(node: Node, inputs: Sequence[Shape]) -> list[Shape]:
    operation = node.operation
    if not isinstance(operation, (BothWays, Recurrence)):
        return [tuple(value.shape) for value in called(node, list(map(tf.zeros, inputs)))]
    # All steps of a recurrent layer have the same shapes: one is enough.
    ((n, steps, *features),) = inputs
    shapes = [tuple(value.shape) for value in called(node, [tf.zeros((n, 1, *features))])]
    sequences = operation.n_sequences
    return [(n, steps, *shape[2:]) for shape in shapes[:sequences]] + shapes[sequences:]


_HEADS: Mapping[object, Head] = {keras.activations.softmax: "softmax", keras.activations.sigmoid: "sigmoid"}


def _without_heads(network: Lowered) -> Lowered:
    nodes, outputs, heads = list(network.nodes), dict(network.outputs), dict(network.heads)
    for name, number in network.outputs.items():
        index = next((index for index, node in enumerate(nodes) if number in node.outputs), None)
        if index is None or network.readers(number):
            continue
        node = nodes[index]
        if isinstance(node.operation, (Dense, Convolution)):
            heads[name] = _HEADS.get(node.operation.activation, "linear")
            if heads[name] != "linear":
                nodes[index] = replace(node, operation=replace(node.operation, activation=keras.activations.linear))
        elif isinstance(node.operation, Activation) and node.operation.function in _HEADS:
            heads[name] = _HEADS[node.operation.function]
            outputs[name] = node.inputs[0]
            del nodes[index]
    return Lowered(tuple(nodes), outputs, network.shapes, heads)
