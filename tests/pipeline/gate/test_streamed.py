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


def test_a_softmax_is_compared_but_for_one_number_for_each_answer() -> None:
    """The logarithms of Keras' probabilities are logits less a number."""
    keras.utils.set_random_seed(5)
    network = keras.Sequential(
        [layers.Input((6, 2)), layers.GRU(4), layers.Dense(2, activation="softmax", name="logits")]
    )
    difference, compared = greatest_difference(network, conversion(network), INPUTS, (2, 1), keep_head=False)
    assert difference < 1e-5
    assert compared == "3 inputs, one after another"


def test_an_output_that_answers_each_step_has_the_values_of_all() -> None:
    """Six lines an input, six answers; of the last step alone, one."""
    keras.utils.set_random_seed(6)
    given = layers.Input((6, 2))
    sequence = layers.GRU(4, return_sequences=True)(given)
    each, last = layers.Dense(3, name="each")(sequence), layers.Dense(2, name="last")(layers.GRU(3)(sequence))
    network = keras.Model(given, {"each": each, "last": last})
    answers = streamed_outputs(conversion(network), INPUTS, (1, 1, 1))
    expected = network.predict(INPUTS, verbose=0)
    assert {name: values.shape for name, values in answers.items()} == {"each": (3, 6, 3), "last": (3, 2)}
    for name in ("each", "last"):
        np.testing.assert_allclose(answers[name], expected[name], atol=1e-5)


def test_columns_are_lines_where_time_goes_from_left_to_right() -> None:
    """A network that turns its image reads it column by column."""
    keras.utils.set_random_seed(7)
    turned = [layers.Permute((2, 1, 3)), layers.Reshape((6, 2)), layers.GRU(4), layers.Dense(2, name="logits")]
    network = keras.Sequential([layers.Input((2, 6, 1)), *turned])
    images = INPUTS.swapaxes(1, 2)[..., np.newaxis]
    answers = streamed_outputs(conversion(network), images, (1, 1, 1))
    np.testing.assert_allclose(answers["logits"], network.predict(images, verbose=0), atol=1e-5)


@pytest.mark.thorough
def test_the_first_200_inputs_are_compared() -> None:
    """Keras takes milliseconds for each."""
    keras.utils.set_random_seed(8)
    network = keras.Sequential([layers.Input((2, 2)), layers.SimpleRNN(2), layers.Dense(2, name="logits")])
    inputs = np.random.default_rng(9).normal(size=(210, 2, 2)).astype(np.float32)
    for runs in ((150, 60), (205, 5)):
        difference, compared = greatest_difference(network, conversion(network), inputs, runs, keep_head=False)
        assert difference < 1e-5
        assert compared == "200 inputs, one after another"
