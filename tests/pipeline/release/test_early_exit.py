"""Tests of when a crop need not be read to its end."""

from __future__ import annotations

import numpy as np
import pytest

from device.runner import Runner
from pipeline.data.mnist import embedded_splits
from pipeline.release.early_exit import StepOutputs, choose_exit, read_in_steps
from tests.conftest import MODELS

# Three images, four steps of seven lines: settled right, settled wrong too early, never settled.
READING = StepOutputs(
    right=np.array([[False, True, True, True], [False, False, True, True], [False, False, False, True]]),
    probability=np.array([[0.2, 0.9, 0.95, 0.99], [0.1, 0.8, 0.9, 0.97], [0.1, 0.2, 0.3, 0.4]]),
)


def test_exits_at_the_first_settled_step() -> None:
    """An image's exit is the first step at which its answer is probable enough, else the last."""
    assert READING.exits(0.9).tolist() == [1, 2, 3]
    assert READING.exits(0.8).tolist() == [1, 1, 3]
    assert READING.exits(1.0).tolist() == [3, 3, 3]


def test_drop_is_what_early_answers_lose() -> None:
    """The drop is the share of images right at the end and wrong at their exit, in percentage points."""
    assert READING.drop_pp(0.9) == 0
    assert READING.drop_pp(0.8) == pytest.approx(33.3333, abs=1e-3)


def test_lines_are_counted_to_the_exit() -> None:
    """The mean counts the lines of every step up to and with the exit."""
    assert READING.mean_lines_read(0.9) == 21
    assert READING.mean_lines_read(1.0) == 28


def test_what_other_images_may_lose_counts_losses_alone() -> None:
    """Of 3,000 images two lost and none won bound the loss at 0.21 points, whatever else is won."""
    right = np.ones((3_000, 2), np.bool_)
    right[:2, 0] = False
    losing = StepOutputs(right, np.full((3_000, 2), 0.9))
    assert losing.drop_pp(0.9) == pytest.approx(0.0667, abs=1e-4)
    assert losing.max_drop_pp(0.9) == pytest.approx(0.2097, abs=1e-4)
    right[2:4, 1] = False
    winning = StepOutputs(right, np.full((3_000, 2), 0.9))
    assert winning.drop_pp(0.9) == 0
    assert winning.max_drop_pp(0.9) == losing.max_drop_pp(0.9)


def test_validation_chooses_the_lowest_harmless_probability() -> None:
    """The chosen probability is the lowest that loses nothing worth mention, and the judged images only report."""
    validation = StepOutputs(np.tile(READING.right, (2_000, 1)), np.tile(READING.probability, (2_000, 1)))
    chosen = choose_exit(validation=validation, test=READING)
    assert 0.8 < chosen.probability <= 0.9
    assert chosen.mean_lines_read == 21
    assert chosen.accuracy_drop_pp == 0
    assert list(chosen.accuracy_after_step) == pytest.approx([0, 1 / 3, 2 / 3, 1])


def test_too_few_images_choose_no_early_exit() -> None:
    """Three images cannot show that stopping early is harmless: every line is read."""
    chosen = choose_exit(validation=READING, test=READING)
    assert chosen.probability == 1
    assert chosen.mean_lines_read == 28


def test_refuses_readings_that_do_not_match() -> None:
    """A reading holds an answer and a probability for each image and step."""
    with pytest.raises(ValueError, match=r"Expected both \[n, steps\]. Received: \(2, 4\) and \(2, 3\)"):
        StepOutputs(np.zeros((2, 4), np.bool_), np.zeros((2, 3)))


def test_reads_real_digits_better_the_more_it_sees() -> None:
    """A released model's answers after the first step are guesses, and after the last right."""
    with Runner(MODELS / "rows2d") as runner:
        reading = read_in_steps(runner, embedded_splits().test[::30], "digits")
    assert reading.right.shape == (150, 7)
    assert reading.right[:, 0].mean() < 0.3
    assert reading.right[:, -1].mean() > 0.98
