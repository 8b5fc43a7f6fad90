"""Tests of `converters.lowering.cells`."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.lowering.cells import Function, LSTMCell, Unrolled, lower_cell
from converters.lowering.refusal import LayerRefusal

SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.fixed_dictionaries({"units": st.integers(1, 17), "use_bias": st.booleans(), "go_backwards": st.booleans()})


def memory(features: int, seed: int, **arguments: Any) -> keras.layers.LSTM:
    """A built LSTM layer with random weights, biases included."""
    return randomly_built(keras.layers.LSTM(**arguments), features, seed)


def randomly_built(layer: keras.layers.RNN, features: int, seed: int) -> keras.layers.RNN:
    layer.build((1, None, features))
    random = np.random.default_rng(seed)
    layer.set_weights([random.normal(0, 0.4, weight.shape) for weight in layer.get_weights()])
    return layer


def sequence(steps: int, features: int, seed: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(-2, 2, (steps, features)).astype(np.float32)


def real(*values: float) -> npt.NDArray[np.float32]:
    return np.array(values, np.float32)


def unroll(layer: keras.layers.RNN) -> Function:
    """A layer unrolled: `[steps, features]` to its last state `[1, units]`, or to all of them."""
    unrolled = Unrolled(lower_cell(layer.cell), layer.go_backwards)

    def run(sequence: tf.Tensor) -> tf.Tensor:
        outputs, _ = unrolled(sequence[tf.newaxis])
        return tf.concat(outputs, axis=0) if layer.return_sequences else outputs[-1]

    return run


def linear_cell() -> LSTMCell:
    """A cell of one unit that reads one feature, with numbers that need no calculator."""
    return LSTMCell(
        kernel=real(1, 2, 3, 4)[np.newaxis],
        recurrent_kernel=real(1, 0, -1, 2)[np.newaxis],
        bias=real(0, 1, 0, -1),
        activation=keras.activations.linear,
        recurrent_activation=keras.activations.linear,
    )


@pytest.mark.parametrize(
    ("go_backwards", "hidden"), [(False, [[9.0], [-450.0]]), (True, [[84.0], [-1_171_179.0]])], ids=["on", "back"]
)
def test_literal_states_without_squashing(*, go_backwards: bool, hidden: list[list[float]]) -> None:
    """Gates i, f, g, o of a linear cell over the sequence 1, 2 give the states that hand and paper give."""
    outputs, _ = Unrolled(linear_cell(), go_backwards)(tf.constant([[[1.0], [2.0]]]))
    assert [output.numpy().tolist() for output in outputs] == [[row] for row in hidden]


def test_literal_states_of_the_default_activations() -> None:
    """Sigmoid gates and tanh states over the sequence 1, -2 give the states of the textbook's equations."""
    layer = keras.layers.LSTM(1, return_sequences=True)
    layer.build((1, 2, 1))
    layer.set_weights([real(0.5, -0.5, 1, 0.25)[np.newaxis], real(1, 0.5, -1, 2)[np.newaxis], real(0, 1, 0, 0)])
    hidden = unroll(layer)(tf.constant([[1.0], [-2.0]]))
    np.testing.assert_allclose(hidden, [[0.248_186_9], [0.054_720_6]], atol=1e-6)


@given(steps=st.integers(1, 12), features=st.integers(1, 9), sizes=SIZES, return_sequences=st.booleans(), seed=SEEDS)
@settings(deadline=None, max_examples=25)
def test_equals_keras(*, steps: int, features: int, sizes: dict[str, Any], return_sequences: bool, seed: int) -> None:
    """An unrolled layer gives what the layer gives, the sequence of its states in the order of processing included."""
    layer = memory(features, seed, return_sequences=return_sequences, **sizes)
    inputs = sequence(steps, features, seed)
    unrolled = unroll(layer)(tf.constant(inputs))
    assert unrolled.shape == ((steps if return_sequences else 1), sizes["units"])
    expected = np.asarray(layer(inputs[np.newaxis]))
    np.testing.assert_allclose(unrolled, expected[0] if return_sequences else expected, atol=1e-5)


@pytest.mark.thorough
@given(steps=st.integers(1, 12), features=st.integers(1, 9), first=SIZES, second=SIZES, seed=SEEDS)
@settings(deadline=None, max_examples=10)
def test_stack_equals_keras(
    steps: int, features: int, first: dict[str, Any], second: dict[str, Any], seed: int
) -> None:
    """Two unrolled layers, the one above the states of the other, give what the two layers give."""
    below = memory(features, seed, return_sequences=True, **first)
    above = memory(first["units"], seed + 1, **second)
    inputs = sequence(steps, features, seed)
    unrolled = unroll(above)(unroll(below)(tf.constant(inputs)))
    np.testing.assert_allclose(unrolled, above(below(inputs[np.newaxis])), atol=1e-5)


@pytest.mark.parametrize("activation", ["tanh", "relu", "linear"])
@pytest.mark.parametrize("recurrent_activation", ["sigmoid", "hard_sigmoid", "relu"])
def test_respects_activations(activation: str, recurrent_activation: str) -> None:
    """Whatever activations a layer names, of its states and of its gates, are the ones that are computed."""
    layer = memory(3, 7, units=4, activation=activation, recurrent_activation=recurrent_activation)
    inputs = sequence(4, 3, 7)
    np.testing.assert_allclose(unroll(layer)(tf.constant(inputs)), layer(inputs[np.newaxis]), atol=1e-5)


def test_hard_sigmoid_is_not_sigmoid() -> None:
    """Layers that differ in the activation of their gates alone differ once unrolled."""
    soft, hard = (memory(3, 7, units=4, recurrent_activation=name) for name in ("sigmoid", "hard_sigmoid"))
    inputs = tf.constant(sequence(4, 3, 7))
    assert np.abs(unroll(soft)(inputs) - unroll(hard)(inputs)).max() > 1e-3


def test_starts_at_zero_in_every_call() -> None:
    """A second call sees nothing of the first."""
    unrolled = unroll(memory(3, 5, units=4))
    first, other = sequence(4, 3, 1), sequence(4, 3, 2)
    before = unrolled(tf.constant(first)).numpy().tolist()
    unrolled(tf.constant(other))
    assert unrolled(tf.constant(first)).numpy().tolist() == before


def traced(steps: int) -> Any:
    unrolled = unroll(memory(3, 5, units=4))
    return tf.function(unrolled, input_signature=[tf.TensorSpec((steps, 3))]).get_concrete_function().graph


@pytest.mark.parametrize("steps", [1, 2, 12])
def test_has_no_loop(steps: int) -> None:
    """The traced function holds its operators themselves: no While, and no function that could hide one."""
    graph = traced(steps)
    assert not {operation.type for operation in graph.get_operations()} & {"While", "StatelessWhile", "If"}
    assert not graph.as_graph_def().library.function


@pytest.mark.parametrize("steps", [1, 2, 12])
def test_projects_all_steps_at_once(steps: int) -> None:
    """One matrix product projects the input of all steps, and each step that has a state before it adds one."""
    assert Counter(operation.type for operation in traced(steps).get_operations())["MatMul"] == steps


def test_refuses_another_cell() -> None:
    """A cell that nothing here knows is refused, with the kinds that are known."""

    class Odd(keras.layers.LSTMCell):  # type: ignore[misc]  # Keras has no types
        pass

    message = "^a cell of the kind Odd is not known. Use one of LSTMCell, GRUCell, SimpleRNNCell$"
    with pytest.raises(LayerRefusal, match=message):
        lower_cell(Odd(4))


def test_refuses_a_free_number_of_steps() -> None:
    """A sequence whose length is not known when it is traced cannot be unrolled."""
    function = tf.function(
        unroll(memory(3, 5, units=4)), input_signature=[tf.TensorSpec((None, 3), tf.float32)], autograph=False
    )
    message = r"^Expected sequences \[n, steps, \.\.\.\] of fixed length\. Received: shape \(1, None, 3\)$"
    with pytest.raises(ValueError, match=message):
        function.get_concrete_function()


CELLS = st.sampled_from(
    [
        keras.layers.LSTM,
        keras.layers.GRU,
        partial(keras.layers.GRU, reset_after=False),
        keras.layers.SimpleRNN,
    ]
)


@pytest.mark.thorough
@given(kind=CELLS, steps=st.integers(1, 9), features=st.integers(1, 9), sizes=SIZES, seed=SEEDS)
@settings(deadline=None, max_examples=40)
def test_each_kind_equals_keras(*, kind: Any, steps: int, features: int, sizes: dict[str, Any], seed: int) -> None:
    """LSTM, GRU of both kinds and SimpleRNN give all the states that Keras gives, in the order of processing."""
    layer = randomly_built(kind(return_sequences=True, **sizes), features, seed)
    inputs = sequence(steps, features, seed)
    np.testing.assert_allclose(unroll(layer)(tf.constant(inputs)), layer(inputs[np.newaxis])[0], atol=1e-5)


@given(kind=CELLS, features=st.integers(1, 9), units=st.integers(1, 17), seed=SEEDS)
@settings(deadline=None, max_examples=30)
def test_begins_at_zero(kind: Any, features: int, units: int, seed: int) -> None:
    """The first step gives, to the bit, what a step from states of zero gives."""
    cell = lower_cell(randomly_built(kind(units), features, seed).cell)
    z = cell.project(tf.constant(sequence(1, features, seed)))
    zeros = tuple(map(tf.zeros, cell.state_shapes(z).values()))
    for begun, advanced in zip(cell.begin(z), cell.advance(z, zeros), strict=True):
        np.testing.assert_array_equal(begun, advanced)
