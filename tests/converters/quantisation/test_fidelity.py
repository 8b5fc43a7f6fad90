"""Tests of `converters.quantisation.fidelity`."""

from __future__ import annotations

import numpy as np
import pytest

from converters.quantisation.fidelity import signal_to_noise_db


@pytest.mark.parametrize(
    ("real", "near", "decibels"),
    [
        ([[0.0], [2.0]], [[0.1], [1.9]], 20.0),
        ([[5.0], [7.0]], [[5.1], [6.9]], 20.0),
        ([[0.0], [2.0]], [[1.0], [1.0]], 0.0),
        ([[0.0], [2.0]], [[0.0], [2.0]], 99.0),
        ([[3.0], [3.0]], [[3.0], [4.0]], 99.0),
    ],
)
def test_signal_to_noise(real: list[list[float]], near: list[list[float]], decibels: float) -> None:
    """It is the variance by the mean square error in decibels, whatever the mean; 99 stand for no end."""
    values = signal_to_noise_db(np.array(real, np.float32), np.array(near, np.float32))
    assert values == pytest.approx(decibels, abs=1e-4)
