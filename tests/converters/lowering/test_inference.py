"""Tests of `converters.lowering.inference`: the signatures of a network, and what it turns out to be."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from converters.lowering.inference import InferenceNetwork
from converters.lowering.refusal import NetworkRefusedError
from converters.workspace import NetworkFacts
from pipeline.training.networks import build
from pipeline.variants import VARIANTS
from tests.converters.lowering.test_lower import NAMES, inputs, stacked


def counting(steps: int) -> keras.Sequential:
    """A network over rows of one number, whose state appends them as digits: 1, 2, 3 give 123, and twice that."""
    network = keras.Sequential(
        [keras.Input((steps, 1)), layers.SimpleRNN(1, activation=None), layers.Dense(1, use_bias=False)]
    )
    network.set_weights([np.array(each, np.float32) for each in ([[1]], [[10]], [0], [[2]])])
    return network


def looking_ahead() -> keras.Sequential:
    return keras.Sequential([keras.Input((6, 2)), layers.Conv1D(3, 3, padding="same", name="odd"), layers.GRU(2)])


def test_whole_and_step_by_step() -> None:
    """Rows 1, 2 and 3 have the answer 246, at once or one after another with the states that the step before gave."""
    inference = InferenceNetwork(counting(3))
    assert list(inference.signatures) == ["classify", "step"]
    assert inference.signatures == {"classify": inference.classify, "step": inference.step}
    assert inference.classify(tf.constant([[[1.0], [2.0], [3.0]]]))["logits"].numpy().tolist() == [[246.0]]
    state, answers = tf.zeros((1, 1)), []
    for row in (1.0, 2.0, 3.0):
        outputs = inference.step(tf.constant([[[row]]]), state)
        state = outputs["h0_out"]
        answers.append(outputs["logits"].numpy().tolist())
    assert (answers, state.numpy().tolist()) == ([[[2.0]], [[24.0]], [[246.0]]], [[123.0]])


def test_facts_of_a_network_that_streams() -> None:
    """Four rows of three in steps of one; its heads are named, and what answers each step."""
    network = keras.Sequential([keras.Input((4, 3)), layers.LSTM(2, return_sequences=True), layers.Dense(2, "softmax")])
    assert InferenceNetwork(network).facts == NetworkFacts({"logits": "softmax"}, ("logits",), "rows", 4, 1, "")
    kept = InferenceNetwork(network, keep_head=True)
    assert kept.facts.heads == {"logits": "linear"}
    (answer,) = kept.classify(tf.constant(inputs(4, 3))).values()
    np.testing.assert_allclose(tf.reduce_sum(answer, axis=-1), [[1.0] * 4], atol=1e-6)


def test_facts_of_a_network_along_columns() -> None:
    """Eight columns in steps of two, of which each answers nothing by itself."""
    of = (layers.Permute((2, 1, 3)), layers.Reshape((4, 12)), layers.LSTM(2), layers.Dense(1, "sigmoid"))
    facts = InferenceNetwork(keras.Sequential([keras.Input((6, 8, 1)), *of])).facts
    assert facts == NetworkFacts({"logits": "sigmoid"}, (), "columns", 4, 2, "")


def test_facts_of_a_network_that_does_not_stream() -> None:
    """Its whole input is one step, and the reason comes with it; there is no step form."""
    inference = InferenceNetwork(looking_ahead())
    facts, reason = inference.facts, "odd: looks ahead along time. Expected 2 rows of padding above and 0 below. "
    assert facts.not_streamable.startswith(reason)
    assert facts == NetworkFacts({"logits": "linear"}, (), "rows", 1, 6, facts.not_streamable)
    assert (inference.step_form, inference.step, list(inference.signatures)) == (None, None, ["classify"])


@pytest.mark.parametrize(
    ("steps_max", "signatures"), [(2, ["step"]), (3, ["classify", "step"]), (4, ["classify", "step"])]
)
def test_a_network_is_unrolled_up_to_so_many_steps(steps_max: int, signatures: list[str]) -> None:
    """A network of three steps is so up to a maximum of three."""
    assert list(InferenceNetwork(counting(3), unrolled_steps_max=steps_max).signatures) == signatures


@pytest.mark.parametrize(
    "network",
    [
        pytest.param(looking_ahead, id="without a step"),
        pytest.param(
            lambda: keras.Sequential([keras.Input((6, 2)), layers.Conv1D(3, 3, padding="causal"), layers.Flatten()]),
            id="without a recurrent layer",
        ),
    ],
)
def test_a_network_without_unrolled_steps_is_always_whole(network: Any) -> None:
    """However few steps may be unrolled, it has `classify`."""
    assert "classify" in InferenceNetwork(network(), unrolled_steps_max=0).signatures


def test_a_continuous_network_has_a_step_alone() -> None:
    """It has no whole input, however few its steps are."""
    inference = InferenceNetwork(counting(3), continuous=True)
    assert (inference.classify, list(inference.signatures)) == (None, ["step"])


def test_the_length_that_is_given_counts() -> None:
    """A network for any number of rows is lowered for five."""
    network = keras.Sequential([keras.Input((None, 2)), layers.GRU(3)])
    inference = InferenceNetwork(network, (1, 5, 2))
    assert (inference.facts.steps, inference.lowered.shapes[0]) == (5, (1, 5, 2))


def test_a_front_is_turned() -> None:
    """A network that convolves rows and reads columns is lowered as one that reads columns alone."""
    front = (layers.Conv2D(2, (3, 1)), layers.Permute((2, 1, 3)), layers.Reshape((8, 8)))
    network = keras.Sequential([keras.Input((6, 8, 1)), *front, layers.GRU(3)])
    assert (InferenceNetwork(network).facts.time_axis, InferenceNetwork(network).facts.steps) == ("columns", 8)


def test_weights_are_constants() -> None:
    """Every weight that is not folded is in the function itself, and the function depends on no variable."""
    network = stacked(4, 3, of=(layers.LSTM(5), layers.Dense(2)))
    function = InferenceNetwork(network).classify.get_concrete_function()
    constants = [
        tf.make_ndarray(operation.get_attr("value"))
        for operation in function.graph.get_operations()
        if operation.type == "Const"
    ]
    assert not function.variables
    assert not function.captured_inputs
    for weight in network.get_weights():
        assert any(np.array_equal(weight, constant) for constant in constants), weight.shape


def test_later_training_changes_nothing() -> None:
    """A lowered network does not change with the weights of the Keras network."""
    network = stacked(4, 3, of=(layers.Conv1D(2, 2), layers.BatchNormalization(), layers.LSTM(5), layers.Dense(2)))
    inference = InferenceNetwork(network)
    before = inference.classify(tf.constant(inputs(4, 3)))["logits"].numpy().tolist()
    network.set_weights([np.zeros_like(weight) for weight in network.get_weights()])
    assert inference.classify(tf.constant(inputs(4, 3)))["logits"].numpy().tolist() == before


@pytest.mark.sampled
@pytest.mark.parametrize("name", NAMES)
def test_names_do_not_matter(name: str) -> None:
    """The same weights give the same function, whatever numbers Keras adds to the names of layers."""
    first, second = (build(VARIANTS[name]) for _ in range(2))
    second.set_weights(first.get_weights())
    assert [layer.name for layer in first.layers] != [layer.name for layer in second.layers]
    one, other = (InferenceNetwork(network).classify.get_concrete_function().graph for network in (first, second))
    assert one.as_graph_def() == other.as_graph_def()


def test_takes_one_crop() -> None:
    """The function takes a batch of one and no other."""
    specification = InferenceNetwork(stacked(4, 3, of=(layers.Flatten(),))).classify.input_signature
    assert specification == (tf.TensorSpec((1, 4, 3), tf.float32, name="crop"),)


def test_signature_of_a_step() -> None:
    """The function `step` takes lines and states by name, and returns the logits and every state as `NAME_out`."""
    network = keras.Sequential(
        [layers.Input((4, 6, 1)), layers.Reshape((4, 6)), layers.Conv1D(2, 3, padding="causal"), layers.LSTM(3)]
    )
    inference = InferenceNetwork(network)
    assert list(inference.signatures) == ["classify", "step"]
    assert inference.step is not None
    assert [(spec.name, tuple(spec.shape)) for spec in inference.step.input_signature] == [
        ("rows", (1, 1, 6, 1)),
        ("rows1", (1, 2, 6)),
        ("h2", (1, 3)),
        ("c2", (1, 3)),
    ]
    given_out = inference.step(*(tf.zeros(spec.shape) for spec in inference.step.input_signature))
    assert {name: tuple(value.shape) for name, value in given_out.items()} == {
        "logits": (1, 3),
        "rows1_out": (1, 2, 6),
        "h2_out": (1, 3),
        "c2_out": (1, 3),
    }


def test_a_continuous_network_must_stream() -> None:
    """Without a whole input there is nothing else to compute it from: it is refused with the reason."""
    given = keras.Input((6, 4))
    network = keras.Model(given, layers.Bidirectional(layers.LSTM(3), name="odd")(given))
    message = r"^odd: reads time both ways\. A continuous network answers as lines arrive$"
    with pytest.raises(NetworkRefusedError, match=message):
        InferenceNetwork(network, continuous=True)


def test_long_sequences_have_a_step_alone() -> None:
    """Up to 64 steps a network is also unrolled; beyond, the file holds the step alone."""
    signatures = {
        steps: list(InferenceNetwork(keras.Sequential([layers.Input((steps, 2)), layers.LSTM(3)])).signatures)
        for steps in (64, 65)
    }
    assert signatures == {64: ["classify", "step"], 65: ["step"]}
