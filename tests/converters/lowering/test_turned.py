"""Tests of `converters.lowering.turned`."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from converters.lowering.convolution import Convolution
from converters.lowering.inference import InferenceNetwork
from converters.lowering.lower import lowered
from converters.lowering.operations import Reordering
from converters.lowering.turned import turned


def crnn(*front: keras.Layer, features: int) -> keras.Model:
    """A network over images of 6 rows and 8 columns that swaps them behind its front."""
    behind = [layers.Permute((2, 1, 3)), layers.Reshape((-1, features)), layers.GRU(3)]
    return keras.Sequential([keras.Input((6, 8, 1)), *front, *behind])


def test_the_swap_comes_first() -> None:
    """Rows and columns are swapped in the image, and kernels of 2 rows and 3 columns become kernels of 3 rows and 2."""
    network = turned(lowered(crnn(layers.Conv2D(2, (2, 3)), layers.MaxPooling2D((5, 1)), features=2)))
    swap, convolution = (node.operation for node in network.nodes[:2])
    assert isinstance(swap, Reordering)
    assert isinstance(convolution, Convolution)
    assert convolution.kernel.shape == (3, 2, 1, 2)
    assert network.shapes[network.nodes[1].outputs[0]] == (1, 6, 5, 2)


def test_a_turned_network_computes_the_same_and_streams_by_columns() -> None:
    """With zeros ahead of the first column alone, a network that looked at rows answers column by column."""
    front = [
        layers.ZeroPadding2D(((1, 1), (2, 0))),
        layers.Conv2D(2, 3, activation="relu"),
        layers.MaxPooling2D((2, 2)),
    ]
    network = crnn(*front, features=6)
    inference = InferenceNetwork(network)
    assert (inference.facts.time_axis, inference.facts.steps, inference.facts.not_streamable) == ("columns", 4, "")
    image = np.random.default_rng(1).uniform(-1, 1, (1, 6, 8, 1)).astype(np.float32)
    np.testing.assert_allclose(
        inference.classify(tf.constant(image))["logits"], network(image, training=False), atol=1e-5
    )


def test_a_front_that_sees_rows_stays() -> None:
    """A layer that computes something else on swapped maps keeps the network as it is."""
    network = lowered(crnn(layers.PReLU("uniform", shared_axes=[2, 3]), features=6))
    assert turned(network) is network


def test_what_computes_the_same_on_swapped_maps_is_kept() -> None:
    """Scales of channels, activations and sums stay as they are, and their swapped network gives the same."""
    given = keras.Input((6, 8, 2))
    x = layers.LeakyReLU(0.25)(layers.Rescaling([2.0, -1.0], [0.5, 0.25])(given))
    x = layers.Permute((2, 1, 3))(layers.Add()([x, layers.Softmax()(given)]))
    network = lowered(keras.Model(given, layers.GRU(3)(layers.Reshape((8, 12))(x))))
    found = turned(network)
    assert isinstance(found.nodes[0].operation, Reordering)
    image = tf.constant(np.random.default_rng(1).uniform(-1, 1, (1, 6, 8, 2)), tf.float32)
    for before, after in zip(network(image).values(), found(image).values(), strict=True):
        np.testing.assert_allclose(after, before, atol=1e-6)


@pytest.mark.parametrize(
    "layer",
    [
        pytest.param(layers.PReLU(keras.initializers.RandomUniform(0.1, 0.9, 3), shared_axes=[1, 3]), id="by column"),
        pytest.param(layers.LayerNormalization(axis=(2, 3)), id="over columns"),
        pytest.param(layers.UpSampling2D((1, 2)), id="widened"),
        pytest.param(layers.Cropping2D(((0, 0), (0, 2))), id="cropped"),
    ],
)
def test_what_computes_something_else_on_swapped_maps_keeps_the_network(layer: keras.Layer) -> None:
    """Of each row by itself, but not of each pixel: the swap stays where it was."""
    given = keras.Input((6, 8, 1))
    x = layers.Reshape((-1, 6))(layers.Permute((2, 1, 3))(layer(given)))
    network = lowered(keras.Model(given, layers.GRU(3)(x)))
    assert turned(network) is network
