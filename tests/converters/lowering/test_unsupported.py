"""Tests of `converters.lowering.unsupported`."""

from __future__ import annotations

import keras
import pytest
from keras import layers

from converters.child import write_float
from converters.lowering.inference import InferenceNetwork
from converters.lowering.refusal import NetworkRefusedError


@pytest.mark.thorough
def test_layers_without_an_int8_kernel_are_named() -> None:
    """A quotient of two sequences lowers, but int8 has no kernel for it: it is refused by the layer's name."""
    inputs = keras.Input((4, 3))
    quotient = layers.Dense(3)(inputs) / (layers.Dense(3, activation="softplus")(inputs) + 1.0)
    network = keras.Model(inputs, layers.LSTM(2)(quotient))
    with pytest.raises(NetworkRefusedError, match=r"^(true_)?divide\w*: int8 has no kernel for DIV\. Use a layer"):
        write_float(InferenceNetwork(network))
