"""Tests of `device.fields.lines`: what stands on one line."""

from __future__ import annotations

from device.fields.lines import lines, main_line
from device.fields.number import Digit
from device.vision.boxes import Box


def at(x: int, y: int, height: int = 40) -> Digit:
    return Digit(Box(x, y, 20, height))


def places(found: list[tuple[Digit, ...]]) -> list[list[int]]:
    return [[digit.box.x for digit in line] for line in found]


def test_neighbours_of_one_height_are_a_line_from_left_to_right() -> None:
    """Two lines below one another are two, whatever the order in which their digits come."""
    assert places(lines([at(60, 1), at(0, 0), at(30, 102), at(30, 2), at(0, 100)])) == [[0, 30, 60], [0, 30]]


def test_a_gap_of_a_digits_height_ends_a_line() -> None:
    """A digit that is 0.9 heights away belongs to the line, and one that is a height away does not."""
    assert places(lines([at(0, 0), at(56, 0)])) == [[0, 56]]
    assert places(lines([at(0, 0), at(60, 0)])) == [[0], [60]]
    assert [digit.box.x for digit in main_line([at(0, 0), at(60, 0)])] == [0, 60]


def test_what_is_half_as_high_or_hangs_beside_is_another_line() -> None:
    """A speck, and a digit half a height lower, are no neighbours; smaller decimals are."""
    assert places(lines([at(0, 0), at(30, 10, 16)])) == [[0], [30]]
    assert places(lines([at(0, 0), at(30, 20)])) == [[0], [30]]
    assert places(lines([at(0, 0), at(30, 12, 28)])) == [[0, 30]]


def test_the_main_line_covers_the_most() -> None:
    """Three digits win against one that is no higher, and nothing has no line."""
    assert [digit.box.x for digit in main_line([at(0, 0), at(30, 0), at(60, 0), at(0, 100)])] == [0, 30, 60]
    assert main_line([]) == ()
