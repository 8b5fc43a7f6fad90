"""Tests of `pipeline.data.own.calibration_inputs`."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.data.own.calibration_inputs import checked_calibration
from tests.conftest import Digits
from tests.support.own_data import waves


def test_a_hundred_real_inputs_are_taken(digits: Digits) -> None:
    """A hundred digits, and a hundred sequences, come back as they are."""
    crops, (sequences, _) = digits[0][:100, ..., np.newaxis], waves(100)
    assert checked_calibration(crops) is crops
    assert checked_calibration(sequences) is sequences


def test_few_inputs_are_an_exception_that_is_stated() -> None:
    """Ninety-nine inputs are refused, unless the caller says that they are all; none is always refused."""
    sequences, _ = waves(99)
    with pytest.raises(ValueError, match=r"Expected at least 100 calibration inputs\. Received: 99\. Add training"):
        checked_calibration(sequences)
    assert checked_calibration(sequences, allow_few=True) is sequences
    with pytest.raises(ValueError, match=r"Received: 0\."):
        checked_calibration(sequences[:0], allow_few=True)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_inputs_that_are_not_finite_are_refused(value: float) -> None:
    """NaN and infinity are refused with their number and what to do."""
    sequences, _ = waves(100)
    sequences[[3, 5], 2, 1] = value
    with pytest.raises(ValueError, match=r"Received: NaN or infinity in 2\. Leave these inputs out or repair them"):
        checked_calibration(sequences)


def test_constant_inputs_are_refused() -> None:
    """Inputs that are all zero measure no range."""
    with pytest.raises(ValueError, match=r"calibration inputs that differ\. Received: 0 everywhere\. Give real"):
        checked_calibration(np.zeros((100, 28, 28, 1), np.uint8))
