"""Tests of `converters.lowering.operations`: what each computes, with numbers that need no calculator."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from converters.lowering.cells import LSTMCell, SimpleCell, Unrolled
from converters.lowering.operations import (
    Activation,
    BothWays,
    Dense,
    EachStep,
    LastStep,
    Merge,
    Operation,
    Pointwise,
    Pooling,
    Recurrence,
    Reordering,
    Summary,
    Tensors,
    Whole,
    as_tuple,
)

ONES = np.ones((1, 1), np.float32)
SEQUENCE = tf.constant([[[1.0], [2.0], [3.0]]])
BATCH = tf.constant([[[1.0], [2.0], [3.0]], [[4.0], [5.0], [6.0]]])


def appending(*, backwards: bool = False) -> Unrolled:
    """A recurrent layer that appends digits: of 1, 2, 3 its states are 1, 12 and 123."""
    return Unrolled(SimpleCell(ONES, 10 * ONES, np.zeros(1, np.float32), keras.activations.linear), backwards)


def lists(result: tf.Tensor | Tensors) -> list[Any]:
    return [each.numpy().tolist() for each in as_tuple(result)]


def test_one_output_comes_without_a_tuple() -> None:
    """It gets one; several stay as they are."""
    assert as_tuple(SEQUENCE) == (SEQUENCE,)
    assert as_tuple((SEQUENCE, BATCH)) == (SEQUENCE, BATCH)


@pytest.mark.parametrize("kind", [Activation, LastStep, Merge, Pointwise, Summary, Whole])
def test_a_function_is_applied_to_all_inputs(kind: Any) -> None:
    """The second is taken from the first."""
    operation = kind("named", tf.subtract)
    assert operation.name == "named"
    assert operation(tf.constant([5.0]), tf.constant([3.0])).numpy().tolist() == [2.0]


def test_pooling_and_reordering_are_applied_too() -> None:
    """By default rows and columns are not swapped, and there is no pool of swapped maps."""
    pooling = Pooling("p", tf.negative, 2, tiles=True)
    reordering = Reordering("r", tf.negative, moves_time=True)
    assert [lists(each(tf.constant([5.0]))) for each in (pooling, reordering)] == [[[-5.0]], [[-5.0]]]
    assert (pooling.turned, reordering.swaps_rows_and_columns) == (None, False)


def test_a_dense_layer() -> None:
    """Of 1 and 2: 1 + 20 - 30 is cut off at zero, and 100 + 2,000 + 7 is not."""
    dense = Dense("d", np.array([[1, 100], [10, 1000]], np.float32), np.array([-30, 7], np.float32), tf.nn.relu)
    assert lists(dense(tf.constant([[[1.0, 2.0]]]))) == [[[[0.0, 2107.0]]]]


def test_each_step_is_one_of_a_batch() -> None:
    """The function sees steps where others see inputs: here each gives its own sum."""
    each = EachStep("e", lambda x: tf.reduce_sum(x, axis=1) + x.shape[0])
    assert lists(each(tf.constant([[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]]))) == [[[6.0, 10.0, 14.0]]]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"return_sequences": False}, [[[123.0]]]),
        ({"return_sequences": True}, [[[[1.0], [12.0], [123.0]]]]),
        ({"return_sequences": False, "return_states": True}, [[[123.0]], [[123.0]]]),
        ({"return_sequences": True, "return_states": True}, [[[[1.0], [12.0], [123.0]]], [[123.0]]]),
    ],
)
def test_a_recurrence(settings: dict[str, bool], expected: list[Any]) -> None:
    """It returns its last output or all of them, and behind that its states if they are asked for."""
    recurrence = Recurrence("r", appending(), **settings)
    assert lists(recurrence(SEQUENCE)) == expected
    assert recurrence.n_sequences == settings["return_sequences"]


def test_both_states_of_a_recurrence() -> None:
    """An LSTM of ones and no squashing over 1 and 2 ends in the hidden state 12 and the cell's 6."""
    one = np.ones((1, 4), np.float32)
    cell = LSTMCell(one, 0 * one, one[0] - 1, keras.activations.linear, keras.activations.linear)
    recurrence = Recurrence("r", Unrolled(cell), return_sequences=False, return_states=True)
    # c: 1 * 1 = 1, then 2 * 1 + 2 * 2 = 6. h: 1 * 1 = 1, then 2 * 6 = 12.
    assert lists(recurrence(SEQUENCE[:, :2])) == [[[12.0]], [[12.0]], [[6.0]]]


@pytest.mark.parametrize(
    ("return_sequences", "expected"), [(False, [[123.0], [456.0]]), (True, [[[1], [12], [123]], [[4], [45], [456]]])]
)
def test_a_recurrence_over_a_batch(return_sequences: bool, expected: list[Any]) -> None:
    """Each sequence has outputs of its own, in its own order."""
    assert lists(Recurrence("r", appending(), return_sequences)(BATCH)) == [expected]


def test_the_steps_of_one_sequence_are_joined() -> None:
    """Outputs of one sequence are rows already, so that they are joined as such; a batch is stacked."""
    types = []
    for n in (1, 2):
        recurrence = Recurrence("r", appending(), return_sequences=True)
        function = tf.function(recurrence, input_signature=[tf.TensorSpec((n, 3, 1))], autograph=False)
        found = {operation.type for operation in function.get_concrete_function().graph.get_operations()}
        types.append(found & {"ConcatV2", "Pack"})
    assert types == [{"ConcatV2"}, {"Pack"}]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"return_sequences": False}, [[[123.0]], [[321.0]]]),
        ({"return_sequences": True}, [[[[1.0], [12.0], [123.0]]], [[[321.0], [32.0], [3.0]]]]),
        ({"return_sequences": False, "return_states": True}, [[[123.0]], [[321.0]], [[123.0]], [[321.0]]]),
        ({"return_sequences": False, "merge": tf.subtract}, [[[-198.0]]]),
        ({"return_sequences": True, "merge": tf.subtract}, [[[[-320.0], [-20.0], [120.0]]]]),
        (
            {"return_sequences": True, "return_states": True, "merge": tf.subtract},
            [[[[-320.0], [-20.0], [120.0]]], [[123.0]], [[321.0]]],
        ),
    ],
)
def test_both_ways(settings: dict[str, Any], expected: list[Any]) -> None:
    """What is read from the end is put back in order, behind what is read from the start or merged with it."""
    both = BothWays("b", appending(), appending(backwards=True), **settings)
    assert lists(both(SEQUENCE)) == expected
    n_sequences = (1 if "merge" in settings else 2) if settings["return_sequences"] else 0
    assert both.n_sequences == n_sequences


def test_one_output_of_both_ways_is_no_tuple() -> None:
    """Merged, and without states, it is the tensor itself."""
    both = BothWays("b", appending(), appending(backwards=True), return_sequences=False, merge=tf.add)
    assert tf.is_tensor(both(SEQUENCE))


@pytest.mark.parametrize(
    "operation",
    [
        Pointwise("p", tf.identity),
        Pooling("p", tf.identity, 2, tiles=True),
        Reordering("r", tf.identity, moves_time=False),
        Dense("d", ONES, ONES[0], tf.identity),
        Recurrence("r", appending(), return_sequences=False),
        BothWays("b", appending(), appending(), return_sequences=False),
    ],
)
def test_an_operation_does_not_change(operation: Operation) -> None:
    """Networks share operations, so another name is one of another operation."""
    attribute = "name"
    with pytest.raises(FrozenInstanceError):
        setattr(operation, attribute, "other")
