"""Reads a built Keras network as a flat graph of calls: nested networks opened, layers that vanish at inference gone.

Source: Keras 3, `keras.src.ops.function.Function` (a network as the nodes between its inputs and its outputs).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers, tree

Shape = tuple[int | None, ...]

_VANISH = (
    layers.ActivityRegularization, layers.AlphaDropout, layers.Dropout, layers.GaussianDropout, layers.GaussianNoise,
    layers.Identity, layers.InputLayer, layers.SpatialDropout1D, layers.SpatialDropout2D, layers.SpatialDropout3D,
)  # fmt: skip


class UnreadableNetworkError(ValueError):
    """A network has no fixed graph from one input to its outputs; the message says what to change."""


@dataclass(frozen=True)
class Value:
    """A tensor of the graph, by its number."""

    number: int


@dataclass(frozen=True)
class Call:
    """A layer, or an operation of `keras.ops`, as it is called once.

    `args` and `kwargs` hold a `Value` for each tensor; `shapes` are those of the inputs and `output_shapes` those of
    the outputs as Keras knows them, with a batch of one.
    """

    layer: keras.Operation
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    outputs: tuple[int, ...]
    shapes: tuple[Shape, ...]
    output_shapes: tuple[Shape, ...]

    @property
    def inputs(self) -> tuple[int, ...]:
        return tuple(value.number for value in _values((self.args, self.kwargs)))

    def function(self, *inputs: Any) -> Any:
        """Returns what the layer's `call` returns for these inputs."""
        given = iter(inputs)
        args, kwargs = tree.map_structure(
            lambda each: next(given) if isinstance(each, Value) else each, (list(self.args), dict(self.kwargs))
        )
        return self.layer.call(*args, **kwargs)


@dataclass(frozen=True)
class LayerGraph:
    """Calls in an order in which each finds its inputs; value 0 is the network's input."""

    calls: tuple[Call, ...]
    outputs: Mapping[str, int]


def read_layers(network: keras.Model) -> LayerGraph:
    """Returns the graph of a network with one input and outputs of different names.

    Raises UnreadableNetworkError if it has none.
    """
    function = _function(network)
    if len(function.inputs) != 1:
        names = ", ".join(each.name for each in function.inputs)
        raise UnreadableNetworkError(f"Expected a network with one input. Received: {len(function.inputs)} ({names})")
    reader = _Reader()
    outputs = reader.read(function, [Value(0)])
    calls = _reached(reader.calls, [value.number for value in outputs])
    named: list[str] = ["logits"] if len(outputs) == 1 else list(network.output_names)
    if len(set(named)) < len(named):
        mend = 'Put keras.layers.Identity(name="...") behind each of the same name'
        raise UnreadableNetworkError(f"Expected outputs of different names. Received: {', '.join(named)}. {mend}")
    return LayerGraph(calls, {name: value.number for name, value in zip(named, outputs, strict=True)})


def _reached(calls: Sequence[Call], outputs: Sequence[int]) -> tuple[Call, ...]:
    """Returns the calls that the outputs need; a mask's are not, since no layer takes it."""
    wanted, kept = set(outputs), []
    for call in reversed(calls):
        if wanted.intersection(call.outputs):
            wanted.update(call.inputs)
            kept.append(call)
    return tuple(reversed(kept))


def read_inner(wrapper: keras.Layer, layer: keras.Layer) -> LayerGraph:
    """Returns the graph of the layer or network that a wrapper applies to each time step."""
    if isinstance(layer, keras.Model):
        return read_layers(layer)
    if isinstance(layer, _VANISH):
        return LayerGraph((), {"output": 0})
    shapes = [_with_batch_of_one(each.shape[1:]) for each in (wrapper.input, wrapper.output)]
    return LayerGraph((Call(layer, (Value(0),), {}, (1,), (shapes[0],), (shapes[1],)),), {"output": 1})


class _Reader:
    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._last = 0

    def read(self, function: Any, inputs: Sequence[Value]) -> list[Value]:
        values = dict(zip(map(id, function.inputs), inputs, strict=True))
        for node in _in_order(function):
            args, kwargs = node.arguments.fill_in(values)
            produced = self._called(node, args, kwargs)
            values |= zip(map(id, node.outputs), produced, strict=True)
        return [values[id(output)] for output in function.outputs]

    def _called(self, node: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Value]:
        layer = node.operation
        if isinstance(layer, _VANISH):
            return _values((args, kwargs))[:1]
        if isinstance(layer, keras.Model):
            return self.read(_function(layer), _values((args, kwargs)))
        outputs = [self._new() for _ in node.outputs]
        shapes = [tuple(_with_batch_of_one(each.shape) for each in part) for part in (node.input_tensors, node.outputs)]
        # A mask comes from a Masking layer, which is refused by its own name.
        kept = {name: each for name, each in kwargs.items() if name not in ("mask", "training") and each is not None}
        self.calls.append(Call(layer, tuple(args), kept, tuple(value.number for value in outputs), *shapes))
        return outputs

    def _new(self) -> Value:
        self._last += 1
        return Value(self._last)


def _in_order(function: Any) -> Iterator[Any]:
    for depth in sorted(function._nodes_by_depth, reverse=True):  # noqa: SLF001  # as Keras runs it; no public way
        yield from (node for node in function._nodes_by_depth[depth] if not node.is_input)  # noqa: SLF001


def _function(network: keras.Model) -> Any:
    if isinstance(network, keras.Sequential):
        if not network.built:
            first = "keras.Input(shape=(...)), the shape of one input"
            raise UnreadableNetworkError(f"{network.name}: Expected a built network. Put first in its layers: {first}")
        return network._functional  # noqa: SLF001  # Keras' own form of a Sequential
    if isinstance(network, keras.Function):
        return network
    expected = "a network of the Sequential or the Functional API, whose graph can be read"
    raise UnreadableNetworkError(f"{network.name}: Expected {expected}. Received: a subclass, {type(network).__name__}")


def _values(arguments: Any) -> list[Value]:
    return [each for each in tree.flatten(arguments) if isinstance(each, Value)]


def _with_batch_of_one(shape: Sequence[int | None]) -> Shape:
    return (1, *shape[1:])
