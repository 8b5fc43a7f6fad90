"""Tests that each variant corrects the program it comes from: what its LSTM takes as a sequence."""

from __future__ import annotations

import keras

from pipeline.training.networks import build
from pipeline.variants import VARIANTS


def sequence_shape(network: keras.Sequential) -> tuple[int | None, ...]:
    (shape,) = (layer.input.shape for layer in network.layers if isinstance(layer, keras.layers.LSTM))
    return tuple(shape)


def test_rows2d_corrects_flattening() -> None:
    """`rows2d` cuts the map into 7 rows of 448 features instead of flattening it."""
    assert sequence_shape(build(VARIANTS["rows2d"])) == (None, 7, 448)


def test_cols2d_corrects_flattening() -> None:
    """`cols2d` cuts the map into 7 columns of 448 features instead of flattening it."""
    assert sequence_shape(build(VARIANTS["cols2d"])) == (None, 7, 448)


def test_rows2d_corrects_reshaping() -> None:
    """`rows2d` pads to a map of 7x7x64 and makes a time step of each of its 7 rows."""
    network = build(VARIANTS["rows2d"])
    (map_shape,) = (layer.input.shape for layer in network.layers if isinstance(layer, keras.layers.Reshape))
    assert map_shape == (None, 7, 7, 64)
    assert sequence_shape(network) == (None, 7, 448)


def test_conv1d_variant_corrects_the_four_dimensions() -> None:
    """`conv1d` takes the image as 28 rows of 28 first, and gives the LSTM 7 steps of 64 features."""
    network = build(VARIANTS["conv1d"])
    first = next(layer for layer in network.layers if isinstance(layer, keras.layers.Conv1D))
    assert first.input.shape == (None, 28, 28)
    assert sequence_shape(network) == (None, 7, 64)


def test_rows_variant_does_without_convolutions() -> None:
    """`rows` leaves the convolutions out: the image's 28 rows are the sequence."""
    assert sequence_shape(build(VARIANTS["rows"])) == (None, 28, 28)
