"""Tests of `pipeline.release.findings`, on literal logits and probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.arrays import Float64, Indices
from device.contract.manifest import Rejection
from device.quantisation import Quantisation
from pipeline.release.findings import LabelledLogits, Negatives, chosen_threshold, find
from pipeline.release.step_logits import StepLogits

# Eight images of two classes, of which the last logits get seven right by a margin of 2.0 and one wrong.
PROBABILITIES = st.lists(st.floats(0, 1), min_size=1, max_size=1_000).map(np.array)
LABELS = np.array([0, 1, 0, 1, 0, 1, 0, 1], np.uint8)
LAST = np.where(LABELS[:, np.newaxis] == [0, 1], 20, 0)
LAST[7] = 20, 0


def labelled(*steps: Indices) -> LabelledLogits:
    logits = np.stack(steps, axis=1).astype(np.int8)
    return LabelledLogits(StepLogits(logits, Quantisation(0.1, 0)), LABELS, 28)


def test_temperature_makes_the_probabilities_match_the_accuracy() -> None:
    """At a margin of 2.0 and 7 of 8 right the best temperature is 2 / log(7) = 1.0278."""
    found = find(labelled(LAST), labelled(LAST), None)
    assert found.temperature == pytest.approx(1.0278, abs=1e-4)


def test_without_negatives_or_steps_there_is_neither_threshold_nor_early_exit() -> None:
    found = find(labelled(LAST), labelled(LAST), None)
    assert (found.threshold, found.rejection, found.early_exit) == (0.0, None, None)


def test_early_exit_is_measured_on_the_test_images() -> None:
    found = find(labelled(LAST, LAST), labelled(0 * LAST, LAST), None)
    assert found.early_exit is not None
    assert found.early_exit.accuracy_after_step == (0.5, 0.875)


def test_rejection_is_measured_on_test_images_and_negatives() -> None:
    """Eight digits are too few to choose a threshold: everything is accepted."""
    blank = StepLogits(np.zeros((5, 1, 2), np.int8), Quantisation(0.1, 0))
    negatives = Negatives(validation=blank, test=blank)
    found = find(labelled(LAST), labelled(LAST), negatives)
    assert (found.threshold, found.rejection) == (0.0, Rejection(1.0, 5, 1.0))


def test_a_probability_equal_to_the_threshold_is_accepted() -> None:
    """512 digits, all of one probability but for one, choose that probability; half of the negatives reach it."""
    logits = np.tile(np.array([[[20, 0]]], np.int8), (512, 1, 1))
    logits[0, 0] = 1, 0
    digits = LabelledLogits(StepLogits(logits, Quantisation(0.1, 0)), np.zeros(512, np.uint8), 28)
    negatives = StepLogits(np.array([[[20, 0]], [[19, 0]]], np.int8), Quantisation(0.1, 0))
    assert find(digits, digits, Negatives(validation=negatives, test=negatives)).rejection == Rejection(
        511 / 512, 2, 0.5
    )


@pytest.mark.parametrize(("digits", "rejected"), [(6_000, 77), (512, 3)])
def test_the_threshold_keeps_enough_digits_with_confidence(digits: int, rejected: int) -> None:
    """77 of 6,000 digits may be rejected to keep 98.5 % of others with 90 % confidence, but only 3 of 512."""
    assert chosen_threshold(np.arange(digits) / digits) == rejected / digits


def test_too_few_digits_choose_no_threshold() -> None:
    assert chosen_threshold(np.full(100, 0.9)) == 0.0


@given(digits=PROBABILITIES)
def test_the_threshold_keeps_the_digits_that_chose_it(digits: Float64) -> None:
    threshold = chosen_threshold(digits)
    assert 0 <= threshold <= 1
    assert (digits >= threshold).mean() >= 0.985
