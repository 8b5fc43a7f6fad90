"""Tests of `converters.lowering.normalisation`: what each layer computes, and the rows it needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from converters.lowering.convolution import Surroundings
from converters.lowering.layer_graph import Call, read_layers
from converters.lowering.normalisation import (
    lower_batch_normalisation,
    lower_feature_normalisation,
    lower_group_normalisation,
    lower_layer_normalisation,
    lower_rescaling,
    lower_unit_normalisation,
)
from converters.lowering.operations import Operation, Pointwise, Whole
from converters.lowering.refusal import LayerRefusal
from tests.converters.lowering.test_functions import PICTURE, SERIES
from tests.converters.lowering.test_functions import operation as operation_of
from tests.converters.lowering.test_lower import check_equals_keras

Lower = Callable[[Call, Surroundings], Sequence[Operation]]

operation = partial(operation_of, low=-1)


def alone(lower: Lower, layer: keras.Layer, shape: tuple[int, ...], *weights: Any) -> Operation:
    """The operation that a layer with these weights becomes, for inputs `[1, *shape]`."""
    (call,) = read_layers(keras.Sequential([keras.Input(shape), layer])).calls
    if weights:
        layer.set_weights([np.asarray(each, np.float32) for each in weights])
    (found,) = lower(call, Surroundings(shape[:-1]))
    assert found.name == layer.name
    return found


def rows(operation: Operation, *values: Any) -> Any:
    """What an operation makes of rows, as numbers."""
    return np.asarray(operation(tf.constant([values], tf.float32)))[0].tolist()


def traced(operation: Operation) -> list[str]:
    """The types of the operators of an operation, and the shapes of its constants, in order."""
    function = tf.function(operation, input_signature=[tf.TensorSpec((1, 2, 2))], autograph=False)
    operators = function.get_concrete_function().graph.get_operations()
    words = [str(each.outputs[0].shape) if each.type == "Const" else each.type for each in operators]
    return [word for word in words if word not in ("Placeholder", "Identity", "NoOp")]


def test_batch_normalisation() -> None:
    """Channels of mean 10 and 20 and variance 3 and 15, with an epsilon of 1, gamma 6 and 8 and beta 1 and 2."""
    layer = layers.BatchNormalization(epsilon=1)
    found = alone(lower_batch_normalisation, layer, (2, 2), [6, 8], [1, 2], [10, 20], [3, 15])
    assert type(found) is Pointwise
    np.testing.assert_allclose(rows(found, [10, 20], [12, 21]), [[1, 2], [7, 4]], rtol=1e-6)


def test_layer_normalisation() -> None:
    """Of 0 and 4 the mean is 2, the variance 4, and with an epsilon of 12 the deviation 4: gamma and beta follow."""
    layer = layers.LayerNormalization(epsilon=12)
    found = alone(lower_layer_normalisation, layer, (2, 2), [6, 8], [1, 2])
    np.testing.assert_allclose(rows(found, [0, 4], [5, 5]), [[-2, 6], [1, 2]], rtol=1e-6)


@pytest.mark.parametrize(
    ("settings", "weights", "expected"),
    [
        ({"scale": False}, [[10, 20]], [[9.5, 20.5]]),
        ({"center": False}, [[10, 20]], [[-5, 10]]),
        ({"scale": False, "center": False}, [], [[-0.5, 0.5]]),
    ],
)
def test_layer_normalisation_without_weights(settings: dict[str, Any], weights: list[Any], expected: list[Any]) -> None:
    """Half a deviation below and above stays so without gamma, and around zero without beta."""
    layer = layers.LayerNormalization(epsilon=12, **settings)
    np.testing.assert_allclose(rows(alone(lower_layer_normalisation, layer, (1, 2), *weights), [0, 4]), expected)


def test_layer_normalisation_along_time() -> None:
    """Weights of each row stay with their row: 0 and 4 below each other become -2 and 6."""
    layer = layers.LayerNormalization(axis=1, epsilon=12)
    found = alone(lower_layer_normalisation, layer, (2, 1), [6, 8], [1, 2])
    assert type(found) is Whole
    np.testing.assert_allclose(rows(found, [0], [4]), [[-2], [6]], rtol=1e-6)


def test_group_normalisation() -> None:
    """Two groups of two channels over all rows: 0 and 4 have the deviation 4 with an epsilon of 12, 7 and 7 none."""
    layer = layers.GroupNormalization(2, epsilon=12)
    found = alone(lower_group_normalisation, layer, (2, 4), [6, 8, 1, 1], [1, 2, 3, 4])
    assert type(found) is Whole
    np.testing.assert_allclose(rows(found, [0, 0, 7, 7], [4, 4, 7, 7]), [[-2, -2, 3, 4], [4, 6, 3, 4]], rtol=1e-6)


def test_groups_of_each_step() -> None:
    """In a batch, such as the time steps of a TimeDistributed, groups are those of each input by itself."""
    found = alone(lower_group_normalisation, layers.GroupNormalization(1, epsilon=12, scale=False), (1, 2), [10, 20])
    given_out = found(tf.constant([[[0.0, 4.0]], [[7.0, 7.0]]]))
    np.testing.assert_allclose(given_out, [[[9.5, 20.5]], [[10.0, 20.0]]], rtol=1e-6)


@pytest.mark.parametrize(("groups", "expected"), [(1, [[-0.5, 0.5]]), (2, [[0, 0]]), (-1, [[0, 0]])])
def test_groups_of_one_channel(groups: int, expected: list[Any]) -> None:
    """With as many groups as channels, which -1 says too, one row differs from its mean by nothing."""
    layer = layers.GroupNormalization(groups, epsilon=12, scale=False, center=False)
    np.testing.assert_allclose(rows(alone(lower_group_normalisation, layer, (1, 2)), [0, 4]), expected, rtol=1e-6)


def test_unit_normalisation() -> None:
    """A row of 3 and 4 has the length 5; what is shorter than a millionth is divided by that."""
    found = alone(lower_unit_normalisation, layers.UnitNormalization(), (4, 2))
    given_out = rows(found, [3, 4], [0, -2], [0, 0], [5e-7, 0])
    np.testing.assert_allclose(given_out, [[0.6, 0.8], [0.0, -1.0], [0.0, 0.0], [0.5, 0.0]], rtol=1e-6)


@pytest.mark.parametrize(
    ("axis", "kind", "expected"),
    [
        (1, Whole, [[[0.6, 1, 1]], [[0.8, 0, 0]]]),
        (2, Pointwise, [[[1, 1, 1]], [[1, 0, 0]]]),
        ((-1, -2), Pointwise, [[[0.6, 0.48, 0.64]], [[1, 0, 0]]]),
    ],
)
def test_unit_normalisation_along_other_axes(axis: Any, kind: type, expected: list[Any]) -> None:
    """The length is that along all of the axes."""
    found = alone(lower_unit_normalisation, layers.UnitNormalization(axis), (2, 1, 3))
    assert type(found) is kind
    np.testing.assert_allclose(rows(found, [[3, 2.4, 3.2]], [[4, 0, 0]]), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("scale", "offset", "expected"),
    [(0.5, 0.0, [[1, 2]]), (0.5, -3.0, [[-2, -1]]), ([2.0, 3.0], 1.0, [[5, 13]]), (2.0, [0.0, 7.0], [[4, 15]])],
)
def test_rescaling(scale: Any, offset: Any, expected: list[Any]) -> None:
    """Of 2 and 4, by one scale and offset or by those of each channel."""
    found = alone(lower_rescaling, layers.Rescaling(scale, offset), (1, 2))
    assert type(found) is Pointwise
    assert rows(found, [2, 4]) == expected


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (layers.Rescaling(0.5), ["()", "Mul"]),
        (layers.Rescaling(0.5, 1.0), ["()", "Mul", "()", "AddV2"]),
        (layers.Rescaling([0.5, 0.5]), ["()", "Mul"]),
        (layers.Rescaling([0.5, 2.0], [1.0, 1.0]), ["(2,)", "Mul", "()", "AddV2"]),
        (layers.Rescaling(0.5, [0.0, 1.0]), ["()", "Mul", "(2,)", "AddV2"]),
    ],
)
def test_one_number_for_all_channels_is_one_constant(layer: keras.Layer, expected: list[str]) -> None:
    """Equal scales become one number, other scales stay, and an offset of zero is not added."""
    assert traced(alone(lower_rescaling, layer, (2, 2))) == expected


@pytest.mark.parametrize(("invert", "expected"), [(False, [[0, 0], [0.5, 2e7]]), (True, [[9, 103], [11, 103 + 5e-7]])])
def test_feature_normalisation(*, invert: bool, expected: list[Any]) -> None:
    """Means of 3 and 103 with deviations of 2 and none, which counts as 1e-7; or from there back."""
    layer = layers.Normalization(mean=[3.0, 103.0], variance=[4.0, 0.0], invert=invert)
    found = alone(lower_feature_normalisation, layer, (2, 2))
    assert type(found) is Pointwise
    np.testing.assert_allclose(rows(found, [3, 103], [4, 105]), expected, atol=1e-6)


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("center", [True, False])
def test_normalisation_behind_no_convolution(*, scale: bool, center: bool) -> None:
    """Batch normalisation of the input, or behind a dense layer, gives what Keras gives."""
    first, second = (layers.BatchNormalization(scale=scale, center=center) for _ in range(2))
    check_equals_keras(first, layers.Flatten(), layers.Dense(5), second, layers.Dense(3), shape=(4, 3))


def test_normalisation_of_the_last_axis_by_its_index() -> None:
    """The last axis may be given as -1 or by its index."""
    check_equals_keras(layers.Conv1D(4, 3), layers.BatchNormalization(axis=2), shape=(8, 2))
    check_equals_keras(layers.BatchNormalization(axis=3), shape=(4, 5, 3))


@pytest.mark.parametrize(
    ("layer", "shape", "kind"),
    [
        (layers.LayerNormalization(), SERIES, Pointwise),
        (layers.LayerNormalization(axis=1), SERIES, Whole),
        (layers.LayerNormalization(axis=(2, 3)), PICTURE, Pointwise),
        (layers.LayerNormalization(axis=[-1, -2]), PICTURE, Pointwise),
        (layers.LayerNormalization(axis=(1, 3)), PICTURE, Whole),
        (layers.LayerNormalization(scale=False, epsilon=0.1), SERIES, Pointwise),
        (layers.LayerNormalization(center=False), SERIES, Pointwise),
        (layers.UnitNormalization(), SERIES, Pointwise),
        (layers.UnitNormalization(axis=1), SERIES, Whole),
        (layers.UnitNormalization(axis=(2, 3)), PICTURE, Pointwise),
        (layers.UnitNormalization(axis=[-3, 3]), PICTURE, Whole),
        (layers.GroupNormalization(2), PICTURE, Whole),
        (layers.GroupNormalization(2, epsilon=0.1), SERIES, Whole),
        (layers.GroupNormalization(-1, scale=False), SERIES, Whole),
        (layers.GroupNormalization(1, center=False, axis=2), SERIES, Whole),
        (layers.Rescaling(0.5, -0.25), SERIES, Pointwise),
        (layers.Rescaling([1.0, 2.0, 3.0, 4.0]), SERIES, Pointwise),
        (layers.Rescaling(0.5, [0.0, 1.0, 0.0, 2.0]), SERIES, Pointwise),
        (layers.Normalization(mean=[1.0, 2.0, 3.0, 4.0], variance=[0.5, 1.0, 0.0, 4.0]), SERIES, Pointwise),
        (layers.Normalization(mean=0.5, variance=0.25, invert=True), SERIES, Pointwise),
        (layers.BatchNormalization(epsilon=0.1), SERIES, Pointwise),
    ],
)
def test_a_normalisation_along_time_needs_all_rows(layer: keras.Layer, shape: tuple[int, ...], kind: type) -> None:
    """One over other axes is of each row by itself."""
    assert type(operation(layer, shape)) is kind


@pytest.mark.parametrize("axis", [1, 2])
def test_groups_are_of_the_last_axis(axis: int) -> None:
    """Groups of another axis are refused, with the axis."""
    with pytest.raises(LayerRefusal, match=rf"^Expected a normalisation of the last axis\. Received: axis={axis}$"):
        alone(lower_group_normalisation, layers.GroupNormalization(2, axis=axis), PICTURE)
