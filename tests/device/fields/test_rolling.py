"""Tests of `device.fields.rolling`: wheels of a counter that stand half-way."""

from __future__ import annotations

import numpy as np
import pytest

from device.fields.rolling import Wheel, resolved, split_row
from tests.support.meters import counter, needs_opencv_4


@pytest.mark.parametrize(
    ("wheels", "digits"),
    [
        ([Wheel(1), Wheel(2)], [1, 2]),
        ([Wheel(1), Wheel(2, 0.4)], [1, 2]),
        ([Wheel(1), Wheel(2, 0.5)], [1, 3]),
        ([Wheel(3, 0.5), Wheel(8)], [3, 8]),
        ([Wheel(3, 0.5), Wheel(1)], [4, 1]),
        ([Wheel(9, 0.5), Wheel(0)], [0, 0]),
        ([Wheel(3, 0.4), Wheel(9, 0.4), Wheel(9, 0.4)], [3, 9, 9]),
        ([Wheel(3, 0.7), Wheel(9, 0.7), Wheel(9, 0.7)], [4, 0, 0]),
        ([Wheel(4), Wheel(9, 0.7)], [4, 0]),
        ([Wheel(3), Wheel(9, 0.3)], [3, 9]),
        ([Wheel(3, 0.5), Wheel(None)], [None, None]),
        ([Wheel(None, 0.5), Wheel(5)], [None, 5]),
    ],
)
def test_a_wheel_half_way_counts_by_the_wheel_to_its_right(wheels: list[Wheel], digits: list[int | None]) -> None:
    """While the right wheel shows 5 to 9 the lower digit counts, else the upper one; of the last wheel the nearer."""
    assert resolved(wheels) == digits


@needs_opencv_4
@pytest.mark.parametrize(("rolled", "row"), [(0.0, None), (0.2, None), (0.5, 0.5), (0.65, 0.34), (0.85, None)])
def test_two_half_digits_have_a_row_between_them(rolled: float, row: float | None) -> None:
    """A window with the foot of one digit and the head of the next is split; one that shows a whole digit is not."""
    plate = counter("3", 48, np.random.default_rng(2), rolled)
    found = split_row(plate[24:-24, 30:-30], is_dark=False)
    assert (found is None) == (row is None)
    if row is not None and found is not None:
        assert abs(found / 72 - row) < 0.06


def test_a_bare_wheel_has_no_row_between_digits() -> None:
    """A window of one grey, with a little noise, shows nothing to split."""
    noise = np.random.default_rng(0).integers(20, 28, (72, 46, 3)).astype(np.uint8)
    assert split_row(noise, is_dark=None) is None
