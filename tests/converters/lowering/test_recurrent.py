"""Tests of `converters.lowering.recurrent`: recurrent layers give what Keras gives, or are refused with the reason."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from converters.lowering.lower import lowered
from converters.lowering.refusal import NetworkRefusedError
from tests.converters.lowering.test_lower import check_equals_keras, inputs


def cells(*of: type[layers.Layer]) -> list[layers.Layer]:
    return [kind(3) for kind in of]


def two(*, backwards: bool = False, sequences: bool = False) -> layers.RNN:
    """An LSTM's cell below a GRU's, in one layer."""
    below, above = cells(layers.LSTMCell, layers.GRUCell)
    return layers.RNN([below, above], go_backwards=backwards, return_sequences=sequences)


def maps(**settings: Any) -> layers.ConvLSTM1D:
    return layers.ConvLSTM1D(2, 3, padding="same", **settings)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        pytest.param(two(), (5, 4), id="stacked"),
        pytest.param(two(sequences=True), (5, 4), id="stacked at each step"),
        pytest.param(two(backwards=True), (5, 4), id="stacked backwards"),
        pytest.param(two(backwards=True, sequences=True), (5, 4), id="stacked backwards at each step"),
        pytest.param(maps(), (4, 5, 2), id="maps"),
        pytest.param(maps(go_backwards=True, return_sequences=True), (4, 5, 2), id="maps backwards"),
        pytest.param(layers.Bidirectional(maps()), (4, 5, 2), id="maps both ways"),
        pytest.param(layers.Bidirectional(maps(return_sequences=True), merge_mode="sum"), (4, 5, 2), id="summed maps"),
        pytest.param(layers.Bidirectional(layers.GRU(3), merge_mode="ave"), (5, 4), id="mean of both ways"),
        pytest.param(layers.Bidirectional(layers.SimpleRNN(3), merge_mode="mul"), (5, 4), id="product of both ways"),
        pytest.param(
            layers.Bidirectional(layers.LSTM(3, return_sequences=True), backward_layer=layers.GRU(
                3, return_sequences=True, go_backwards=True)),
            (5, 4),
            id="different ways",
        ),
    ],
)  # fmt: skip
def test_equals_keras(layer: keras.Layer, shape: tuple[int, ...]) -> None:
    check_equals_keras(layer, shape=shape)


@pytest.mark.parametrize(
    "layer", [layers.LSTM(3, return_state=True), layers.GRU(3, return_state=True), maps(return_state=True)]
)
def test_last_states_are_outputs(layer: keras.Layer) -> None:
    """With `return_state` the last states come behind the output."""
    given = keras.Input((4, 5, 2) if isinstance(layer, layers.ConvLSTM1D) else (5, 4))
    network = keras.Model(given, [layers.Identity(name=f"out{n}")(each) for n, each in enumerate(layer(given))])
    x = inputs(*given.shape[1:])
    for received, expected in zip(
        lowered(network, keep_head=True)(tf.constant(x)).values(), network(x, training=False), strict=True
    ):
        np.testing.assert_allclose(received, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            layers.RNN(cells(layers.LSTMCell, layers.GRUCell), return_state=True),
            "Expected return_state=False of stacked cells. Use a layer for each cell",
        ),
        (
            layers.Bidirectional(layers.RNN(cells(layers.GRUCell, layers.GRUCell))),
            "Expected one cell each way. Use a Bidirectional for each cell of the stack",
        ),
        (
            layers.Bidirectional(layers.GRU(3, go_backwards=True), backward_layer=layers.GRU(3)),
            "Expected a forward layer, and a backward layer with go_backwards=True",
        ),
        (layers.GRU(3, stateful=True), "stateful=True keeps the state of one input for the next"),
    ],
)
def test_what_is_refused_says_what_to_use(layer: keras.Layer, message: str) -> None:
    given = keras.Input(batch_shape=(1, 5, 4))
    with pytest.raises(NetworkRefusedError, match=message):
        lowered(keras.Model(given, tf.nest.flatten(layer(given))[0]))
