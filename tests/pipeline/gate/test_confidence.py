"""Tests of `pipeline.gate.confidence`."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipeline.gate.confidence import bin_indices, confidences, expected_calibration_error, fitted_temperature


def test_confidence_is_the_probability_of_the_most_probable_class() -> None:
    """Logits of ln 3 and 0 are 3 to 1; twice as hot, as their roots."""
    logits = np.array([[math.log(3), 0], [0, 0]], np.float32)
    assert confidences(logits, 1.0) == pytest.approx([0.75, 0.5])
    assert confidences(logits, 2.0) == pytest.approx([0.6339746, 0.5])


def test_temperature_makes_the_labels_most_probable() -> None:
    """Three of four right at logits of 4 and 0 ask for 3 to 1, which 4 / ln 3 makes of them."""
    logits = np.array([[4, 0]] * 4, np.float32)
    labels = np.array([0, 0, 0, 1], np.uint8)
    assert fitted_temperature(logits, labels) == pytest.approx(3.641, abs=2e-3)


@pytest.mark.parametrize(("labels", "temperature"), [([0, 0], 0.1), ([0, 1], 10.0)])
def test_temperature_is_from_a_tenth_to_ten(labels: list[int], temperature: float) -> None:
    """Answers that are all right ask for none at all, and answers that are right by chance for all there is."""
    logits = np.array([[1, 0]] * 2, np.float32)
    assert fitted_temperature(logits, np.array(labels, np.uint8)) == pytest.approx(temperature, rel=1e-3)


def test_bins_are_fifteenths() -> None:
    """A confidence on a border is in the bin above, but for 1."""
    assert bin_indices(np.array([0.0, 0.06, 0.07, 0.5, 0.93, 0.94, 1.0])).tolist() == [0, 0, 1, 7, 13, 14, 14]


@pytest.mark.parametrize(
    ("confidence", "right", "error"),
    [
        ([], [], 0.0),
        ([0.75], [True], 0.25),
        ([0.75], [False], 0.75),
        ([0.9, 0.9], [True, False], 0.4),
        # Within a bin they make up for each other, in two they do not.
        ([0.5, 0.5], [True, False], 0.0),
        ([0.5, 0.9], [True, False], 0.7),
    ],
)
def test_calibration_error_is_the_mean_distance_from_accuracy(
    confidence: list[float], right: list[bool], error: float
) -> None:
    """Each bin counts by its images."""
    assert expected_calibration_error(np.array(confidence, np.float64), np.array(right, np.bool_)) == pytest.approx(
        error
    )
