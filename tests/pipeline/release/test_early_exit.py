"""Tests of the early exit that `pipeline.release.findings` chooses, on literal answers."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.gate.early_exit import StepAnswers
from pipeline.release.findings import NegativeAnswers, choose_exit, max_drop_pp

# Three images, four steps of seven lines: settled right, settled wrong too early, never settled.
READING = StepAnswers(
    right=np.array([[False, True, True, True], [False, False, True, True], [False, False, False, True]]),
    probability=np.array([[0.2, 0.9, 0.95, 0.99], [0.1, 0.8, 0.9, 0.97], [0.1, 0.2, 0.3, 0.4]]),
    lines=28,
)


def test_the_upper_bound_counts_lost_images_only() -> None:
    """Two images lost of 3,000 bound the loss at 0.21 points, whatever is gained."""
    right = np.ones((3_000, 2), np.bool_)
    right[:2, 0] = False
    losing = StepAnswers(right, np.full((3_000, 2), 0.9), 28)
    assert losing.drop_pp(0.9) == pytest.approx(0.0667, abs=1e-4)
    assert max_drop_pp(losing, 0.9) == pytest.approx(0.2097, abs=1e-4)
    right[2:4, 1] = False
    winning = StepAnswers(right, np.full((3_000, 2), 0.9), 28)
    assert winning.drop_pp(0.9) == 0
    assert max_drop_pp(winning, 0.9) == max_drop_pp(losing, 0.9)


def test_validation_chooses_the_lowest_harmless_probability() -> None:
    """The lowest probability within the limit is chosen on validation images; test images only measure it."""
    validation = StepAnswers(np.tile(READING.right, (2_000, 1)), np.tile(READING.probability, (2_000, 1)), 28)
    chosen = choose_exit(validation=validation, test=READING)
    assert chosen is not None
    assert 0.8 < chosen.probability <= 0.9
    assert chosen.mean_lines_read == 21
    assert chosen.accuracy_drop_pp == 0
    assert list(chosen.accuracy_after_step) == pytest.approx([0, 1 / 3, 2 / 3, 1])


def test_too_few_images_choose_no_early_exit() -> None:
    """Three images cannot show that stopping early is harmless: every line is read."""
    chosen = choose_exit(validation=READING, test=READING)
    assert chosen is not None
    assert chosen.probability == 1
    assert chosen.mean_lines_read == 28


def test_crops_without_a_digit_that_stop_early_may_be_accepted_more() -> None:
    """Of eight, two pass the threshold after the first step alone, and one after the last: a share of 12.5 % more."""
    probability = np.zeros((8, 2))
    probability[:, 0] = [0.99, 0.95, 0, 0, 0, 0, 0, 0]
    probability[:, 1] = [0.5, 0.1, 0.8, 0, 0, 0, 0, 0]
    negatives = NegativeAnswers(probability, threshold=0.7)
    assert [negatives.more_accepted_pp(p) for p in (0.9, 0.96, 0.999)] == [25.0, 12.5, 0.0]


def test_an_exit_at_which_more_negatives_are_accepted_is_not_chosen() -> None:
    """Digits alone would choose 0.9 at most; one crop of 400 may be accepted more, two may not."""
    validation = StepAnswers(np.tile(READING.right, (2_000, 1)), np.tile(READING.probability, (2_000, 1)), 28)
    probability = np.zeros((400, 4))
    probability[:2, 0] = [0.95, 0.97]
    chosen = choose_exit(validation, READING, NegativeAnswers(probability, threshold=0.7))
    assert chosen is not None
    assert 0.95 < chosen.probability <= 0.97
