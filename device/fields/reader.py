"""Reads the number that a field of a frame shows.

Digits are found, and those on one line are read in one go. Where the number of digits is stated and another number is
found, the field, or the line found in it, is split into cells of equal width: whichever the network is surer of counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np

from ..arrays import Image, UInt8
from ..contract.inputs import is_digits
from ..runner import Runner
from ..vision.boxes import Box
from ..vision.finder import Candidate, Finder
from ..vision.ink import background_of
from .field import Field
from .lines import main_line
from .number import Digit, Number, around
from .rolling import Wheel, head, resolved, split_row

# A digit is at least so high as a fraction of its field.
_MIN_HEIGHT = 0.3
# The paper's colour is estimated in a window of so many heights of the field.
_WINDOW = 1.5
_MIN_CONTRAST = 8
# The height of a counter's digits over that of their windows, where none is seen whole.
_DIGIT_HEIGHT = 2 / 3
# A digit that is sure and so high, as a fraction of the usual height, is seen whole.
_WHOLE = 0.85
# In widths of a cell: the greatest distance of a digit from its middle, how far from whole the distance between two may
# be, and what is narrow.
_MAX_OFF, _MAX_UNEVEN, _NARROW = 0.35, 0.25, 0.4
# The minimum probability of a digit of which only the head is seen.
_MIN_HEAD = 0.9
_IS_DARK = {"dark": True, "light": False, "either": None}


class _Cell(NamedTuple):
    box: Box
    candidate: Candidate | None


class FieldReader:
    """Reads fields with a runner of digits, which it does not close."""

    def __init__(self, runner: Runner) -> None:
        """Raises ValueError for a model that does not read the ten digits."""
        check_digits(runner)
        self._runner = runner
        self._finder = Finder(min_height=_MIN_HEIGHT)

    def read(self, field: Field, image: Image) -> Number:
        """Returns what a field shows in a frame `<uint8>[h, w, 3]`, boxes in the frame.

        Raises ValueError if the field reaches beyond the frame.
        """
        upright = field.place.cut(image)
        is_dark = _IS_DARK[field.ink]
        inked = upright if is_dark is None else _with_ink(upright, is_dark=is_dark)
        best = (
            Number(tuple(self._wheels(field.count or 1, inked, is_dark)))
            if field.rolling
            else self._number(field, inked)
        )
        digits = tuple(replace(digit, box=field.place.box_in_frame(digit.box)) for digit in best.digits)
        return Number(digits, field.decimal_places)

    def _number(self, field: Field, upright: Image) -> Number:
        found = main_line(self._finder.find(upright))
        count = field.count
        if count is None or count == len(found):
            return self._read([_Cell(each.box, each) for each in found])
        height, width = upright.shape[:2]
        splits = [_split(Box(0, 0, width, height), count)]
        if found:
            line = around([each.box for each in found])
            splits.append(_split(Box(line.x, 0, line.width, height), count))
        fitting = [split for split in splits if _fits(split, [each.box for each in found])]
        readings = [self._read(self._cells(upright, split)) for split in fitting or splits[:1]]
        return max(readings, key=lambda each: each.merit)

    def _cells(self, upright: Image, boxes: Sequence[Box]) -> list[_Cell]:
        return [_Cell(box, self._one(upright, box)) for box in boxes]

    def _one(self, upright: Image, box: Box) -> Candidate | None:
        found = self._finder.find_one(box.of(upright))
        return None if found is None else Candidate(found.box.moved(box.x, box.y), found.crop)

    def _read(self, cells: Sequence[_Cell]) -> Number:
        return Number(tuple(map(self._digit, cells)))

    def _digit(self, cell: _Cell) -> Digit:
        if cell.candidate is None:
            return Digit(cell.box)
        return Digit(cell.candidate.box, cell.candidate.crop, self._runner.classify(cell.candidate.crop))

    def _wheels(self, count: int, upright: Image, is_dark: bool | None) -> Iterator[Digit]:
        boxes = _split(Box(0, 0, *upright.shape[1::-1]), count)
        digits = [self._digit(cell) for cell in self._cells(upright, boxes)]
        heights = [digit.box.height for digit in digits if digit.label]
        height_px = round(np.median(heights)) if heights else round(_DIGIT_HEIGHT * upright.shape[0])
        wheels = []
        for digit, box in zip(digits, boxes, strict=True):
            whole = digit.label is not None and digit.box.height >= _WHOLE * height_px
            window = box.of(upright)
            row = None if whole else split_row(window, is_dark=is_dark)
            if row is None:
                wheels.append(Wheel(None if digit.label is None else int(digit.label)))
                continue
            found = head(window, row, height_px, is_dark=is_dark)
            wheels.append(Wheel(None if found is None else self._below(*found), 1 - row / box.height))
        for digit, box, wheel, counted in zip(digits, boxes, wheels, resolved(wheels), strict=True):
            label = None if counted is None else str(counted)
            half_way = wheel.rolled is not None
            yield Digit(box, digit.crop, digit.prediction, label, half_way=True) if half_way else digit

    def _below(self, crop: UInt8, rows_seen: int) -> int | None:
        """Returns the digit below the one whose head is in a crop, of which so many rows are seen; None if unsure."""
        runner = self._runner
        if runner.manifest.time_axis != "rows":
            return None
        runner.reset()
        for line in crop[: max(rows_seen, runner.manifest.lines_per_step)]:
            runner.push(line)
        answer = runner.partial
        # A model that does not stream answers after the last line alone.
        is_sure = answer is not None and answer.probability >= _MIN_HEAD
        return (int(answer.top[0][0]) - 1) % 10 if is_sure else None


def check_digits(runner: Runner) -> None:
    """Raises ValueError for a model that does not read the ten digits."""
    manifest = runner.manifest
    if not is_digits(manifest) or sorted(manifest.labels) != [*"0123456789"]:
        received = f"{manifest.name}, labels {', '.join(manifest.labels)[:100]}"
        raise ValueError(f"Expected a model of the ten digits to read numbers. Received: {received}")


def _with_ink(upright: Image, *, is_dark: bool) -> Image:
    """Returns a field's image with its dark, or its light, ink alone."""
    paper = background_of(upright, round(_WINDOW * upright.shape[0]), _MIN_CONTRAST)
    return np.asarray(cv2.min(upright, paper) if is_dark else cv2.max(upright, paper), np.uint8)


def _split(place: Box, count: int) -> list[Box]:
    edges = [place.x + round(place.width * index / count) for index in range(count + 1)]
    return [Box(left, place.y, right - left, place.height) for left, right in pairwise(edges)]


def _fits(cells: Sequence[Box], digits: Sequence[Box]) -> bool:
    """Returns whether digits stand in cells of their own: near the middle, and whole cells apart.

    Those that are wider than a cell touch others, and narrow ones may stand anywhere in it.
    """
    width = cells[0].width
    usual = [each for each in digits if _NARROW * width <= each.width <= width]
    places = [(each.x + each.width / 2 - cells[0].x) / width - 0.5 for each in usual]
    apart = [later - earlier for earlier, later in pairwise(places)]
    return all(abs(place - round(place)) <= _MAX_OFF for place in places) and all(
        gap > 0.5 and abs(gap - round(gap)) <= _MAX_UNEVEN for gap in apart
    )
