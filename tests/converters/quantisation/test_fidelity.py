"""Tests of `converters.quantisation.fidelity`."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from converters.lowering.lower import lowered
from converters.lowering.step_form import step_form
from converters.quantisation.fidelity import RealOutputs, signal_to_noise_db
from tests.conftest import TfliteWriter


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


def outputs(steps: int, *, continuous: bool = False) -> RealOutputs:
    """Of an LSTM over so many steps; of no network that streams without them."""
    form = step_form(lowered(keras.Sequential([keras.Input((steps, 1)), layers.LSTM(1)]))) if steps else None
    return RealOutputs(("logits",), form, None, continuous=continuous)


@pytest.mark.parametrize(
    ("steps", "given", "first", "last", "count"),
    [
        (0, 10, [0, 1], 9, 10),
        (0, 8_191, [0, 2], 8_190, 4_096),
        (16, 511, [0, 2], 510, 256),
        (200, 94, [0, 3], 93, 32),
    ],
)
def test_enough_inputs_for_so_many_steps(steps: int, given: int, first: list[int], last: int, count: int) -> None:
    """4,096 steps in all are enough, but at least 32 inputs, spread evenly over those given."""
    chosen = outputs(steps).enough(np.arange(given, dtype=np.float32))
    assert (list(chosen[:2]), chosen[-1], len(chosen)) == (first, last, count)


def test_enough_inputs_that_follow_one_another() -> None:
    """Of a continuous network they are the first, without a gap."""
    assert list(outputs(200, continuous=True).enough(np.arange(94, dtype=np.float32))) == list(range(32))


def test_a_step_alone_needs_a_network_that_streams(write_tflite: TfliteWriter) -> None:
    """Without the form of a step nothing says how to run one."""
    content = write_tflite((1, 2), step=lambda crop: 2 * crop)
    content = content.replace(b"crop\0", b"rows\0")
    with pytest.raises(ValueError, match="Expected a whole input, because the network does not stream"):
        outputs(0)(content, np.zeros((1, 1, 2), np.float32))
