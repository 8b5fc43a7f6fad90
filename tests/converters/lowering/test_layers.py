"""Tests of `converters.lowering.layers`: what each layer computes, and the rows it needs."""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from converters.lowering.lower import lowered
from converters.lowering.operations import (
    Activation,
    Dense,
    Merge,
    Pointwise,
    Pooling,
    Reordering,
    Summary,
    Whole,
)
from converters.lowering.refusal import NetworkRefusedError
from tests.converters.lowering.test_functions import PICTURE, SERIES
from tests.converters.lowering.test_functions import operation as operation_of
from tests.converters.lowering.test_lower import inputs

operation = partial(operation_of, low=-1)


@pytest.mark.parametrize(
    ("layer", "shape", "kind"),
    [
        (layers.Dense(3), SERIES, Dense),
        (layers.ReLU(0.5, negative_slope=0.1, threshold=0.25), SERIES, Activation),
        (layers.LeakyReLU(0.2), SERIES, Activation),
        (layers.ELU(0.7), SERIES, Activation),
        (layers.Activation("tanh"), SERIES, Activation),
        (layers.PReLU("uniform", shared_axes=[1]), SERIES, Pointwise),
        (layers.PReLU("uniform", shared_axes=[1, 2]), PICTURE, Pointwise),
        (layers.PReLU("uniform"), SERIES, Whole),
        (layers.PReLU("uniform", shared_axes=[2]), PICTURE, Whole),
        (layers.PReLU("uniform"), (4,), Pointwise),
        (layers.GlobalAveragePooling1D(), SERIES, Summary),
        (layers.GlobalAveragePooling1D(keepdims=True), SERIES, Whole),
        (layers.GlobalAveragePooling2D(), PICTURE, Summary),
        (layers.GlobalMaxPooling1D(), SERIES, Summary),
        (layers.GlobalMaxPooling2D(), PICTURE, Summary),
        (layers.GlobalMaxPooling2D(keepdims=True), PICTURE, Whole),
        (layers.UpSampling1D(3), SERIES, Pointwise),
        (layers.UpSampling2D((2, 3)), PICTURE, Pointwise),
        (layers.RepeatVector(3), (4,), Reordering),
        (layers.Flatten(), SERIES, Reordering),
        (layers.Permute((2, 1)), SERIES, Reordering),
        (layers.Permute((1, 3, 2)), PICTURE, Pointwise),
        (layers.Cropping1D((1, 2)), SERIES, Reordering),
        (layers.Cropping2D(((0, 0), (1, 2))), PICTURE, Pointwise),
        (layers.Cropping2D(((0, 1), (1, 2))), PICTURE, Reordering),
        (layers.ZeroPadding1D((0, 1)), SERIES, Reordering),
        (layers.ZeroPadding2D(((0, 0), (0, 1))), PICTURE, Pointwise),
        (layers.ZeroPadding2D(((1, 0), (0, 0))), PICTURE, Reordering),
    ],
)
def test_a_layer_is_of_each_row_or_of_all(layer: keras.Layer, shape: tuple[int, ...], kind: type) -> None:
    """A layer returns what Keras returns, and says whether a row can be computed before the next arrives."""
    assert type(operation(layer, shape)) is kind


@pytest.mark.parametrize(
    ("layer", "moves_time", "swaps"),
    [
        (layers.Permute((2, 1, 3)), True, True),
        (layers.Permute((3, 1, 2)), True, False),
        (layers.Reshape((3, 16)), False, False),
        (layers.ZeroPadding2D(((1, 0), (0, 0))), True, False),
    ],
)
def test_a_new_order_says_whether_it_moves_time(layer: keras.Layer, moves_time: bool, swaps: bool) -> None:
    """Reshaping keeps rows in their order; transposing may make columns of them."""
    found = operation(layer, PICTURE)
    assert isinstance(found, Reordering)
    assert (found.moves_time, found.swaps_rows_and_columns) == (moves_time, swaps)


@pytest.mark.parametrize(
    ("layer", "shape", "size", "tiles"),
    [
        (layers.MaxPooling1D(3), SERIES, 3, True),
        (layers.MaxPooling1D(3, strides=2), SERIES, 3, False),
        (layers.AveragePooling1D(2, padding="same"), SERIES, 2, False),
        (layers.MaxPooling2D((2, 1)), PICTURE, 2, True),
        (layers.AveragePooling2D((1, 2), strides=(1, 1)), PICTURE, 1, True),
        (layers.MaxPooling2D((2, 2), strides=(1, 2)), PICTURE, 2, False),
    ],
)
def test_windows_tile_that_neither_overlap_nor_are_padded(
    layer: keras.Layer, shape: tuple[int, ...], size: int, tiles: bool
) -> None:
    """What counts are the rows of a window: columns are all there."""
    found = operation(layer, shape)
    assert isinstance(found, Pooling)
    assert (found.size, found.tiles) == (size, tiles)


def test_a_pool_of_swapped_maps_is_the_swapped_pool() -> None:
    """Windows of 3 rows and 2 columns, 2 and 1 apart, become windows of 2 rows and 3 columns, 1 and 2 apart."""
    found = operation(layers.MaxPooling2D((3, 2), strides=(2, 1)), PICTURE)
    assert isinstance(found, Pooling)
    assert found.turned is not None
    turned, x = found.turned(), inputs(*PICTURE)
    assert (turned.size, turned.tiles) == (2, False)
    np.testing.assert_array_equal(turned(x.swapaxes(1, 2)), np.asarray(found(x)).swapaxes(1, 2))


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (layers.Add(), [[6.0, 9.0]]),
        (layers.Average(), [[2.0, 3.0]]),
        (layers.Multiply(), [[6.0, 24.0]]),
        (layers.Maximum(), [[3.0, 4.0]]),
        (layers.Minimum(), [[1.0, 2.0]]),
        (layers.Concatenate(), [[1.0, 2.0, 2.0, 3.0, 3.0, 4.0]]),
    ],
)
def test_merges(layer: keras.Layer, expected: Any) -> None:
    """Of 1 and 2, 2 and 3, 3 and 4, each merge gives what its name says."""
    given = keras.Input((6,))
    network = keras.Model(given, layer([given[:, 0:2], given[:, 2:4], given[:, 4:6]]))
    found = lowered(network, keep_head=True)
    (received,) = found(tf.constant([[1.0, 2.0, 2.0, 3.0, 3.0, 4.0]])).values()
    np.testing.assert_allclose(received, expected)
    assert type(found.nodes[-1].operation) is Merge


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (layers.UpSampling2D(2, interpolation="bilinear"), 'Expected interpolation="nearest". Received: bilinear'),
        (layers.Conv3D(2, 1), "a Conv3D cannot be lowered: TFLite has no int8 kernel for it"),
        (layers.EinsumDense("abcd,de->abce", (6, 4, 3)), "an EinsumDense cannot be lowered"),
        (layers.MaxPooling3D(1), "a MaxPooling3D cannot be lowered: nothing here says how it is computed"),
    ],
)
def test_what_cannot_be_lowered_says_why(layer: keras.Layer, message: str) -> None:
    """A refusal names the kind of layer, and what to do instead."""
    shape = (3, 3, 3, 2) if "3D" in type(layer).__name__ else PICTURE
    network = keras.Sequential([layers.Input(shape), layer])
    with pytest.raises(NetworkRefusedError, match=message):
        lowered(network, keep_head=True)
