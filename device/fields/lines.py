"""Candidates, or digits, that stand on one line, as the digits of a number do.

Source: neighbours of similar height that overlap vertically and are less than a height apart, as in Epshtein, Ofek,
Wexler, Detecting text in natural scenes with stroke width transform, 2010, section 3.3 (letters to text lines).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Protocol, TypeVar

from ..vision.boxes import Box

# The lower of two neighbours is at least so high as a fraction of the higher one, and so much of it is beside that one.
_MIN_HEIGHT, _MIN_OVERLAP = 0.5, 0.7
# The gap between two neighbours, in heights of the higher one: less than a blank, more than beside a narrow one.
GAP = 0.9


class Boxed(Protocol):
    """Something at a place in an image."""

    @property
    def box(self) -> Box:
        """Where it is."""


Item = TypeVar("Item", bound=Boxed)


def lines(candidates: Iterable[Item], max_gap: float = GAP) -> list[tuple[Item, ...]]:
    """Returns candidates grouped by line, each from left to right.

    `max_gap` is the greatest gap between two neighbours, as a fraction of the higher one's height.
    """
    found: list[list[Item]] = []
    for candidate in sorted(candidates, key=lambda each: each.box.x):
        near = [line for line in found if _goes_on(line[-1], candidate, max_gap)]
        if near:
            min(near, key=lambda line: _gap(line[-1], candidate)).append(candidate)
        else:
            found.append([candidate])
    return [tuple(line) for line in found]


def main_line(candidates: Iterable[Item]) -> tuple[Item, ...]:
    """Returns the line that covers the most, whatever the gaps; empty without candidates."""
    return max(lines(candidates, math.inf), key=_area, default=())


def _goes_on(last: Boxed, candidate: Boxed, max_gap: float) -> bool:
    one, other = last.box, candidate.box
    low, high = sorted((one.height, other.height))
    overlap = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    return low >= _MIN_HEIGHT * high and overlap >= _MIN_OVERLAP * low and _gap(last, candidate) <= max_gap * high


def _gap(last: Boxed, candidate: Boxed) -> int:
    return candidate.box.x - last.box.x - last.box.width


def _area(line: Iterable[Boxed]) -> int:
    return sum(each.box.area for each in line)
