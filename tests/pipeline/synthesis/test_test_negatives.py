"""Tests of the crops without a digit that measure the threshold, and of those that choose the early exit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from device.arrays import Crops
from pipeline.data.mnist import embedded_splits
from pipeline.synthesis.negatives import draw_test_negatives, draw_validation_negatives

SPLITS = embedded_splits()


@pytest.fixture(scope="module")
def negatives() -> Crops:
    drawn = draw_test_negatives(SPLITS)
    assert drawn is not None
    return drawn


@pytest.mark.thorough
def test_negatives_are_10_000_crops(negatives: Crops) -> None:
    assert negatives.shape == (10_000, 28, 28)
    assert negatives.dtype == np.uint8


@pytest.mark.thorough
def test_negatives_are_the_same_each_time(negatives: Crops) -> None:
    again = draw_test_negatives(SPLITS)
    assert again is not None
    assert np.array_equal(negatives, again)


@pytest.mark.thorough
def test_halves_are_of_the_test_digits(negatives: Crops) -> None:
    ones = draw_test_negatives(replace(SPLITS, test=SPLITS.test[np.flatnonzero(SPLITS.test.labels == 1)]))
    assert ones is not None
    assert not np.array_equal(negatives[1::5], ones[1::5])


@pytest.mark.parametrize("names", [("apple", "pear", *"23456789"), tuple("9876543210"), tuple("012345678")])
def test_labels_other_than_the_ten_digits_have_no_negatives(names: tuple[str, ...]) -> None:
    assert draw_test_negatives(replace(SPLITS, names=names)) is None
    assert draw_validation_negatives(replace(SPLITS, names=names)) is None


@pytest.mark.thorough
def test_negatives_that_choose_are_others(negatives: Crops) -> None:
    """4,000 crops, of which no half or texture is one of the test's; weak noise and blanks can be alike."""
    chosen = draw_validation_negatives(SPLITS)
    assert chosen is not None
    assert chosen.shape == (4_000, 28, 28)
    seen = {crop.tobytes() for crop in negatives}
    assert not any(crop.tobytes() in seen for kind in (0, 3) for crop in chosen[kind::4])
