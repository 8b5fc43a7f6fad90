"""Tests of `device.fields.number`."""

from __future__ import annotations

import pytest

from device.contract.predictions import Prediction
from device.fields.number import Digit, Number
from device.vision.boxes import Box


def number(*probabilities: float) -> Number:
    """Sevens of these probabilities."""
    answers = (Prediction("7", 7, probability, (), 28, 0.0) for probability in probabilities)
    return Number(tuple(Digit(Box(0, 0, 1, 1), None, answer) for answer in answers))


@pytest.mark.parametrize(
    ("probabilities", "text", "value"),
    [((0.95, 0.99), "77", 77), ((0.94, 0.99), "?7", None), ((0.99, 0.99, 0.6), "77?", None)],
)
def test_a_digit_below_95_percent_is_unsure(probabilities: tuple[float, ...], text: str, value: int | None) -> None:
    """Even if the model would answer it by itself."""
    read = number(*probabilities)
    assert (read.text, read.value) == (text, value)
    assert [digit.as_json()["label"] for digit in read.digits] == [None if each == "?" else each for each in text]
