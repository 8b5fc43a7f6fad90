"""Tests of the signal-to-noise ratio of activations."""

from __future__ import annotations

import math

import pytest

from pipeline.gate.measure import tensor_signals
from pipeline.gate.record import TensorSignal
from tests.support.cases import small_case
from tests.support.sabotage import Good, open_case


@pytest.mark.slow
def test_a_good_models_activations_keep_their_signal(good: Good) -> None:
    """Every activation of a good model is close to float, in the order of the graph; none is without signal."""
    signals = list(tensor_signals(open_case(good.folder, good.splits, good.limits)))
    assert len(signals) > 20
    assert [each.index for each in signals] == sorted({each.index for each in signals})
    assert min(each.snr_db for each in signals) > 10
    assert all(each.signal > 0 for each in signals)
    pixels = signals[0]
    assert pixels.snr_db > 100


def test_without_the_calibration_images_there_are_no_signals() -> None:
    """Where the conversion cannot be repeated, there is nothing to compare with."""
    assert list(tensor_signals(small_case(calibration_digests=()))) == []


@pytest.mark.parametrize(
    ("signal", "noise", "snr_db"),
    [
        (100.0, 1.0, 20.0),
        (1.0, 2.0, -3.01),
        (3.0, 0.0, math.inf),
        (0.0, 0.0, math.inf),
        (0.0, 1.0, -math.inf),
    ],
)
def test_the_ratio_in_decibels(signal: float, noise: float, snr_db: float) -> None:
    """The ratio is 10 log10(signal / noise), infinite without noise."""
    assert TensorSignal("a", 0, signal, noise).snr_db == snr_db


@pytest.mark.parametrize(("signal", "noise"), [(-1.0, 0.0), (0.0, -1.0), (math.nan, 1.0)])
def test_negative_energies_are_refused(signal: float, noise: float) -> None:
    """An energy is 0 or more."""
    with pytest.raises(ValueError, match="Expected energies of 0 or more"):
        TensorSignal("a", 0, signal, noise)
