"""Tests of `converters.lowering.functions`: what each function computes, and what it says of the rows it needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from converters.lowering.functions import greatest, repeated
from converters.lowering.lower import lowered
from converters.lowering.operations import (
    Activation,
    Dense,
    LastStep,
    Merge,
    Operation,
    Pointwise,
    Pooling,
    Reordering,
    Summary,
    Whole,
)
from converters.lowering.refusal import NetworkRefusedError
from tests.converters.lowering.test_lower import randomised

Function = Callable[[Any], Any]
SERIES, PICTURE = (6, 4), (6, 4, 2)
TABLE = np.arange(24, dtype=np.float32).reshape(6, 4) / 8


def operation(function: Function, shape: tuple[int, ...], low: float = 0.1) -> Operation:
    """The one operation that a function of numbers `[1, *shape]` in low..1 becomes, which returns what Keras returns.

    A layer is such a function, and has random weights.
    """
    given = keras.Input(shape)
    network = randomised(keras.Model(given, function(given)), seed=3)
    x = np.random.default_rng(5).uniform(low, 1, (1, *shape)).astype(np.float32)
    found = lowered(network, keep_head=True)
    for received, expected in zip(found(tf.constant(x)).values(), tf.nest.flatten(network(x)), strict=True):
        np.testing.assert_allclose(received, expected, atol=1e-5)
    (node,) = found.nodes
    return node.operation


@pytest.mark.parametrize(
    ("function", "shape", "kind"),
    [
        (lambda x: ops.max(x, axis=1), SERIES, Summary),
        (lambda x: ops.max(x, axis=1, keepdims=True), SERIES, Whole),
        (lambda x: ops.max(x, axis=-1), SERIES, Pointwise),
        (lambda x: ops.max(x, axis=(2, 3), keepdims=True), PICTURE, Pointwise),
        (lambda x: ops.max(x, axis=(1, -1)), PICTURE, Summary),
        (lambda x: ops.max(x, axis=(3, 1), keepdims=True), PICTURE, Whole),
        (lambda x: ops.min(x, axis=-1), PICTURE, Pointwise),
        (lambda x: ops.min(x, axis=1), PICTURE, Summary),
        (lambda x: ops.mean(x, axis=1), SERIES, Summary),
        (lambda x: ops.mean(x, axis=2), PICTURE, Pointwise),
        (lambda x: ops.sum(x, axis=(1, 2)), PICTURE, Summary),
        (lambda x: ops.sum(x, axis=-1, keepdims=True), SERIES, Pointwise),
        (lambda x: ops.var(x, axis=1), SERIES, Summary),
        (lambda x: ops.var(x, axis=-1, keepdims=True), PICTURE, Pointwise),
        (lambda x: ops.std(x, axis=1, keepdims=True), SERIES, Whole),
    ],
)
def test_a_reduction_over_time_needs_all_rows(function: Function, shape: tuple[int, ...], kind: type) -> None:
    """One over other axes is of each row; one that keeps the axis of time still has it afterwards."""
    assert type(operation(function, shape)) is kind


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (lambda x: x[:, -1], LastStep),
        (lambda x: x[:, -1, :], LastStep),
        (lambda x: x[:, 0], Summary),
        (lambda x: x[:, -2], Summary),
        (lambda x: x[:, -1, 1:], Summary),
        (lambda x: x[:, :, 1:3], Pointwise),
        (lambda x: x[..., 2], Pointwise),
        (lambda x: x[..., -1:], Pointwise),
        (lambda x: x[:, 1:4], Summary),
    ],
)
def test_an_item_of_the_last_row_is_the_last_step(function: Function, kind: type) -> None:
    """Other rows are taken from all of them, and columns from each row."""
    assert type(operation(function, SERIES)) is kind


@pytest.mark.parametrize(
    ("function", "shape", "kind"),
    [
        (lambda x: x + 0.5, SERIES, Pointwise),
        (lambda x: x * np.array([1, 2, 3, 4], np.float32), SERIES, Pointwise),
        (lambda x: x - TABLE[:1], SERIES, Pointwise),
        (lambda x: x + TABLE, SERIES, Whole),
        (lambda x: ops.maximum(x, TABLE[np.newaxis]), SERIES, Whole),
        (lambda x: x * TABLE[..., np.newaxis], PICTURE, Whole),
        (lambda x: x * TABLE[2], (4,), Pointwise),
        (lambda x: x + x, SERIES, Merge),
        (ops.abs, SERIES, Activation),
    ],
)
def test_constants_that_differ_by_row_need_the_rows_place(
    function: Function, shape: tuple[int, ...], kind: type
) -> None:
    """The same constants for each row are of each row by itself; a table with a row for each step is not."""
    assert type(operation(function, shape)) is kind


@pytest.mark.parametrize(
    ("function", "shape", "kind"),
    [
        (lambda x: layers.Concatenate(axis=-1)([x, x]), SERIES, Merge),
        (lambda x: layers.Concatenate(axis=1)([x, x]), (4,), Merge),
        (lambda x: layers.Concatenate(axis=1)([x, x]), SERIES, Whole),
        (lambda x: layers.Concatenate(axis=2)([x, x]), PICTURE, Merge),
        (lambda x: ops.stack([x, x], axis=1), SERIES, Whole),
        (lambda x: ops.stack([x, x], axis=2), SERIES, Merge),
        (lambda x: ops.stack([x, x], axis=-1), SERIES, Merge),
        (lambda x: ops.tile(x, (1, 2, 1)), SERIES, Whole),
        (lambda x: ops.tile(x, (1, 1, 3)), SERIES, Pointwise),
        (lambda x: ops.tile(x, (2, 3)), SERIES, Whole),
        (layers.Softmax(axis=-1), SERIES, Activation),
        (layers.Softmax(axis=1), SERIES, Whole),
        (layers.Softmax(axis=2), PICTURE, Pointwise),
        (layers.Softmax(axis=[-1]), PICTURE, Activation),
        (lambda x: ops.matmul(x, TABLE.T), SERIES, Dense),
    ],
)
def test_what_joins_or_parts_rows_needs_all(function: Function, shape: tuple[int, ...], kind: type) -> None:
    """Along any other axis it is of each row, or of the same row of several inputs."""
    assert type(operation(function, shape)) is kind


@pytest.mark.parametrize(("axis", "kind"), [(1, Whole), (-1, Pointwise), (3, Pointwise)])
def test_parts_along_time_need_all_rows(axis: int, kind: type) -> None:
    """Each part is an output of its own, in their order."""
    given = keras.Input(PICTURE)
    parts = [layers.Identity(name=name)(part) for name, part in zip("ab", ops.split(given, 2, axis=axis), strict=True)]
    x = np.random.default_rng(6).uniform(size=(1, *PICTURE)).astype(np.float32)
    found = lowered(keras.Model(given, parts))
    first, second = np.split(x, 2, axis=axis)
    received = found(tf.constant(x))
    np.testing.assert_array_equal(received["a"], first)
    np.testing.assert_array_equal(received["b"], second)
    assert type(found.nodes[0].operation) is kind


@pytest.mark.parametrize(
    ("function", "moves_time", "swaps"),
    [
        (lambda x: ops.transpose(x, (0, 2, 1, 3)), True, True),
        (lambda x: ops.transpose(x, (0, 3, 1, 2)), True, False),
        (lambda x: ops.transpose(x, (0, 3, 2, 1)), True, False),
        (lambda x: ops.swapaxes(x, 1, 2), True, True),
        (lambda x: ops.swapaxes(x, 1, -1), True, False),
        (lambda x: ops.moveaxis(x, 1, 2), True, True),
        (lambda x: ops.moveaxis(x, 3, 1), True, False),
        (lambda x: ops.pad(x, ((0, 0), (1, 2), (0, 0), (0, 0))), True, False),
        (lambda x: ops.reshape(x, (-1, 3, 16)), False, False),
        (lambda x: ops.expand_dims(x, -1), False, False),
    ],
)
def test_an_order_that_moves_time_says_so(function: Function, moves_time: bool, swaps: bool) -> None:
    """A swap of rows and columns is known as one; a shape alone moves nothing."""
    found = operation(function, PICTURE)
    assert isinstance(found, Reordering)
    assert (found.moves_time, found.swaps_rows_and_columns) == (moves_time, swaps)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: ops.transpose(x, (0, 1, 3, 2)),
        lambda x: ops.swapaxes(x, -1, 2),
        lambda x: ops.moveaxis(x, 3, 2),
        lambda x: ops.pad(x, ((0, 0), (0, 0), (1, 0), (0, 2))),
    ],
)
def test_an_order_within_each_row_leaves_time_alone(function: Function) -> None:
    """It is a function of each row by itself."""
    assert type(operation(function, PICTURE)) is Pointwise


@pytest.mark.parametrize(
    ("function", "size", "tiles"),
    [
        (lambda x: ops.max_pool(x, 2), 2, True),
        (lambda x: ops.max_pool(x, (3, 2)), 3, True),
        (lambda x: ops.average_pool(x, 3, 1), 3, False),
        (lambda x: ops.average_pool(x, 2, padding="same"), 2, False),
        (lambda x: ops.max_pool(x, (2, 1), strides=(2, 1)), 2, True),
    ],
)
def test_a_pool_says_its_rows_and_whether_its_windows_tile(function: Function, size: int, tiles: bool) -> None:
    """Windows that overlap, or that are padded, do not."""
    found = operation(function, PICTURE)
    assert isinstance(found, Pooling)
    assert (found.size, found.tiles) == (size, tiles)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: layers.Concatenate(axis=0)([x, x]), "Expected concatenation of features. Received: of the batch"),
        (layers.Softmax(axis=[1, 2]), r"Expected a softmax along one axis, without a mask"),
        (layers.Softmax(axis=0), r"Expected a softmax along one axis, .* Received: axis=0"),
        (lambda x: ops.max(x, axis=0), "Expected a reduction of an input. Received: one of the whole batch"),
        (ops.mean, "Expected a reduction of an input"),
        (lambda x: ops.repeat(x, 2), "Expected an axis, and one number of times"),
        (lambda x: ops.matmul(x, ops.transpose(x, (0, 2, 1))), "Expected a product with a constant of two axes"),
        (lambda x: ops.matmul(x, np.ones((1, 4, 3), np.float32)), "Expected a product with a constant of two axes"),
    ],
)
def test_what_has_no_counterpart_is_refused(function: Function, message: str) -> None:
    """The reason says what would be taken."""
    given = keras.Input(SERIES)
    with pytest.raises(NetworkRefusedError, match=message):
        lowered(keras.Model(given, function(given)))


@pytest.mark.parametrize(
    ("axis", "expected"), [(1, [[[1, 2], [1, 2], [3, 4], [3, 4]]]), (2, [[[1, 1, 2, 2], [3, 3, 4, 4]]])]
)
def test_slices_are_repeated_in_a_row(axis: int, expected: list[Any]) -> None:
    """Each slice comes twice before the next."""
    assert repeated(tf.constant([[[1, 2], [3, 4]]]), 2, axis).numpy().tolist() == expected


@pytest.mark.parametrize(
    ("axes", "keepdims", "expected"),
    [
        ((1,), False, [[5.0, 9.0]]),
        ((2,), False, [[9.0, 5.0]]),
        ((1,), True, [[[5.0, 9.0]]]),
        ((2,), True, [[[9.0], [5.0]]]),
        ((1, 2), False, [9.0]),
    ],
)
def test_the_greatest_is_found_by_pooling(axes: tuple[int, ...], keepdims: bool, expected: list[Any]) -> None:
    """Over one axis or several, which are kept or not."""
    x = tf.constant([[[1.0, 9.0], [5.0, 2.0]]])
    assert greatest(x, axes, keepdims=keepdims).numpy().tolist() == expected


def test_the_greatest_of_each_input_of_a_batch() -> None:
    """Such as of each time step of a TimeDistributed."""
    x = tf.constant([[[1.0, 9.0], [5.0, 2.0]], [[8.0, 3.0], [4.0, 7.0]]])
    assert greatest(x, (1,), keepdims=False).numpy().tolist() == [[5.0, 9.0], [8.0, 7.0]]
    assert greatest(x, (2,), keepdims=True).numpy().tolist() == [[[9.0], [5.0]], [[8.0], [7.0]]]
