"""Tests of `pipeline.release.threshold`."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.arrays import Float64
from device.manifest import Rejection
from pipeline.release.threshold import chosen_threshold, measured_rejection

PROBABILITIES = st.lists(st.floats(0, 1), min_size=1, max_size=1_000).map(np.array)


@pytest.mark.parametrize(("digits", "rejected"), [(6_000, 74), (512, 2)])
def test_the_threshold_keeps_enough_digits_with_confidence(digits: int, rejected: int) -> None:
    """74 of 6,000 digits may be rejected to keep 98.5 % of others with 95 % confidence, but only 2 of 512."""
    assert chosen_threshold(np.arange(digits) / digits) == rejected / digits


def test_too_few_digits_choose_no_threshold() -> None:
    assert chosen_threshold(np.full(100, 0.9)) == 0.0


@given(digits=PROBABILITIES)
def test_the_threshold_keeps_the_digits_that_chose_it(digits: Float64) -> None:
    threshold = chosen_threshold(digits)
    assert 0 <= threshold <= 1
    assert (digits >= threshold).mean() >= 0.985


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [(0.5, Rejection(0.75, 5, 0.4)), (0.0, Rejection(1.0, 5, 1.0)), (0.95, Rejection(0.25, 5, 0.0))],
)
def test_a_probability_equal_to_the_threshold_is_accepted(threshold: float, expected: Rejection) -> None:
    digits, negatives = np.array([0.9, 0.5, 0.49, 1.0]), np.array([0.1, 0.5, 0.7, 0.2, 0.3])
    assert measured_rejection(threshold, digits, negatives) == expected
