"""Tests of `pipeline.gate.streamed`: a float `step` that keeps its states from one input to the next, and Keras."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import keras
import numpy as np
import pytest
from keras import layers

from converters.child import write_float
from converters.convert import Conversion
from converters.lowering.inference import InferenceNetwork
from device.arrays import Float32
from pipeline.gate.streamed import greatest_difference, streamed_outputs

INPUTS = np.random.default_rng(3).normal(size=(3, 6, 2)).astype(np.float32)


@cache
def conversion(network: keras.Model) -> Conversion:
    """The float file of a network with what is known of it; there is no int8 file."""
    inference = InferenceNetwork(network, (1, *network.input_shape[1:]))
    return Conversion(write_float(inference), b"", {}, inference.facts)


@cache
def recurrent(*, convolved: bool = False) -> keras.Model:
    keras.utils.set_random_seed(4)
    ahead = [layers.Conv1D(3, 2, padding="causal")] if convolved else []
    return keras.Sequential([layers.Input((6, 2)), *ahead, layers.GRU(4), layers.Dense(2, name="logits")])


def read(network: keras.Model, sequence: Float32) -> Float32:
    """What the layers of a network say of a sequence of any length."""
    longer = keras.Sequential([layers.Input((None, 2)), *network.layers])
    (answer,) = np.asarray(longer(sequence[np.newaxis]), np.float32)
    return np.asarray(answer, np.float32)


@pytest.mark.parametrize(
    ("runs", "heard"), [((2, 1), [(0,), (0, 1), (2,)]), ((1, 2), [(0,), (1,), (1, 2)]), ((1, 1, 1), [(0,), (1,), (2,)])]
)
def test_states_are_kept_within_a_run(runs: Sequence[int], heard: Sequence[tuple[int, ...]]) -> None:
    """Each answer is that of all the lines since the run began, and a new run begins with states of zero."""
    answers = streamed_outputs(conversion(recurrent()), INPUTS, runs)
    expected = [read(recurrent(), np.concatenate([INPUTS[index] for index in each])) for each in heard]
    assert list(answers) == ["logits"]
    np.testing.assert_allclose(answers["logits"], expected, atol=1e-5)


def test_step_is_as_keras_with_its_states_kept() -> None:
    """Of a network without a convolution all inputs are compared, also in runs of one."""
    for runs in ((2, 1), (1, 1, 1)):
        difference, compared = greatest_difference(recurrent(), conversion(recurrent()), INPUTS, runs, keep_head=False)
        assert difference < 1e-5
        assert compared == "3 inputs, one after another"


def test_of_a_convolution_the_first_inputs_are_compared() -> None:
    """Keras does not carry a convolution's rows over, so what comes later in a run would differ."""
    network = recurrent(convolved=True)
    difference, compared = greatest_difference(network, conversion(network), INPUTS, (2, 1), keep_head=False)
    assert difference < 1e-5
    assert compared == "2 inputs, each the first of its run, as Keras carries no rows of a convolution"


def test_another_network_differs() -> None:
    """The difference is relative to the greatest of Keras' outputs."""
    other = keras.models.clone_model(recurrent())
    other.set_weights([3 * weight for weight in recurrent().get_weights()])
    assert greatest_difference(other, conversion(recurrent()), INPUTS, (3,), keep_head=False)[0] > 0.3
