"""Tests of `device.fields.history`: what a reading must keep, and what it is compared with."""

from __future__ import annotations

import pytest

from device.fields.field import Checks, Field
from device.fields.history import Good, History
from device.fields.number import Digit, Number
from device.predictions import Prediction
from device.vision.boxes import Box


def number(text: str, decimal_places: int = 0) -> Number:
    """Returns a number of these digits, `?` for an unsure one."""
    digits = [
        Digit(Box(0, 0, 1, 1), None, None if each == "?" else Prediction(each, int(each), 1.0, (), 28, 0.0))
        for each in text
    ]
    return Number(tuple(digits), decimal_places)


def history(checks: Checks, decimal_places: int = 0) -> History:
    return History(Field("a", (0, 0, 9, 9), decimal_places=decimal_places, checks=checks))


def test_a_number_has_a_value_when_every_digit_is_sure() -> None:
    """An unsure digit is `?` in the text, and leaves no value; nor do digits that are all behind the point."""
    assert (number("0012").text, number("0012").value) == ("0012", 12)
    assert (number("00?34").text, number("00?34").value) == ("00?34", None)
    assert (number("0123", 2).text, number("0123", 2).value) == ("01.23", 1.23)
    assert (number("23", 2).text, number("23", 2).value) == ("23", None)
    assert (number("").text, number("").value) == ("", None)


def test_a_value_that_falls_fails_and_replaces_nothing() -> None:
    """A value below the last good one fails `never_falls`; the last good one stays, and an equal one is good."""
    falling = history(Checks(never_falls=True))
    assert falling.judge(number("120"), 0.0) == ()
    assert falling.judge(number("119"), 1.0) == ("never_falls",)
    assert falling.last_good == Good(120, 0.0)
    assert falling.judge(number("120"), 2.0) == ()
    assert falling.last_good == Good(120, 2.0)


@pytest.mark.parametrize(
    ("text", "after_s", "failed"),
    [
        ("1003", 3600, ()),
        ("1004", 3600, ("max_rise_per_hour",)),
        ("1005", 7200, ()),
        ("1001", 0, ()),
        ("0100", 1, ()),
    ],
)
def test_a_value_rises_no_faster_than_it_may(text: str, after_s: float, failed: tuple[str, ...]) -> None:
    """Two units an hour and one more are allowed, however long it takes; how far a value falls is not checked."""
    rising = history(Checks(max_rise_per_hour=2.0))
    rising.judge(number("1000"), 0.0)
    assert rising.judge(number(text), after_s) == failed


def test_the_unit_that_is_always_allowed_is_that_of_the_last_place() -> None:
    """With two decimal places a step of 0.01 is always allowed, and one of 0.02 is not."""
    rising = history(Checks(max_rise_per_hour=0.0), 2)
    rising.judge(number("1000", 2), 0.0)
    assert rising.judge(number("1002", 2), 9.0) == ("max_rise_per_hour",)
    assert rising.judge(number("1001", 2), 9.0) == ()


def test_an_unsure_reading_fails_no_check_of_its_value_and_is_not_the_last_good_one() -> None:
    """A reading with an unsure digit has no value to compare; its length is compared all the same."""
    checked = history(Checks(never_falls=True, max_rise_per_hour=1.0, length=3))
    assert checked.judge(number("120"), 0.0) == ()
    assert checked.judge(number("9?0"), 1.0) == ()
    assert checked.judge(number("9?"), 2.0) == ("length",)
    assert checked.last_good == Good(120, 0.0)
