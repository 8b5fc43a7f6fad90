"""Wheels of a counter that stand half-way between two digits, and the number that they count as.

A wheel turns on while the wheel to its right goes from nine to nought, so that wheel decides: while it shows 5 to 9,
the lower of the two digits counts, and from 0 to 4 the upper one. Of the last wheel the one counts that is nearer.
Digits rise from below, so the lower one is above. The upper one is read line by line, as far as its head has come into
the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..arrays import Bools, Image, UInt8
from ..pixels import INK, SIDE
from ..vision.normalise import BOX, crop_of

# Columns beside the middle may show the window's frame.
_MIDDLE = 0.7
# Rows with ink in fewer of their columns are blank.
_MIN_INK = 0.04
# Between two digits is a blank band, of at least this fraction of the window's height, and not at its very edge.
_MIN_BAND, _MIN_PART = 0.04, 0.12
# Both digits of a wheel that stands half-way reach the window's edge, but for this fraction of its height.
_MAX_MARGIN = 0.1
# A head is at least so much of a digit, or it says too little.
_MIN_HEAD = 0.45
# The least contrast between a wheel and its digits, in grey levels.
_MIN_CONTRAST = 30
# Ink above this fraction of the strongest one is a stroke, and above that it counts for a crop's extent.
_STROKE, _FAINT = 0.4, 0.12
_HALF = 0.5
_TURNED = 5
_BASE = 10


@dataclass(frozen=True)
class Wheel:
    """What a wheel shows: a digit, or between which two it stands.

    Attributes:
        digit: the digit, or the lower one of the two; None if it is unsure.
        rolled: how far it has turned towards the next digit, 0..1; None if it shows one digit.
    """

    digit: int | None
    rolled: float | None = None


def split_row(window: Image, *, is_dark: bool | None) -> int | None:
    """Returns the row between two half digits in a wheel's window `<uint8>[h, w, ...]`; None if it shows one digit.

    `is_dark` says whether digits are darker than their wheel; None takes for them what covers less.
    """
    height = window.shape[0]
    blank = ~_inked_rows(window, is_dark)
    runs = _runs(blank)
    margin_px = _MAX_MARGIN * height
    # Digits that do not reach both edges are one whole digit, such as a five with a broken stroke.
    edges = [stop - start for start, stop in runs if start == 0 or stop == height]
    if max(edges, default=0) > margin_px:
        return None
    part_px = _MIN_PART * height
    inner = [
        (stop - start, (start + stop) // 2) for start, stop in runs if start >= part_px and stop <= height - part_px
    ]
    band_px, row = max(inner, default=(0, 0))
    return row if band_px >= max(2, _MIN_BAND * height) else None


def head(window: Image, row: int, height_px: int, *, is_dark: bool | None) -> tuple[UInt8, int] | None:
    """Returns the crop `<uint8>[28, 28]` of the digit that comes up below a row, and how many of its rows are seen.

    The crop is as of a whole digit of `height_px`, blank where the window ends. None if too little of it is seen.
    """
    ink = _ink(window, is_dark)[row:]
    rows = np.flatnonzero((ink > _STROKE * INK).any(axis=1))
    if not len(rows) or len(ink) - rows[0] < _MIN_HEAD * height_px:
        return None
    seen = ink[rows[0] : rows[0] + height_px]
    whole = np.zeros((height_px, ink.shape[1]), np.uint8)
    whole[: len(seen)] = seen
    # A faint pixel on the last row, so that the crop's scale is that of the whole digit.
    whole[-1, ink.shape[1] // 2] = max(whole[-1, ink.shape[1] // 2], _FAINT * INK)
    crop = crop_of(whole)
    top = (SIDE - BOX) // 2
    first = int(np.flatnonzero((crop > _STROKE * INK).any(axis=1))[0])
    return np.roll(crop, top - first, axis=0), top + int(BOX * len(seen) / height_px)


def resolved(wheels: Sequence[Wheel]) -> list[int | None]:
    """Returns the digit that each wheel of a counter, from left to right, counts as; None where it is unsure."""
    digits: list[int | None] = []
    for wheel in reversed(wheels):
        digits.append(_counted(wheel, digits))
    return digits[::-1]


def _counted(wheel: Wheel, to_the_right: Sequence[int | None]) -> int | None:
    if wheel.digit is None or wheel.rolled is None:
        return wheel.digit
    if not to_the_right:
        return (wheel.digit + (wheel.rolled >= _HALF)) % _BASE
    right = to_the_right[-1]
    if right is None:
        return None
    return wheel.digit if right >= _TURNED else (wheel.digit + 1) % _BASE


def _inked_rows(window: Image, is_dark: bool | None) -> Bools:
    ink = _ink(window, is_dark)
    return np.asarray((ink > _STROKE * INK).mean(axis=1) > _MIN_INK, np.bool_)


def _ink(window: Image, is_dark: bool | None) -> UInt8:
    """Returns the ink in the middle of a wheel's window, 0 to 255 for the strongest; 0 if there is hardly any."""
    grey = window if window.ndim == 2 else cv2.cvtColor(window, cv2.COLOR_BGR2GRAY)
    side = round((1 - _MIDDLE) / 2 * grey.shape[1])
    middle = grey[:, side : grey.shape[1] - side].astype(np.float32)
    # More than half of a wheel is bare.
    above, below = middle - np.median(middle), np.median(middle) - middle
    if is_dark is None:
        is_dark = bool((below**2).sum() > (above**2).sum())
    ink = below if is_dark else above
    peak = float(ink.max())
    return np.asarray(np.clip(ink * (INK / peak), 0, INK) if peak >= _MIN_CONTRAST else np.zeros_like(ink), np.uint8)


def _runs(flags: Bools) -> list[tuple[int, int]]:
    """Returns the start and stop of each run of true values."""
    steps = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return [(int(start), int(stop)) for start, stop in zip(steps[::2], steps[1::2], strict=True)]
