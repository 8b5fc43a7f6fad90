"""Tests of `converters.lowering.lower`: a lowered network returns what Keras returns at inference."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from keras import layers

from converters.lowering.inference import InferenceNetwork
from converters.lowering.refusal import NetworkRefusedError
from pipeline.training.networks import build
from pipeline.variants import VARIANTS

NAMES = ["rows2d", "cols2d", "conv1d", "rows", "fast", "tiny"]
SEEDS = st.integers(0, 2**32 - 1)


def randomised(network: keras.Sequential, seed: int) -> keras.Sequential:
    """The network with biases and batch statistics as training leaves them: neither zeros nor ones."""
    random = np.random.default_rng(seed)
    for layer in network.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([random.uniform(0.5, 2.0, weight.shape) for weight in layer.get_weights()])
        elif layer.get_weights():
            layer.set_weights([weight + random.normal(0, 0.05, weight.shape) for weight in layer.get_weights()])
    return network


def stacked(*shape: int | None, of: tuple[keras.Layer, ...], seed: int = 3) -> keras.Sequential:
    return randomised(keras.Sequential([layers.Input(shape), *of]), seed)


def inputs(*shape: int, seed: int = 4) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(-1, 1, (1, *shape)).astype(np.float32)


def lowered(network: keras.Sequential, crop: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(InferenceNetwork(network).classify(tf.constant(crop))["logits"])


def check_equals_keras(*of: keras.Layer, shape: tuple[int, ...], seed: int = 3) -> None:
    network = stacked(*shape, of=of, seed=seed)
    expected = np.asarray(network(inputs(*shape), training=False))
    np.testing.assert_allclose(lowered(network, inputs(*shape)), expected, atol=1e-5)


@pytest.fixture(scope="module")
def variants() -> dict[str, tuple[keras.Sequential, InferenceNetwork]]:
    networks = {name: randomised(build(VARIANTS[name]), seed=11) for name in NAMES}
    return {name: (network, InferenceNetwork(network)) for name, network in networks.items()}


@pytest.mark.sampled
@pytest.mark.parametrize("name", NAMES)
@given(crop=hnp.arrays(np.uint8, (1, 28, 28, 1)))
@settings(deadline=None, max_examples=5)
def test_variants_equal_keras(
    variants: dict[str, tuple[keras.Sequential, InferenceNetwork]], name: str, crop: npt.NDArray[np.uint8]
) -> None:
    """Each variant gives the logits that Keras gives, whatever its batch statistics are."""
    network, inference = variants[name]
    pixels = crop / np.float32(255)
    logits = inference.classify(tf.constant(pixels))["logits"]
    assert logits.shape == (1, 10)
    np.testing.assert_allclose(logits, network(pixels, training=False), atol=1e-5)


def test_stacked_lstms() -> None:
    """An LSTM above the states of another, which runs backwards, gives what Keras gives."""
    below = layers.LSTM(5, return_sequences=True, go_backwards=True)
    check_equals_keras(below, layers.Dropout(0.5), layers.LSTM(4), layers.Dense(3), shape=(6, 3))


def test_normalisation_folds() -> None:
    """Batch normalisation behind a convolution without activation leaves no operator of its own."""
    assert operator_types(layers.Conv1D(4, 3), layers.BatchNormalization()).count("Mul") == 0
    assert operator_types(layers.Conv1D(4, 3), layers.Dropout(0.5), layers.BatchNormalization()).count("Mul") == 0


def test_normalisation_behind_an_activation_does_not_fold() -> None:
    """A convolution with an activation before batch normalisation keeps its weights, and gives what Keras gives."""
    assert operator_types(layers.Conv1D(4, 3, activation="relu"), layers.BatchNormalization()).count("Mul") == 1
    check_equals_keras(layers.Conv1D(4, 3, activation="relu"), layers.BatchNormalization(), shape=(8, 2))


def test_second_normalisation_does_not_fold() -> None:
    """Of two batch normalisations in a row only the first folds, and both count."""
    check_equals_keras(
        layers.Conv1D(4, 3), layers.BatchNormalization(), layers.BatchNormalization(), layers.ReLU(), shape=(8, 2)
    )


def operator_types(*of: keras.Layer) -> list[str]:
    network = InferenceNetwork(stacked(8, 2, of=of))
    return [operation.type for operation in network.classify.get_concrete_function().graph.get_operations()]


@pytest.mark.parametrize(
    "layer",
    [
        layers.Dense(3, activation="tanh"),
        layers.Dense(3, use_bias=False),
        layers.Activation("sigmoid"),
        layers.ReLU(max_value=0.5, negative_slope=0.1),
        layers.Permute((2, 1)),
        layers.Reshape((3, 4)),
        layers.MaxPooling1D(2),
        layers.AveragePooling1D(2, padding="same"),
        layers.ZeroPadding1D(2),
    ],
    ids=lambda layer: layer.name,
)
def test_layers_without_a_state(layer: keras.Layer) -> None:
    """Layers without a state give what Keras gives, on a sequence as well as on a vector."""
    check_equals_keras(layer, layers.Flatten(), shape=(6, 2))


@pytest.mark.parametrize(
    "layer",
    [
        layers.BatchNormalization(),
        layers.LayerNormalization(),
        layers.LayerNormalization(axis=1),
        layers.GroupNormalization(2),
        layers.Conv1D(3, 2, dilation_rate=2),
        layers.GlobalMaxPooling1D(),
    ],
    ids=lambda layer: layer.name,
)
def test_layers_of_each_step(layer: keras.Layer) -> None:
    """A layer within a TimeDistributed sees each step by itself, as in Keras."""
    check_equals_keras(layers.TimeDistributed(layer), layers.Flatten(), shape=(5, 6, 4))


@pytest.mark.parametrize(
    "layer",
    [layers.Dropout(0.9), layers.SpatialDropout1D(0.9), layers.GaussianNoise(0.9)],
    ids=lambda layer: layer.name,
)
def test_layers_that_only_train_vanish(layer: keras.Layer) -> None:
    """Noise and dropout do nothing to a crop."""
    assert set(operator_types(layer)) == {"Placeholder", "Identity"}
    sequence = inputs(8, 2)
    np.testing.assert_array_equal(lowered(stacked(8, 2, of=(layer,)), sequence), sequence)


def test_refuses_all_layers_it_does_not_know_at_once() -> None:
    """Unknown layers are refused together, each by its name and class, with what to do; a subclass is unknown."""

    class Sharper(layers.Dense):  # type: ignore[misc]  # Keras has no types
        pass

    of = (
        layers.Masking(name="first"),
        Sharper(3, name="second"),
        layers.LSTM(3),
        layers.SpectralNormalization(layers.Dense(3), name="third"),
    )
    with pytest.raises(NetworkRefusedError) as refused:
        InferenceNetwork(stacked(4, 2, of=of))
    first, second, third = str(refused.value).splitlines()
    assert first.startswith(
        "first: a Masking cannot be lowered: all inputs have the length of the network's input here"
    )
    assert second.startswith("second: a Sharper cannot be lowered: nothing here says how it is computed. Use one of")
    assert third.startswith("third: a SpectralNormalization cannot be lowered: nothing here says how it is computed.")


def test_refuses_what_each_step_has_by_the_layer_that_repeats_it() -> None:
    """Each unknown layer inside a TimeDistributed is a line of its own, with the names of both."""
    inner = keras.Sequential(
        [layers.Masking(name="first"), layers.SpectralNormalization(layers.Dense(3), name="second")]
    )
    with pytest.raises(NetworkRefusedError) as refused:
        InferenceNetwork(stacked(4, 2, of=(layers.TimeDistributed(inner, name="each"),)))
    first, second = str(refused.value).splitlines()
    assert first.startswith("each: first: a Masking cannot be lowered")
    assert second.startswith("each: second: a SpectralNormalization cannot be lowered")


HEADS = {
    "dense": ([layers.Dense(3, activation="softmax")], "softmax"),
    "activation": ([layers.Dense(3), layers.Activation("softmax")], "softmax"),
    "softmax": ([layers.Dense(3), layers.Softmax()], "softmax"),
    "dropout behind it": ([layers.Dense(3, activation="softmax"), layers.Dropout(0.5)], "softmax"),
    "sigmoid": ([layers.Dense(1, activation="sigmoid")], "sigmoid"),
    "none": ([layers.Dense(3)], "linear"),
}


@pytest.mark.parametrize("case", HEADS)
def test_takes_the_head_off(case: str) -> None:
    """A softmax or sigmoid at the end is taken off, and named; put on again it gives what Keras gives."""
    of, head = HEADS[case]
    network = stacked(4, of=tuple(of))
    inference = InferenceNetwork(network)
    assert inference.facts.heads == {"logits": head}
    put_on = {"softmax": tf.nn.softmax, "sigmoid": tf.sigmoid, "linear": tf.identity}[head]
    np.testing.assert_allclose(put_on(lowered(network, inputs(4))), network(inputs(4), training=False), atol=1e-6)


@pytest.mark.parametrize("return_sequences", [False, True])
def test_both_ways(return_sequences: bool) -> None:
    """A bidirectional LSTM's two readings stand side by side, the one from the end put back in order."""
    both_ways = layers.Bidirectional(layers.LSTM(3, return_sequences=return_sequences))
    check_equals_keras(both_ways, layers.Flatten(), layers.Dense(2), shape=(5, 4))


@pytest.mark.sampled
@pytest.mark.parametrize("merge", ["concat", "sum", "mul", "ave"])
@pytest.mark.parametrize("kind", [layers.LSTM, layers.GRU, layers.SimpleRNN])
def test_both_ways_of_every_kind(kind: Any, merge: str) -> None:
    """Both readings of any recurrent layer are merged as Keras merges them."""
    check_equals_keras(layers.Bidirectional(kind(3), merge_mode=merge), layers.Dense(2), shape=(5, 4))


@pytest.mark.parametrize(
    "behind",
    [layers.AveragePooling2D(2), layers.Cropping2D(1), layers.Conv2D(2, 2), layers.Flatten()],
    ids=["pooling", "cropping", "convolution", "flatten"],
)
def test_zero_padding_ahead_of_any_layer(behind: keras.Layer) -> None:
    """Zero padding counts, whether a convolution, another layer or nothing comes after it."""
    check_equals_keras(layers.ZeroPadding2D(((1, 2), (3, 0))), behind, shape=(5, 4, 2))
    check_equals_keras(layers.ReLU(), layers.ZeroPadding2D(((1, 2), (3, 0))), shape=(5, 4, 2))


def test_literal_logits() -> None:
    """Weights, batch statistics and a head with numbers that need no calculator."""
    network = keras.Sequential(
        [
            layers.Input((3, 1)),
            layers.Conv1D(1, 2),
            layers.BatchNormalization(epsilon=0),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    network.layers[0].set_weights([np.array([[[1.0]], [[10.0]]]), np.array([3.0])])
    gamma, beta, mean, variance = ([value] for value in (6.0, 5.0, 2.0, 9.0))
    network.layers[1].set_weights([np.array(value) for value in (gamma, beta, mean, variance)])
    network.layers[3].set_weights([np.array([[1.0, 0.0], [0.0, -1.0]]), np.array([0.0, 100.0])])
    # Convolved: 21 + 3 and 32 + 3. Normalised: (24 - 2) / 3 * 6 + 5 = 49 and (35 - 2) / 3 * 6 + 5 = 71.
    assert lowered(network, np.array([[[1.0], [2.0], [3.0]]], np.float32)).tolist() == [[49.0, 29.0]]


def test_a_softmax_that_is_not_the_head_stays() -> None:
    """A softmax in the middle of a network is computed."""
    check_equals_keras(layers.Dense(3, activation="softmax"), layers.Dense(2), shape=(4,))


def test_refuses_a_stateful_layer() -> None:
    """A layer that keeps its state for the next input is refused, with what to change."""
    network = keras.Sequential([layers.Input(batch_shape=(1, 4, 2)), layers.LSTM(3, stateful=True, name="odd")])
    with pytest.raises(NetworkRefusedError, match=r"^odd: stateful=True keeps the state of one input for the next\."):
        InferenceNetwork(network)


def test_refuses_an_initial_state() -> None:
    """A layer whose state comes from another layer is refused."""
    x = layers.Input((4, 2))
    _, h, c = layers.LSTM(3, return_state=True)(x)
    network = keras.Model(x, layers.LSTM(3, name="odd")(x, initial_state=[h, c]))
    with pytest.raises(NetworkRefusedError, match=r"^odd: its initial state, or its mask, comes from another layer\."):
        InferenceNetwork(network)


def test_a_free_number_of_steps_takes_the_length_that_is_given() -> None:
    """Without a length of its own a network takes the one that it is lowered for; without either it is refused."""
    network = stacked(None, 2, of=(layers.LSTM(3), layers.Dense(2)))
    sequence = inputs(6, 2)
    logits = InferenceNetwork(network, (1, 6, 2)).classify(tf.constant(sequence))["logits"]
    np.testing.assert_allclose(logits, network(sequence, training=False), atol=1e-5)
    with pytest.raises(NetworkRefusedError, match=r"^Expected an input of fixed shape\. Received: \[None, 2\]\."):
        InferenceNetwork(network)
