"""The three broken programs this project grew from: the error of each, and the variant that mends it."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from pipeline.training.networks import build
from pipeline.variants import VARIANTS


def program(*front: keras.Layer) -> keras.Sequential:
    return keras.Sequential([layers.Input((28, 28, 1)), *front, layers.LSTM(128), layers.Dense(10)])


def convolutions(padding: str = "valid") -> list[keras.Layer]:
    return [
        layers.Conv2D(32, (3, 3), activation="relu", padding=padding),
        layers.MaxPooling2D((2, 2)),
        layers.Conv2D(64, (3, 3), activation="relu", padding=padding),
        layers.MaxPooling2D((2, 2)),
    ]


def sequence_shape(network: keras.Sequential) -> tuple[int | None, ...]:
    (shape,) = (layer.input.shape for layer in network.layers if isinstance(layer, keras.layers.LSTM))
    return tuple(shape)


def test_flattening_before_the_lstm() -> None:
    """A flattened map is no sequence, and the program cannot be built."""
    with pytest.raises(ValueError, match=r"expected ndim=3, found ndim=2\. Full shape received: \(None, 1600\)"):
        program(*convolutions(), layers.Flatten())


def test_rows2d_mends_flattening() -> None:
    """`rows2d` cuts the map into 7 rows of 448 features instead of flattening it."""
    assert sequence_shape(build(VARIANTS["rows2d"])) == (None, 7, 448)


def test_cols2d_mends_flattening() -> None:
    """`cols2d` cuts the map into 7 columns of 448 features instead of flattening it."""
    assert sequence_shape(build(VARIANTS["cols2d"])) == (None, 7, 448)


def test_reshaping_an_unpadded_map() -> None:
    """Unpadded convolutions leave a map of 5x5x64, no multiple of 7x7x64, and the program cannot be built."""
    with pytest.raises(ValueError, match=r"input_shape=\(5, 5, 64\), target_shape=\(-1, 3136\)"):
        program(*convolutions(), layers.Reshape((-1, 7 * 7 * 64)))


def test_reshaping_a_padded_map() -> None:
    """With padding the same program runs, on a sequence that is a single time step of 3,136 features."""
    network = program(*convolutions("same"), layers.Reshape((-1, 7 * 7 * 64)))
    assert network(np.zeros((2, 28, 28, 1), np.float32)).shape == (2, 10)
    assert sequence_shape(network) == (None, 1, 3136)


def test_rows2d_mends_reshaping() -> None:
    """`rows2d` pads to a map of 7x7x64 and makes a time step of each of its 7 rows."""
    network = build(VARIANTS["rows2d"])
    (map_shape,) = (layer.input.shape for layer in network.layers if isinstance(layer, keras.layers.Reshape))
    assert map_shape == (None, 7, 7, 64)
    assert sequence_shape(network) == (None, 7, 448)


def test_conv1d_on_an_image_with_a_channel() -> None:
    """Conv1D takes no input of four dimensions, and the program cannot be built."""
    with pytest.raises(ValueError, match=r"kernel of shape \(3, 1, 32\) and input of shape \(None, 28, 28, 1\)"):
        program(
            layers.Conv1D(32, 3, activation="relu"),
            layers.MaxPooling1D(2),
            layers.Conv1D(64, 3, activation="relu"),
            layers.MaxPooling1D(2),
        )


def test_conv1d_variant_mends_the_four_dimensions() -> None:
    """`conv1d` takes the image as 28 rows of 28 first, and gives the LSTM 7 steps of 64 features."""
    network = build(VARIANTS["conv1d"])
    first = next(layer for layer in network.layers if isinstance(layer, keras.layers.Conv1D))
    assert first.input.shape == (None, 28, 28)
    assert sequence_shape(network) == (None, 7, 64)


def test_rows_variant_does_without_convolutions() -> None:
    """`rows` leaves the convolutions out: the image's 28 rows are the sequence."""
    assert sequence_shape(build(VARIANTS["rows"])) == (None, 28, 28)
