"""Tests of `converters.lowering.states_kept`."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import layers

from converters.lowering.states_kept import keeps_states, with_states


def _in_a_row() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input(batch_shape=(4, 5, 3)),
            layers.LSTM(6, stateful=True, return_sequences=True),
            layers.RNN([layers.GRUCell(4), layers.SimpleRNNCell(2)], stateful=True),
            layers.Dense(2),
        ]
    )


def _nested() -> keras.Model:
    inputs = keras.Input(batch_shape=(2, 5, 3))
    inner = keras.Sequential([keras.Input(batch_shape=(2, 5, 3)), layers.LSTM(4, stateful=True)])(inputs)
    return keras.Model(inputs, [layers.Dense(2)(inner), layers.GRU(3, stateful=True)(keras.ops.multiply(inputs, 2.0))])


@pytest.mark.parametrize("build", [_in_a_row, _nested])
def test_a_copy_keeps_its_states_or_starts_anew(build: Callable[[], keras.Model]) -> None:
    """Over three windows one copy answers as the network does, and the other as its first answer for each."""
    network = build()
    kept, anew = with_states(network, kept=True), with_states(network, kept=False)
    assert [keeps_states(each) for each in (network, kept, anew)] == [True, True, False]
    windows = np.random.default_rng(0).normal(size=(3, 5, 3)).astype(np.float32)
    first = keras.tree.flatten(with_states(network, kept=True)(windows[2:]))
    for window in windows:
        expected = keras.tree.flatten(network(np.repeat(window[np.newaxis], network.input_shape[0], axis=0)))
        received = keras.tree.flatten(kept(window[np.newaxis]))
        assert all(np.allclose(one[:1], other, atol=1e-6) for one, other in zip(expected, received, strict=True))
    assert all(
        np.allclose(one[-1:], other, atol=1e-6)
        for one, other in zip(keras.tree.flatten(anew(windows)), first, strict=True)
    )


def test_what_a_time_step_holds_stays_as_it_is() -> None:
    """A recurrent layer within each frame starts again at each frame, also where states are kept."""
    frames = layers.TimeDistributed(layers.LSTM(3))
    network = keras.Sequential([layers.Input((4, 6, 2)), frames, layers.LSTM(3)])
    kept = with_states(network, kept=True)
    assert [layer.stateful for layer in kept.layers if isinstance(layer, layers.LSTM)] == [True]
    assert not kept.layers[0].layer.stateful
