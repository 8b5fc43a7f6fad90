"""Tests of `pipeline.release.step_logits`: the logits of a release are those of the runner that ships."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from converters.convert import Conversion, convert
from converters.quantisation.fidelity import signal_to_noise_db
from converters.tflite.graph import read_graphs
from device.contract.manifest import read_manifest
from device.quantisation import Quantisation
from device.runner import Runner
from pipeline.data.data_form import DIGITS, DataForm
from pipeline.release.step_logits import StepLogits, StepReader
from tests.conftest import MODELS, Digits
from tests.support.cases import STREAMS

LOGITS = StepLogits(np.array([[[10, 0], [-20, 30]], [[5, 5], [127, -128]]], np.int8), Quantisation(0.1, 3))


def reader(variant: str, signatures: set[str]) -> StepReader:
    """Reads a released file by some of its signatures."""
    content = (MODELS / variant / "model.int8.tflite").read_bytes()
    graphs = {graph.signature: graph for graph in read_graphs(content) if graph.signature in signatures}
    manifest = read_manifest(MODELS / variant)
    facts = replace(STREAMS, time_axis=manifest.time_axis, steps=manifest.steps, lines_per_step=manifest.lines_per_step)
    return StepReader(Conversion(b"", content, graphs, facts), DIGITS)


def test_logits_and_probabilities_after_each_step_are_the_runners(variant: str, digits: Digits) -> None:
    crops = digits[0][::60]
    read = reader(variant, {"classify", "step"}).steps(crops, "crops")["logits"]
    with Runner(MODELS / variant) as runner:
        expected = [list(runner.steps(crop)) for crop in crops]
        assert np.array_equal(read.last, [runner.logits(crop) for crop in crops])
        temperature = runner.manifest.output.temperature
    assert read.probabilities(temperature).tolist() == [[step.probability for step in steps] for steps in expected]
    indices = [[step.index for step in steps] for steps in expected]
    assert read.logits.argmax(axis=2).tolist() == indices


def test_a_file_without_step_has_one_step(digits: Digits) -> None:
    read = reader("conv1d", {"classify"}).steps(digits[0][:3], "crops")["logits"]
    with Runner(MODELS / "conv1d") as runner:
        assert read.logits.tolist() == [[runner.logits(crop).tolist()] for crop in digits[0][:3]]


def test_probabilities_follow_scale_and_temperature() -> None:
    """Of logits 10 and 0 at scale 0.1 and temperature 2 the larger has probability 1 / (1 + exp(-0.5)) = 0.6225."""
    assert LOGITS.probabilities(2.0)[:, 0].tolist() == pytest.approx([0.622459, 0.5], abs=1e-6)


def test_no_images_have_no_probabilities() -> None:
    empty = StepLogits(np.zeros((0, 7, 10), np.int8), Quantisation(0.1, 3))
    assert empty.probabilities(1.0).shape == (0, 7)


@pytest.mark.thorough
def test_a_continuous_network_keeps_its_states() -> None:
    """The file has `step` alone; over a run of windows int8 is as near to Keras as usual, with states kept alone."""
    keras.utils.set_random_seed(2)
    head = layers.Dense(2, name="logits")
    network = keras.Sequential([keras.Input(batch_shape=(1, 5, 3)), layers.GRU(6, stateful=True), head])
    runs = np.random.default_rng(0).normal(size=(2, 20, 5, 3)).astype(np.float32)
    conversion = convert(network, list(runs), None)
    assert list(conversion.graphs) == ["step"]
    assert (conversion.facts.steps, conversion.facts.lines_per_step) == (5, 1)
    real = np.array([network(window[np.newaxis])[0] for window in runs[0]])
    near = StepReader(conversion, DataForm("sequence", (5, 3), None)).steps(runs[0], "windows", (20,))["logits"]
    assert signal_to_noise_db(real, near.real) > 28
    reset = StepReader(conversion, DataForm("sequence", (5, 3), None)).steps(runs[0], "windows")["logits"]
    assert signal_to_noise_db(real, reset.real) < 22
