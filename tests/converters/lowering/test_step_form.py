"""Tests of `converters.lowering.step_form`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from converters.lowering.inference import InferenceNetwork
from converters.lowering.lower import lowered
from converters.lowering.step_form import StepForm, step_form
from converters.lowering.time_axis import NotStreamableError
from converters.tflite.graph import read_graphs
from pipeline.training.networks import build
from pipeline.variants import VARIANTS
from tests.conftest import Converted
from tests.converters.lowering.test_lower import SEEDS, randomised

WIDTH = 6
BLOCKS = st.fixed_dictionaries(
    {
        "rows": st.integers(1, 3),
        "columns": st.integers(1, 3),
        "reach": st.sampled_from([{}, {"dilation_rate": 2}, {"strides": 2}]),
        "normalised": st.booleans(),
        "activation": st.sampled_from(["relu", "tanh", "linear"]),
        "pool": st.sampled_from([None, layers.MaxPooling1D, layers.AveragePooling1D]),
    }
)
POOLS_OF_IMAGES = {layers.MaxPooling1D: layers.MaxPooling2D, layers.AveragePooling1D: layers.AveragePooling2D}


def lines_consumed(block: dict[str, Any]) -> int:
    return int(block["reach"].get("strides", 1)) * (2 if block["pool"] else 1)


def image_block(block: dict[str, Any]) -> list[keras.Layer]:
    """A convolution of images that sees rows above alone, with whatever comes after it."""
    reach = block["reach"].get("dilation_rate", 1) * (block["rows"] - 1)
    window = (block["rows"], block["columns"])
    rates = {name: (rate, 1) for name, rate in block["reach"].items()}
    found = [layers.ZeroPadding2D(((reach, 0), (0, block["columns"] - 1))), layers.Conv2D(3, window, **rates)]
    return [*found, *behind(block, POOLS_OF_IMAGES[block["pool"]]((2, 1)) if block["pool"] else None)]


def sequence_block(block: dict[str, Any]) -> list[keras.Layer]:
    convolution = layers.Conv1D(3, block["rows"], padding="causal", **block["reach"])
    return [convolution, *behind(block, block["pool"](2) if block["pool"] else None)]


def behind(block: dict[str, Any], pool: keras.Layer | None) -> list[keras.Layer]:
    normalisation = [layers.BatchNormalization()] if block["normalised"] else []
    return [*normalisation, layers.Activation(block["activation"]), *([pool] if pool else []), layers.Dropout(0.5)]


@dataclass(frozen=True)
class CausalNetwork:
    """A network of causal blocks over an image or a sequence of rows, one or two LSTMs and a dense head."""

    blocks: list[dict[str, Any]]
    steps: int
    image: bool
    sideways: bool
    stacked_lstms: bool

    def network(self) -> keras.Sequential:
        height = self.steps * math.prod(map(lines_consumed, self.blocks))
        front: list[keras.Layer] = [layers.Permute((2, 1, 3))] if self.sideways else []
        if self.image:
            front += [layer for block in self.blocks for layer in image_block(block)]
            front += [layers.Reshape((self.steps, WIDTH * (3 if self.blocks else 1))), layers.Dense(5, "relu")]
        else:
            front += [layers.Reshape((height, WIDTH))]
            front += [layer for block in self.blocks for layer in sequence_block(block)]
        below = [layers.LSTM(4, return_sequences=True)] if self.stacked_lstms else []
        shape = (WIDTH, height, 1) if self.sideways else (height, WIDTH, 1)
        return keras.Sequential([layers.Input(shape), *front, *below, layers.LSTM(3), layers.Dense(2)])


NETWORKS = st.builds(
    CausalNetwork,
    blocks=st.lists(BLOCKS, max_size=2),
    steps=st.integers(2, 4),
    image=st.booleans(),
    sideways=st.booleans(),
    stacked_lstms=st.booleans(),
)


def fed(form: StepForm, crop: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The logits after the last of a crop's lines, each step given the states that the one before gave out."""
    image = crop.swapaxes(1, 2) if form.time_axis == "columns" else crop
    states = [tf.zeros(shape) for shape in form.states.values()]
    for lines in np.split(image, image.shape[1] // form.lines[1], axis=1):
        outputs, states = form(tf.constant(lines), states)
        assert {name: tuple(state.shape) for name, state in zip(form.states, states, strict=True)} == form.states
    return np.asarray(outputs["logits"])


def check_equals_whole(network: keras.Sequential, seed: int) -> None:
    inference = InferenceNetwork(network)
    assert inference.facts.not_streamable == ""
    assert inference.step_form is not None
    crop = np.random.default_rng(seed).uniform(0, 1, (1, *network.input_shape[1:])).astype(np.float32)
    whole = inference.classify(tf.constant(crop))["logits"]
    np.testing.assert_allclose(fed(inference.step_form, crop), whole, atol=1e-5)


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("name", "lines", "time_axis", "states"),
    [
        (
            "rows2d",
            (1, 4, 28, 1),
            "rows",
            {"rows0": (1, 2, 28, 1), "rows3": (1, 2, 14, 32), "h7": (1, 128), "c7": (1, 128)},
        ),
        (
            "cols2d",
            (1, 4, 28, 1),
            "columns",
            {"rows0": (1, 2, 28, 1), "rows3": (1, 2, 14, 32), "h7": (1, 128), "c7": (1, 128)},
        ),
        (
            "conv1d",
            (1, 4, 28, 1),
            "rows",
            {"rows1": (1, 2, 28), "rows4": (1, 2, 32), "h7": (1, 128), "c7": (1, 128)},
        ),
        ("rows", (1, 1, 28, 1), "rows", {"h1": (1, 128), "c1": (1, 128)}),
        (
            "fast",
            (1, 4, 28, 1),
            "rows",
            {"rows3": (1, 2, 14, 4), "rows6": (1, 2, 7, 32), "h11": (1, 64), "c11": (1, 64)},
        ),
    ],
)
def test_variants(name: str, lines: tuple[int, ...], time_axis: str, states: dict[str, tuple[int, ...]]) -> None:
    """Each variant takes the lines of a step, and keeps the rows that its windows need and the LSTM's states."""
    network = randomised(build(VARIANTS[name]), seed=12)
    form = step_form(lowered(network))
    assert (form.lines, form.time_axis) == (lines, time_axis)
    assert list(form.states.items()) == list(states.items())
    check_equals_whole(network, seed=13)


def test_states_may_be_maps() -> None:
    """An LSTM over maps keeps maps, as high and wide as what its convolution gives, one for each filter."""
    network = keras.Sequential([layers.Input((4, 6, 5, 2)), layers.ConvLSTM2D(3, 3), layers.Flatten(), layers.Dense(2)])
    assert step_form(lowered(network)).states == {"h0": (1, 4, 3, 3), "c0": (1, 4, 3, 3)}
    check_equals_whole(network, seed=5)


@pytest.mark.thorough
@given(plan=NETWORKS, seed=SEEDS)
@settings(deadline=None, max_examples=25)
def test_steps_equal_the_whole(plan: CausalNetwork, seed: int) -> None:
    """Any causal network of blocks, fed line by line, ends in the logits of the whole crop."""
    check_equals_whole(randomised(plan.network(), seed), seed)


def test_permuting_columns_and_channels() -> None:
    """A permutation that leaves time where it is moves the same values in a step as in the whole."""
    kept = [layers.ZeroPadding2D(((1, 0), (0, 0))), layers.Conv2D(3, (2, 1)), layers.Permute((1, 3, 2))]
    network = keras.Sequential([layers.Input((4, 6, 1)), *kept, layers.Reshape((4, 18)), layers.LSTM(3)])
    check_equals_whole(randomised(network, seed=14), seed=15)


@pytest.mark.parametrize("shapes", [[(4, 12)], [(4, 2, 6), (2, 24)]], ids=["of an image", "twice"])
def test_joined_rows_are_a_time_step(shapes: list[tuple[int, ...]]) -> None:
    """Where a reshape joins a few rows, a step takes as many lines."""
    joined = [layers.Reshape(shape) for shape in shapes]
    network = keras.Sequential([layers.Input((8, 6, 1)), *joined, layers.LSTM(3)])
    assert step_form(lowered(network)).lines == (1, 8 // shapes[-1][0], 6, 1)
    check_equals_whole(randomised(network, seed=18), seed=19)


def test_layers_behind_the_last_lstm() -> None:
    """Behind the last LSTM there is no time: a convolution over its units sees those of one step alone."""
    behind_it = [layers.Reshape((4, 1)), layers.Conv1D(1, 3, padding="causal"), layers.Flatten(), layers.Dense(2)]
    network = keras.Sequential([layers.Input((4, 6, 1)), layers.Reshape((4, 6)), layers.LSTM(4), *behind_it])
    check_equals_whole(randomised(network, seed=16), seed=17)


CAUSAL = 'Use padding="causal" in Conv1D, and in Conv2D padding="valid" behind ZeroPadding2D'
REFUSED = {
    "same padding": (
        [layers.Conv2D(3, 3, padding="same", name="odd"), layers.Reshape((8, 18)), layers.LSTM(4)],
        "odd: looks ahead along time. Expected 2 rows of padding above and 0 below. Received: 1 and 1. " + CAUSAL,
    ),
    "padding below": (
        [layers.ZeroPadding2D(((0, 1), (0, 0))), layers.Conv2D(3, (2, 1), name="odd"), layers.Reshape((8, 18))],
        "odd: looks ahead along time. Expected 1 rows of padding above and 0 below. Received: 0 and 1. " + CAUSAL,
    ),
    "overlapping pools": (
        [layers.MaxPooling2D((3, 1), (2, 1), padding="same", name="odd"), layers.Reshape((4, 6))],
        "odd: windows of 3 straddle steps of 2 rows",
    ),
    "pools with gaps between them": (
        [layers.MaxPooling2D(1, (2, 1), name="odd"), layers.Reshape((4, 6))],
        "odd: windows of 1 straddle steps of 2 rows",
    ),
    "padded pools": (
        [layers.MaxPooling2D((2, 1), padding="same", name="odd"), layers.Reshape((4, 6))],
        "odd: windows of 2 straddle steps of 2 rows",
    ),
    "time behind columns and channels": (
        [layers.Permute((2, 3, 1), name="odd"), layers.Reshape((8, 6))],
        "odd: mixes time steps",
    ),
    "columns first, behind a layer that sees rows": (
        [layers.TimeDistributed(layers.Dense(2)), layers.Permute((2, 1, 3), name="odd"), layers.Reshape((8, 12))],
        "odd: mixes time steps",
    ),
    "pools over the edge of a step": (
        [layers.AveragePooling2D((3, 1), name="odd"), layers.Reshape((2, 6))],
        "odd: windows of 3 straddle steps of 4 rows",
    ),
    "stride over the edge of a step": (
        [layers.Conv2D(2, 1, strides=(7, 1), name="odd"), layers.Reshape((2, 12))],
        "odd: 4 rows a step do not divide by its stride",
    ),
    "all rows taken together": ([layers.Reshape((1, 48), name="odd")], "odd: mixes time steps"),
    "rows taken apart": ([layers.Reshape((16, 3))], "8 lines do not divide into 16 time steps"),
    "rows cut off": (
        [layers.Cropping2D(((0, 4), (0, 0)), name="odd"), layers.Reshape((4, 6))],
        "odd: mixes time steps",
    ),
    "product over time": (
        [layers.Conv2D(1, (1, 6)), layers.Flatten(name="odd"), layers.Dense(8), layers.Reshape((8, 1))],
        "odd: mixes time steps",
    ),
    "backwards": ([layers.Reshape((8, 6)), layers.LSTM(3, go_backwards=True, name="odd")], "odd: reads time backwards"),
    "both ways": (
        [layers.Reshape((8, 6)), layers.Bidirectional(layers.LSTM(3, return_sequences=True), name="odd")],
        "odd: reads time both ways",
    ),
    "lines that do not divide": (
        [layers.Cropping2D(((0, 2), (0, 0))), layers.Reshape((6, 6))],
        "8 lines do not divide into 6 time steps",
    ),
    "no recurrent layer": (
        [layers.Flatten(), layers.Dense(2)],
        "the network has no recurrent layer, so it has no time steps",
    ),
}


@pytest.mark.sampled
@pytest.mark.parametrize("case", REFUSED)
def test_refuses(case: str) -> None:
    """A network that needs lines before they arrive has no step but a reason, and still classifies."""
    of, reason = REFUSED[case]
    ends_in_time_steps = case != "no recurrent layer" and not isinstance(of[-1], layers.LSTM)
    network = keras.Sequential([layers.Input((8, 6, 1)), *of, *([layers.LSTM(4)] if ends_in_time_steps else [])])
    inference = InferenceNetwork(network)
    assert (inference.step, inference.step_form, inference.facts.not_streamable) == (None, None, reason)
    assert list(inference.signatures) == ["classify"]
    crop = np.random.default_rng(5).uniform(0, 1, (1, 8, 6, 1)).astype(np.float32)
    np.testing.assert_allclose(
        inference.classify(tf.constant(crop))["logits"], network(crop, training=False), atol=1e-5
    )
    with pytest.raises(NotStreamableError):
        step_form(lowered(network))


def test_refuses_a_transposed_square() -> None:
    """Rows and columns that change places behind the input mix time steps, even if there are as many of each."""
    network = keras.Sequential([layers.Input((6, 6)), layers.Permute((2, 1), name="odd"), layers.LSTM(3)])
    assert InferenceNetwork(network).facts.not_streamable == "odd: mixes time steps"


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        pytest.param(
            lambda x: layers.LSTM(3)(layers.LayerNormalization(axis=1, name="odd")(x)),
            "odd: needs all time steps at once",
            id="whole",
        ),
        pytest.param(
            lambda x: layers.LSTM(3)(layers.Add(name="odd")([x, layers.RepeatVector(6)(layers.GRU(4)(x))])),
            "odd: merges what a step gives with what only the whole input gives",
            id="merged",
        ),
        pytest.param(layers.Bidirectional(layers.LSTM(3), name="odd"), "odd: reads time both ways", id="both ways"),
    ],
)
def test_refuses_what_needs_the_whole_input(function: Callable[[Any], Any], reason: str) -> None:
    """The reason names the layer: the device could not compute it while lines arrive."""
    given = keras.Input((6, 4))
    assert InferenceNetwork(keras.Model(given, function(given))).facts.not_streamable == reason


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(lambda x: x[:, -1], id="its last step"),
        pytest.param(lambda x: layers.TimeDistributed(layers.Dropout(0.5))(x)[:, -1], id="dropped out"),
        pytest.param(lambda x: layers.Flatten()(layers.TimeDistributed(layers.Dense(2))(x)), id="each step"),
        pytest.param(
            lambda x: layers.Dense(2)(keras.Sequential([layers.Dense(5, "tanh"), layers.LSTM(2)])(x)), id="a network"
        ),
    ],
)
def test_heads_over_sequences_stream(head: Callable[[Any], Any]) -> None:
    """What follows an LSTM that returns sequences answers line by line as for the whole input."""
    given = keras.Input((5, 4))
    network = keras.Model(given, head(layers.LSTM(3, return_sequences=True)(given)))
    check_equals_whole(randomised(network, seed=24), seed=25)
    assert step_form(lowered(network)).per_step == ()


def test_refuses_pooling_between_lstms() -> None:
    """Behind an LSTM each step has one row, so windows of two rows lie across steps."""
    network = keras.Sequential(
        [
            layers.Input((8, 6)),
            layers.LSTM(3, return_sequences=True),
            layers.MaxPooling1D(2, name="odd"),
            layers.LSTM(3),
        ]
    )
    assert InferenceNetwork(network).facts.not_streamable == "odd: windows of 2 straddle steps of 1 rows"


def test_literal_steps() -> None:
    """A causal sum of three rows, with a dilation of two, keeps the four rows that the next step needs."""
    convolution = layers.Conv1D(1, 3, padding="causal", dilation_rate=2, use_bias=False)
    network = keras.Sequential([layers.Input((6, 1)), convolution, layers.LSTM(1)])
    convolution.set_weights([np.array([[[100.0]], [[10.0]], [[1.0]]])])
    form = step_form(lowered(network))
    assert form.states == {"rows0": (1, 4, 1), "h1": (1, 1), "c1": (1, 1)}
    stage = form.stages[0].stage
    rows = tf.zeros((1, 4, 1))
    seen = []
    for value in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0):
        (x,), (rows,) = stage.advance((tf.constant([[[value]]]),), (rows,))
        seen.append(x.numpy().item())
    assert seen == [1.0, 2.0, 13.0, 24.0, 135.0, 246.0]
    assert np.asarray(rows).tolist() == [[[3.0], [4.0], [5.0], [6.0]]]


SUMMARIES = {
    "flattened": [layers.Flatten()],
    "mean": [layers.GlobalAveragePooling1D()],
    "maximum": [layers.GlobalMaxPooling1D()],
    "flattened behind a dense": [layers.Dense(2, activation="relu"), layers.Flatten()],
}


@pytest.mark.sampled
@pytest.mark.parametrize("case", SUMMARIES)
def test_an_answer_from_all_states(case: str) -> None:
    """A head over the states of all steps keeps those so far, and answers as for the whole input."""
    of = [layers.Input((5, 4)), layers.GRU(3, return_sequences=True), *SUMMARIES[case], layers.Dense(2)]
    check_equals_whole(randomised(keras.Sequential(of), seed=18), seed=19)


def test_an_answer_to_each_step() -> None:
    """A network that returns sequences answers each step by itself."""
    network = keras.Sequential([layers.Input((5, 4)), layers.LSTM(3, return_sequences=True), layers.Dense(2)])
    inference = InferenceNetwork(network)
    form = inference.step_form
    assert form is not None
    assert (form.per_step, form.lines, form.steps) == (("logits",), (1, 1, 4), 5)
    crop = np.random.default_rng(5).uniform(-1, 1, (1, 5, 4)).astype(np.float32)
    states, answers = [tf.zeros(shape) for shape in form.states.values()], []
    for row in crop[0]:
        outputs, states = form(tf.constant(row[np.newaxis, np.newaxis]), states)
        answers.append(outputs["logits"])
    np.testing.assert_allclose(tf.concat(answers, axis=1), network(crop, training=False), atol=1e-6)


def test_branches_and_residuals() -> None:
    """Branches whose steps have as many rows are merged step by step, and a network may have several outputs."""
    x = layers.Input((6, 4))
    causal = [layers.Conv1D(4, 3, padding="causal", dilation_rate=rate)(x) for rate in (1, 2)]
    merged = layers.LayerNormalization()(layers.Add()([x, layers.Concatenate()([causal[0], x])[:, :, :4], causal[1]]))
    first = layers.Dense(2, name="place")(layers.LSTM(3)(merged))
    second = layers.Dense(3, name="turn")(layers.Concatenate()([layers.GRU(3)(merged), layers.LSTM(2)(x)]))
    network = randomised(keras.Model(x, [first, second]), seed=20)
    inference = InferenceNetwork(network)
    form = inference.step_form
    assert form is not None
    crop = np.random.default_rng(21).uniform(-1, 1, (1, 6, 4)).astype(np.float32)
    states = [tf.zeros(shape) for shape in form.states.values()]
    for row in crop[0]:
        outputs, states = form(tf.constant(row[np.newaxis, np.newaxis]), states)
    for name, expected in zip(("place", "turn"), network(crop, training=False), strict=True):
        np.testing.assert_allclose(outputs[name], expected, atol=1e-6)


def test_each_time_step_through_a_network_of_its_own() -> None:
    """Frames of a video go one by one through the network that TimeDistributed holds."""
    frame = keras.Sequential(
        [layers.Input((6, 6, 1)), layers.Conv2D(3, 3), layers.BatchNormalization(), layers.GlobalAveragePooling2D()]
    )
    video = keras.Sequential([layers.Input((4, 6, 6, 1)), layers.TimeDistributed(frame), layers.LSTM(3)])
    check_equals_whole(randomised(video, seed=22), seed=23)


@pytest.mark.thorough
def test_conversion_of_a_network_that_does_not_stream(converted_small: Converted) -> None:
    """A network that looks ahead is converted to a file with `classify` alone, and the reason comes with it."""
    conversion = converted_small.conversion
    assert conversion.facts.not_streamable == (
        "ahead: looks ahead along time. Expected 2 rows of padding above and 0 below. Received: 1 and 1. " + CAUSAL
    )
    assert list(conversion.graphs) == ["classify"]
    for content in (conversion.float_tflite, conversion.int8_tflite):
        assert list(Interpreter(model_content=content).get_signature_list()) == ["classify"]


@pytest.mark.thorough
def test_conversion_of_a_network_that_streams(converted_rows2d: Converted) -> None:
    """A causal network is converted to files with both signatures, of which `step` is the primary graph."""
    conversion = converted_rows2d.conversion
    assert conversion.facts.not_streamable == ""
    assert sorted(conversion.graphs) == ["classify", "step"]
    for content in (conversion.float_tflite, conversion.int8_tflite):
        assert sorted(Interpreter(model_content=content).get_signature_list()) == ["classify", "step"]
        assert [graph.signature for graph in read_graphs(content)] == ["step", "classify"]
