"""Tests of `converters.lowering.layer_graph`: which calls a network is made of, and which networks have no graph."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from converters.lowering.layer_graph import Call, LayerGraph, UnreadableNetworkError, Value, read_inner, read_layers


def chain(graph: LayerGraph) -> list[tuple[str, tuple[int, ...], tuple[int, ...]]]:
    """The names of a graph's layers, with the numbers of their inputs and outputs."""
    return [(call.layer.name, call.inputs, call.outputs) for call in graph.calls]


def test_calls_come_in_order() -> None:
    """Each layer reads what an earlier one gave, the first the network's input, which is 0."""
    network = keras.Sequential([keras.Input((6, 2)), layers.Conv1D(3, 2, name="a"), layers.ReLU(name="b")])
    graph = read_layers(network)
    assert chain(graph) == [("a", (0,), (1,)), ("b", (1,), (2,))]
    assert graph.outputs == {"logits": 2}
    assert [(call.shapes, call.output_shapes) for call in graph.calls] == [
        (((1, 6, 2),), ((1, 5, 3),)),
        (((1, 5, 3),), ((1, 5, 3),)),
    ]
    assert [call.layer for call in graph.calls] == network.layers


def test_a_free_size_is_none() -> None:
    """Whatever batch a network was built for, its calls have one of one; other free sizes stay free."""
    network = keras.Sequential([keras.Input((None, 2), batch_size=4), layers.LSTM(3)])
    (call,) = read_layers(network).calls
    assert (call.shapes, call.output_shapes) == (((1, None, 2),), ((1, 3),))


def test_branches_meet() -> None:
    """A layer with two inputs comes behind both, and is called with both in order."""
    given = keras.Input((4,))
    left, right = layers.Dense(2, name="left")(given), layers.Dense(2, name="right")(given)
    graph = read_layers(keras.Model(given, layers.Subtract(name="both")([right, left])))
    numbers = {call.layer.name: call.outputs for call in graph.calls}
    assert graph.calls[-1].layer.name == "both"
    assert graph.calls[-1].inputs == (*numbers["right"], *numbers["left"])
    assert graph.calls[-1].shapes == ((1, 2), (1, 2))


def test_a_layer_that_is_called_twice_is_two_calls() -> None:
    """Each has inputs and outputs of its own."""
    given, layer = keras.Input((3,)), layers.Dense(3, name="a")
    assert chain(read_layers(keras.Model(given, layer(layer(given))))) == [("a", (0,), (1,)), ("a", (1,), (2,))]


@pytest.mark.parametrize(
    "layer",
    [
        layers.ActivityRegularization(0.5),
        layers.AlphaDropout(0.5),
        layers.Dropout(0.5),
        layers.GaussianDropout(0.5),
        layers.GaussianNoise(0.5),
        layers.Identity(),
        layers.SpatialDropout1D(0.5),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_what_does_nothing_at_inference_vanishes(layer: keras.Layer) -> None:
    """What follows reads what came before it; at the end of a network that is its output."""
    network = keras.Sequential([keras.Input((6, 2)), layer, layers.ReLU(name="a"), layer])
    graph = read_layers(network)
    assert (chain(graph), graph.outputs) == ([("a", (0,), (1,))], {"logits": 1})


@pytest.mark.parametrize(
    ("layer", "shape"), [(layers.SpatialDropout2D(0.5), (6, 6, 2)), (layers.SpatialDropout3D(0.5), (6, 6, 6, 2))]
)
def test_dropped_maps_vanish(layer: keras.Layer, shape: tuple[int, ...]) -> None:
    """A network of nothing else gives its input."""
    graph = read_layers(keras.Sequential([keras.Input(shape), layer]))
    assert (graph.calls, graph.outputs) == ((), {"logits": 0})


@pytest.mark.parametrize("functional", [False, True])
def test_a_network_within_a_network_is_opened(functional: bool) -> None:
    """Its calls stand in its place, whichever way it was written."""
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="b"), layers.Dense(2, name="c")])
    if functional:
        inner = keras.Model(inner.inputs[0], inner.outputs[0])
    outer = keras.Sequential([keras.Input((5,)), layers.Dense(4, name="a"), inner, layers.Dense(1, name="d")])
    graph = read_layers(outer)
    assert chain(graph) == [("a", (0,), (1,)), ("b", (1,), (2,)), ("c", (2,), (3,)), ("d", (3,), (4,))]
    assert graph.outputs == {"logits": 4}


def test_several_outputs_have_their_names() -> None:
    """Each is that of its layer, and one alone is called logits."""
    given = keras.Input((4,))
    first = layers.Dense(2, name="first")(given)
    second = layers.Dense(3, name="second")(first)
    assert read_layers(keras.Model(given, [second, first])).outputs == {"second": 2, "first": 1}
    assert read_layers(keras.Model(given, [second])).outputs == {"logits": 2}


def test_a_mask_is_not_computed() -> None:
    """No layer takes one: what gives it is left out, and it is no argument."""
    given = keras.Input((6, 2))
    masked = layers.LSTM(3, name="lstm")(given, mask=ops.any(given > 0, axis=-1), training=True, initial_state=None)
    graph = read_layers(keras.Model(given, masked))
    (call,) = graph.calls
    assert (call.layer.name, call.args, call.kwargs) == ("lstm", (Value(0),), {})
    assert graph.outputs == {"logits": call.outputs[0]}


def test_other_arguments_are_kept() -> None:
    """Constants stay as they are, by place or by name, and tensors are found in lists and under names."""
    given = keras.Input((6, 2))
    x = layers.Dense(2, name="dense")(given)
    concatenated = ops.concatenate([x, given], axis=-1)
    item, joined = read_layers(keras.Model(given, concatenated[:, 1:3])).calls[::-1][:2]
    assert (joined.inputs, item.inputs) == ((1, 0), (2,))
    assert joined.args == ([Value(1), Value(0)],)
    assert item.args == (Value(2), (slice(None), slice(1, 3)))
    _, lstm = read_layers(
        keras.Model(given, layers.LSTM(2, name="lstm")(given, initial_state=[x[:, 0], x[:, 1]]))
    ).calls[-2:]
    assert lstm.kwargs == {"initial_state": [Value(2), Value(3)]}
    assert lstm.inputs == (0, 2, 3)


def test_the_function_of_a_call_takes_inputs_in_its_order() -> None:
    """Inputs go where the tensors were, among the constants of the call."""
    given = keras.Input((2,))
    network = keras.Model(given, layers.Subtract()([ops.multiply(given, 2.0), ops.clip(given, -1.0, x_max=3.0)]))
    calls = {type(call.layer).__name__: call for call in read_layers(network).calls}
    five, seven = np.array([[5.0]], np.float32), np.array([[7.0]], np.float32)
    assert np.asarray(calls["Multiply"].function(five)).tolist() == [[10.0]]
    assert np.asarray(calls["Clip"].function(five)).tolist() == [[3.0]]
    assert np.asarray(calls["Subtract"].function(five, seven)).tolist() == [[-2.0]]


def test_tensors_by_name_are_inputs() -> None:
    """A function finds them behind those that come by place."""
    call = Call(layers.Subtract(), ([Value(4), 1.0],), {"other": {"deep": Value(7)}}, (8,), (), ())
    assert call.inputs == (4, 7)


@pytest.mark.parametrize(
    ("value", "attribute"),
    [
        (Value(1), "number"),
        (Call(layers.Subtract(), (), {}, (), (), ()), "layer"),
        (LayerGraph((), {"logits": 0}), "calls"),
    ],
)
def test_a_graph_does_not_change(value: Any, attribute: str) -> None:
    """Numbers name tensors, and a network is lowered from what was read."""
    with pytest.raises(FrozenInstanceError):
        setattr(value, attribute, None)


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_a_call_may_have_several_outputs(n_outputs: int) -> None:
    """Each has a number and a shape of its own, and what only the other needs is left out."""
    given = keras.Input((6, 4))
    first, second = ops.split(given, [1], axis=-1)
    named = [layers.ReLU(name="a")(first), layers.ReLU(name="b")(second)][:n_outputs]
    graph = read_layers(keras.Model(given, named))
    split, *others = graph.calls
    assert (split.outputs, split.output_shapes) == ((1, 2), ((1, 6, 1), (1, 6, 3)))
    assert sorted((call.layer.name, call.inputs) for call in others) == [("a", (1,)), ("b", (2,))][:n_outputs]


def test_each_step_of_a_wrapper_has_a_graph_of_its_own() -> None:
    """A layer is one call on a step, without the axis of time."""
    wrapper = layers.TimeDistributed(layers.Dense(3, name="inner"))
    keras.Sequential([keras.Input((6, 2)), wrapper])
    graph = read_inner(wrapper, wrapper.layer)
    assert (chain(graph), graph.outputs) == ([("inner", (0,), (1,))], {"output": 1})
    (call,) = graph.calls
    assert (call.args, call.kwargs, call.shapes, call.output_shapes) == ((Value(0),), {}, ((1, 2),), ((1, 3),))
    assert call.layer is wrapper.layer


def test_a_step_may_be_nothing_or_a_network() -> None:
    """Dropout in each step vanishes, and a network is read as one."""
    dropped = layers.TimeDistributed(layers.Dropout(0.5))
    network = layers.TimeDistributed(keras.Sequential([layers.Dense(3, name="a"), layers.Dense(2, name="b")]))
    keras.Sequential([keras.Input((6, 2)), dropped, network])
    nothing = read_inner(dropped, dropped.layer)
    assert (nothing.calls, nothing.outputs) == ((), {"output": 0})
    assert chain(read_inner(network, network.layer)) == [("a", (0,), (1,)), ("b", (1,), (2,))]


def test_refuses_an_unbuilt_network() -> None:
    """A network without the shape of its input is refused, with its name and the line that is missing."""
    message = "odd: Expected a built network. Put first in its layers: keras.Input(shape=(...)), the shape of one input"
    with pytest.raises(UnreadableNetworkError, match=f"^{re.escape(message)}$"):
        read_layers(keras.Sequential([layers.LSTM(3)], name="odd"))


def test_refuses_a_subclass() -> None:
    """A network that is Python code of its own is refused, with its name and that of its class."""

    class Own(keras.Model):  # type: ignore[misc]  # Keras has no types
        pass

    expected = "Expected a network of the Sequential or the Functional API, whose graph can be read"
    with pytest.raises(UnreadableNetworkError, match=rf"^odd: {expected}\. Received: a subclass, Own$"):
        read_layers(Own(name="odd"))


def test_refuses_several_inputs() -> None:
    """A network with two inputs is refused by their names."""
    first, second = (layers.Input((4,), name=name) for name in ("left", "right"))
    network = keras.Model([first, second], layers.Add()([first, second]))
    message = r"^Expected a network with one input\. Received: 2 \(left, right\)$"
    with pytest.raises(UnreadableNetworkError, match=message):
        read_layers(network)


def test_outputs_of_one_name_are_refused() -> None:
    """Keras names them after their layer; one would be lost."""
    given = keras.Input((6, 4))
    parts: Any = ops.split(given, 2, axis=1)
    mend = r'Put keras\.layers\.Identity\(name="\.\.\."\) behind each of the same name'
    message = rf"^Expected outputs of different names\. Received: (split\w*), \1\. {mend}$"
    with pytest.raises(UnreadableNetworkError, match=message):
        read_layers(keras.Model(given, parts))
