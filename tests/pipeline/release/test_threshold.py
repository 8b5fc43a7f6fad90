"""Tests of `pipeline.release.threshold`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.arrays import Crops, Float64
from device.manifest import Rejection
from device.runner import Runner
from pipeline.data.mnist import embedded_splits
from pipeline.release.threshold import chosen_threshold, measured_rejection, probabilities
from pipeline.synthesis.negatives import draw_test_negatives
from tests.conftest import MODELS, Digits

SPLITS = embedded_splits()
NAMED = replace(SPLITS, names=("apple", "pear", *"23456789"))
PROBABILITIES = st.lists(st.floats(0, 1), min_size=1, max_size=1_000).map(np.array)


@pytest.fixture(scope="module")
def negatives() -> Crops:
    drawn = draw_test_negatives(SPLITS)
    assert drawn is not None
    return drawn


def test_the_threshold_keeps_enough_digits_with_confidence() -> None:
    """Of 6,000 digits it gives up the 74 least probable: with 95 % confidence 98.5 % of others are then kept."""
    assert chosen_threshold(np.arange(6_000) / 6_000) == 74 / 6_000


def test_fewer_digits_leave_more_in_doubt() -> None:
    """Of 512 it gives up two, where 74 of 6,000 would be six."""
    assert chosen_threshold(np.arange(512) / 512) == 2 / 512


def test_too_few_digits_choose_no_threshold() -> None:
    assert chosen_threshold(np.full(100, 0.9)) == 0.0


@given(digits=PROBABILITIES)
def test_the_threshold_keeps_the_digits_that_chose_it(digits: Float64) -> None:
    threshold = chosen_threshold(digits)
    assert 0 <= threshold <= 1
    assert (digits >= threshold).mean() >= 0.985


def test_what_a_threshold_does_is_measured() -> None:
    """A probability of just the threshold is an answer."""
    digits, negatives = np.array([0.9, 0.5, 0.49, 1.0]), np.array([0.1, 0.5, 0.7, 0.2, 0.3])
    assert measured_rejection(0.5, digits, negatives) == Rejection(0.75, 5, 0.4)
    assert measured_rejection(0.0, digits, negatives) == Rejection(1.0, 5, 1.0)
    assert measured_rejection(0.95, digits, negatives) == Rejection(0.25, 5, 0.0)


def test_probabilities_are_those_of_the_answers(digits: Digits) -> None:
    with Runner(MODELS / "rows2d") as runner:
        expected = [runner.classify(crop).probability for crop in digits[0][:5]]
        assert probabilities(runner, digits[0][:5], "crops").tolist() == expected


def test_negatives_are_10_000_crops(negatives: Crops) -> None:
    assert negatives.shape == (10_000, 28, 28)
    assert negatives.dtype == np.uint8


def test_negatives_are_the_same_each_time(negatives: Crops) -> None:
    again = draw_test_negatives(SPLITS)
    assert again is not None
    assert np.array_equal(negatives, again)


def test_halves_of_digits_come_of_the_images_at_hand(negatives: Crops) -> None:
    ones = draw_test_negatives(replace(SPLITS, test=SPLITS.test[np.flatnonzero(SPLITS.test.labels == 1)]))
    assert ones is not None
    assert not np.array_equal(negatives[1::5], ones[1::5])


@pytest.mark.parametrize("names", [NAMED.names, tuple("9876543210"), tuple("012345678")])
def test_labels_that_are_no_digits_have_no_negatives(names: tuple[str, ...]) -> None:
    assert draw_test_negatives(replace(SPLITS, names=names)) is None
