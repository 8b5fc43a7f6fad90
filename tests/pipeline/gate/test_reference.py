"""Tests of `pipeline.gate.reference`: the float network's logits, whatever applies its softmax or sigmoid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from converters.lowering.lower import lowered
from pipeline.gate.reference import float_outputs

INPUTS = np.array([[1.0, 2.0], [0.5, -1.0]], np.float32)
KERNEL = np.array([[1.0, 0.0, -2.0], [0.5, 4.0, 0.0]], np.float32)
BIAS = np.array([0.0, 1.0, 2.0], np.float32)
# INPUTS @ KERNEL + BIAS.
LOGITS = [[2.0, 9.0, 0.0], [0.0, -3.0, 1.0]]


def dense(name: str | None = None, **settings: Any) -> layers.Dense:
    return layers.Dense(
        3,
        kernel_initializer=keras.initializers.Constant(KERNEL),
        bias_initializer=keras.initializers.Constant(BIAS),
        name=name,
        **settings,
    )


def softmax_inside() -> keras.Model:
    return keras.Sequential([layers.Input((2,)), dense(activation="softmax")])


def sigmoid_inside() -> keras.Model:
    return keras.Sequential([layers.Input((2,)), dense(activation="sigmoid")])


def activation_behind() -> keras.Model:
    return keras.Sequential([layers.Input((2,)), dense(), layers.Activation("softmax")])


def dropout_behind() -> keras.Model:
    return keras.Sequential([layers.Input((2,)), dense(activation="softmax"), layers.Dropout(0.5), layers.Identity()])


def nested() -> keras.Model:
    head = keras.Sequential([layers.Input((2,)), dense(activation="softmax")])
    return keras.Sequential([layers.Input((2,)), keras.Sequential([layers.Input((2,)), layers.Identity(), head])])


def no_head() -> keras.Model:
    return keras.Sequential([layers.Input((2,)), dense()])


@pytest.mark.parametrize("build", [softmax_inside, sigmoid_inside, activation_behind, dropout_behind, nested, no_head])
def test_the_logits_are_those_before_the_head(build: Callable[[], keras.Model]) -> None:
    """The outputs have no softmax or sigmoid, and the network has its own again afterwards."""
    network = build()
    before = np.asarray(network(INPUTS))
    outputs = float_outputs(network, INPUTS, keep_head=False)
    assert {name: values.tolist() for name, values in outputs.items()} == {"logits": LOGITS}
    assert outputs["logits"].dtype == np.float32
    assert np.asarray(network(INPUTS)).tolist() == before.tolist()


def test_a_softmax_layer_leaves_logarithms() -> None:
    """A Softmax layer cannot be taken off: the logarithms of its probabilities have the logits' differences."""
    network = keras.Sequential([layers.Input((2,)), dense(), layers.Softmax()])
    logits = float_outputs(network, INPUTS, keep_head=False)["logits"]
    assert np.diff(logits).tolist() == pytest.approx(np.diff(LOGITS), abs=1e-5)


def test_each_time_step_has_its_logits() -> None:
    """A head that is applied at each time step is taken off as well."""
    network = keras.Sequential([layers.Input((2, 2)), layers.TimeDistributed(dense(activation="softmax"))])
    outputs = float_outputs(network, INPUTS[np.newaxis], keep_head=False)
    assert outputs["logits"].tolist() == [LOGITS]
    assert np.asarray(network(INPUTS[np.newaxis])).sum(axis=-1) == pytest.approx(np.ones((1, 2)))


def test_the_last_convolution_has_its_logits() -> None:
    """A convolution over time that ends in a softmax is as a dense layer at each step, for the converter as well."""
    convolution = layers.Conv1D(
        3,
        1,
        activation="softmax",
        kernel_initializer=keras.initializers.Constant(KERNEL[np.newaxis]),
        bias_initializer=keras.initializers.Constant(BIAS),
    )
    network = keras.Sequential([layers.Input((2, 2)), convolution])
    assert float_outputs(network, INPUTS[np.newaxis], keep_head=False)["logits"].tolist() == [LOGITS]
    whole = lowered(network)
    assert whole.heads == {"logits": "softmax"}
    assert np.asarray(whole(INPUTS[np.newaxis])["logits"]).tolist() == [LOGITS]


@pytest.mark.parametrize("recurrent", [layers.LSTM, layers.GRU, layers.SimpleRNN])
def test_the_activation_of_a_recurrent_layer_is_no_head(recurrent: type[layers.Layer]) -> None:
    """A sigmoid inside of the last recurrent layer's step belongs to the network."""
    network = keras.Sequential([layers.Input((3, 2)), recurrent(3, activation="sigmoid")])
    inputs = np.arange(12, dtype=np.float32).reshape(2, 3, 2) / 12
    found = float_outputs(network, inputs, keep_head=False)["logits"]
    assert found.tolist() == np.asarray(network(inputs)).tolist()


def test_several_outputs_have_their_names() -> None:
    """Each output is without its own head."""
    given = layers.Input((2,))
    outputs = [
        dense("kind", activation="softmax")(given),
        dense("size")(given),
        layers.ReLU(name="area")(dense()(given)),
    ]
    found = float_outputs(keras.Model(given, outputs), INPUTS, keep_head=False)
    assert {name: values.tolist() for name, values in found.items()} == {
        "kind": LOGITS,
        "size": LOGITS,
        "area": [[2.0, 9.0, 0.0], [0.0, 0.0, 1.0]],
    }


def test_values_keep_their_head() -> None:
    """With `keep_head` a sigmoid at the end stays: it bounds the values."""
    network = sigmoid_inside()
    found = float_outputs(network, INPUTS, keep_head=True)["logits"]
    assert found[0].tolist() == pytest.approx([0.880797, 0.999877, 0.5], abs=1e-6)


def test_more_inputs_than_a_batch_are_all_answered() -> None:
    """1,001 inputs take three batches."""
    found = float_outputs(softmax_inside(), np.tile(INPUTS[:1], (1_001, 1)), keep_head=False)["logits"]
    assert found.shape == (1_001, 3)
    assert found[-1].tolist() == LOGITS[0]
