"""Tests of where values come from: which reshapes keep lines in order, with small tensors."""

from __future__ import annotations

import keras
import pytest
from keras import layers

from pipeline.doctor.places import followed, order, time_axis
from pipeline.doctor.recording import recorded


def steps(shape: tuple[int, ...], *moving: keras.Layer) -> tuple[str, int]:
    """Return the order of the steps behind layers that take inputs of a shape."""
    inputs = x = keras.ops.ones((1, *shape))
    with recorded() as calls:
        for layer in moving:
            x = layer(x)
    places = followed(calls, [inputs])[id(x)]
    assert places is not None
    return order(places)


@pytest.mark.parametrize(
    ("shape", "moving", "expected"),
    [
        ((4, 6, 2), [layers.Reshape((4, 12))], ("ordered", 0)),
        ((4, 6, 2), [layers.Permute((2, 1, 3)), layers.Reshape((6, 8))], ("ordered", 1)),
        ((4, 6, 2), [layers.Reshape((2, 24))], ("ordered", 0)),
        ((4, 6, 2), [layers.Reshape((24, 2))], ("ordered", 0)),
        ((4, 6, 2), [layers.Reshape((6, 8))], ("mixed", -1)),
        ((4, 6, 2), [layers.Reshape((8, 6))], ("mixed", -1)),
        ((4, 6, 2), [layers.Reshape((48, 1))], ("mixed", -1)),
        ((4, 6, 2), [layers.Permute((3, 1, 2)), layers.Reshape((2, 24))], ("channels", -1)),
        ((4, 6, 2), [layers.ZeroPadding2D(1), layers.Reshape((6, 16))], ("ordered", 0)),
        ((4, 6, 2), [layers.Conv2D(3, 3), layers.Reshape((2, 12))], ("ordered", 0)),
        ((4, 6, 2), [layers.Conv2D(3, 3), layers.Reshape((3, 8))], ("mixed", -1)),
        ((4, 6, 2), [layers.AveragePooling2D(2), layers.Reshape((6, 2))], ("ordered", 0)),
        ((4, 6), [layers.Permute((2, 1))], ("ordered", 1)),
        ((4, 6), [layers.Conv1D(3, 1), layers.Permute((2, 1))], ("channels", -1)),
        ((24,), [layers.Reshape((4, 6))], ("ordered", 0)),
    ],
)
def test_the_order_of_steps_is_seen(
    shape: tuple[int, ...], moving: list[keras.Layer], expected: tuple[str, int]
) -> None:
    """Steps are ordered if each has whole lines, or single places line by line; pieces of lines are mixed."""
    assert steps(shape, *moving) == expected


def test_what_a_dense_layer_mixed_has_no_places() -> None:
    """Steps cut from features that a dense layer computed of everything are not judged."""
    inputs = keras.ops.ones((1, 24))
    with recorded() as calls:
        x = layers.Reshape((2, 4))(layers.Dense(8)(inputs))
    assert followed(calls, [inputs])[id(x)] is None


def test_the_time_axis_is_where_the_lines_run() -> None:
    inputs = keras.ops.ones((1, 4, 6, 2))
    with recorded() as calls:
        x = layers.Permute((2, 1, 3))(inputs)
    places = followed(calls, [inputs])[id(x)]
    assert places is not None
    assert [time_axis(places, axis) for axis in (0, 1)] == [1, 0]
