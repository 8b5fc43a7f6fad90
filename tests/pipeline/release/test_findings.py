"""Tests of `pipeline.release.findings`, on literal logits."""

from __future__ import annotations

import numpy as np
import pytest

from device.arrays import Indices
from device.manifest import Accuracy
from device.quantisation import Quantisation
from pipeline.release.findings import LabelledLogits, find
from pipeline.release.step_logits import StepLogits

ACCURACY = Accuracy(4, "four", 1.0, 0.75, 25.0, 0.75)
# Eight images of two classes, of which the last logits get seven right by a margin of 2.0 and one wrong.
LABELS = np.array([0, 1, 0, 1, 0, 1, 0, 1], np.uint8)
LAST = np.where(LABELS[:, np.newaxis] == [0, 1], 20, 0)
LAST[7] = 20, 0


def labelled(*steps: Indices) -> LabelledLogits:
    logits = np.stack(steps, axis=1).astype(np.int8)
    return LabelledLogits(StepLogits(logits, Quantisation(0.1, 0)), LABELS)


def test_temperature_makes_the_probabilities_match_the_accuracy() -> None:
    """At a margin of 2.0 and 7 of 8 right the best temperature is 2 / log(7) = 1.0278."""
    found = find(labelled(LAST), labelled(LAST), None, ACCURACY)
    assert found.temperature == pytest.approx(1.0278, abs=1e-4)
    assert found.accuracy == ACCURACY


def test_without_negatives_or_steps_there_is_neither_threshold_nor_early_exit() -> None:
    found = find(labelled(LAST), labelled(LAST), None, ACCURACY)
    assert (found.threshold, found.rejection, found.early_exit) == (0.0, None, None)


def test_early_exit_is_measured_on_the_test_images() -> None:
    found = find(labelled(LAST, LAST), labelled(0 * LAST, LAST), None, ACCURACY)
    assert found.early_exit is not None
    assert found.early_exit.accuracy_after_step == (0.5, 0.875)


def test_rejection_is_measured_on_test_images_and_negatives() -> None:
    """Eight digits are too few to choose a threshold: everything is accepted."""
    negatives = StepLogits(np.zeros((5, 1, 2), np.int8), Quantisation(0.1, 0))
    found = find(labelled(LAST), labelled(LAST), negatives, ACCURACY)
    assert found.threshold == 0.0
    assert found.rejection is not None
    assert (found.rejection.digits_kept, found.rejection.negatives, found.rejection.negatives_accepted) == (1.0, 5, 1.0)
