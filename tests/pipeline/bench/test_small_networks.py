"""Tests of `pipeline.bench.peers.small_networks`: what is trained, and what it becomes."""

from __future__ import annotations

import numpy as np
import pytest

from converters.tflite.graph import read_graphs
from pipeline.bench.baselines import fused
from pipeline.bench.peers.small_networks import trained
from pipeline.data.data_form import DIGITS
from pipeline.data.mnist import embedded_splits
from tests.support.checkout import exhaustive


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["cnn", *exhaustive("separable", "mnist_lstm")])
def test_a_network_learns(name: str) -> None:
    """After five epochs of 4,488 digits each reads at least half of others."""
    splits = embedded_splits()
    network = trained(name, splits.test, 5)
    answers = network.predict(DIGITS.real(splits.validation.crops), verbose=0).argmax(axis=1)
    assert np.mean(answers == splits.validation.labels) > 0.5


@pytest.mark.thorough
def test_an_lstm_whose_every_step_is_read_is_one_operator() -> None:
    """The published network keeps the sequence of its LSTM's outputs; the file has one LSTM and no loop."""
    splits = embedded_splits()
    network = trained("mnist_lstm", splits.test[:128], 1)
    (graph,) = read_graphs(fused(network, DIGITS.real(splits.calibration.crops[:16])))
    names = [operator.name for operator in graph.operators]
    assert names.count("UNIDIRECTIONAL_SEQUENCE_LSTM") == 1
    assert "WHILE" not in names
