"""Meters and displays drawn by code, for tests of whole numbers: counters, seven segments, lit or dark."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np
import numpy.typing as npt
import pytest

needs_opencv_4 = pytest.mark.skipif(
    not cv2.__version__.startswith("4."), reason=f"OpenCV {cv2.__version__} writes other digits than 4 on meters"
)

Image = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]

# Which of the segments a to g each digit lights.
_SEGMENTS = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")
# The ends of each segment, in widths and heights of the digit.
_ENDS: Mapping[str, tuple[float, float, float, float]] = MappingProxyType(
    {
        "a": (0, 0, 1, 0),
        "b": (1, 0, 1, 0.5),
        "c": (1, 0.5, 1, 1),
        "d": (0, 1, 1, 1),
        "e": (0, 0.5, 0, 1),
        "f": (0, 0, 0, 0.5),
        "g": (0, 0.5, 1, 0.5),
    }
)
_FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX)


def display(number: str, height_px: int, rng: np.random.Generator, *, lit: bool) -> Image:
    """Returns a display `<uint8>[h, w, 3]` of slanted seven-segment digits: lit ones on black, or dark ones on grey."""
    paper, ink = ((18, 16, 14), (90, 240, 120)) if lit else ((150, 170, 160), (40, 45, 40))
    width_px, gap_px, slant = round(0.5 * height_px), round(0.35 * height_px), rng.uniform(0, 0.12)
    margin = height_px // 2
    image = _sheet(2 * margin + len(number) * (width_px + gap_px), height_px + 2 * margin, paper)
    for place, digit in enumerate(number):
        left = margin + round(slant * height_px) + place * (width_px + gap_px)
        for name in _SEGMENTS[int(digit)]:
            _segment(image, name, (left, margin, width_px, height_px), slant, ink)
    return _seen(image, rng)


def counter(number: str, height_px: int, rng: np.random.Generator, rolled: float = 0.0) -> Image:
    """Returns a counter `<uint8>[h, w, 3]`: printed digits, light on black wheels, each in a window of a grey plate.

    The last wheel is `rolled` on towards its next digit by that part of a turn of one digit, and with it each other
    wheel to whose right all wheels show a nine. Around the windows is a margin of half a digit's height.
    """
    how = _Print(height_px, _FONTS[int(rng.integers(len(_FONTS)))], (235, 235, 230))
    window = (round(0.95 * height_px), round(1.5 * height_px))
    pitch, margin = round(1.2 * height_px), height_px // 2
    image = _sheet(2 * margin + pitch * len(number), window[1] + 2 * margin, (120, 125, 130))
    for place, digit in enumerate(number):
        turns = set(number[place + 1 :]) <= {"9"}
        left = margin + place * pitch + (pitch - window[0]) // 2
        wheel = _wheel(int(digit), rolled if turns else 0.0, window, how)
        image[margin : margin + window[1], left : left + window[0]] = wheel
    return _seen(image, rng)


def printed(number: str, height_px: int, rng: np.random.Generator, pitch: float = 0.95) -> Image:
    """Returns a printed number `<uint8>[h, w, 3]`, dark on paper, digits `pitch` heights apart, a height's margin."""
    pitch_px = round(pitch * height_px)
    image = _sheet(2 * height_px + pitch_px * len(number), 3 * height_px, (225, 235, 240))
    how = _Print(height_px, _FONTS[int(rng.integers(len(_FONTS)))], (40, 35, 30))
    for place, digit in enumerate(number):
        how.write(image, digit, (height_px + place * pitch_px + pitch_px // 2, height_px + height_px // 2))
    return _seen(image, rng)


KINDS: Mapping[str, Callable[[str, int, np.random.Generator], Image]] = MappingProxyType(
    {
        "printed": printed,
        "counter": counter,
        "lit display": lambda number, height_px, rng: display(number, height_px, rng, lit=True),
        "dark display": lambda number, height_px, rng: display(number, height_px, rng, lit=False),
    }
)


def on_wall(plate: Image, x: int, y: int, width: int = 640, height: int = 360) -> Image:
    """Returns a frame `<uint8>[height, width, 3]` of a grey wall with a meter, its corner at x and y."""
    frame = _sheet(width, height, (170, 175, 180))
    frame[y : y + plate.shape[0], x : x + plate.shape[1]] = plate
    return frame


def _sheet(width: int, height: int, colour: Colour) -> Image:
    return np.full((height, width, 3), colour, np.uint8)


def _segment(image: Image, name: str, box: tuple[int, int, int, int], slant: float, ink: Colour) -> None:
    x, y, width, height = box
    ends = np.array(_ENDS[name]).reshape(2, 2) * (width, height)
    along = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
    thickness = max(2, round(0.11 * height))
    # A gap between the segments.
    points = np.array([ends[0] + 0.6 * thickness * along, ends[1] - 0.6 * thickness * along])
    points[:, 0] += slant * (height - points[:, 1])
    first, last = np.rint(points + np.array([x, y])).astype(int).tolist()
    cv2.line(image, first, last, ink, thickness, cv2.LINE_AA)


def _wheel(digit: int, rolled: float, window: tuple[int, int], how: _Print) -> Image:
    width, height = window
    strip = _sheet(width, 2 * height, (22, 22, 24))
    for place, shown in enumerate((digit, (digit + 1) % 10)):
        how.write(strip, str(shown), (width // 2, height // 2 + place * height))
    top = round(rolled * height)
    return strip[top : top + height]


@dataclass(frozen=True)
class _Print:
    """How a digit is printed: its height, OpenCV's font, and its colour."""

    height_px: int
    font: int
    ink: Colour

    def write(self, image: Image, digit: str, middle: tuple[int, int]) -> None:
        thickness = max(1, round(0.1 * self.height_px))
        scale = cv2.getFontScaleFromHeight(self.font, round(0.9 * self.height_px), thickness)
        (width, height), _ = cv2.getTextSize(digit, self.font, scale, thickness)
        corner = (middle[0] - width // 2, middle[1] + height // 2)
        cv2.putText(image, digit, corner, self.font, scale, self.ink, thickness, cv2.LINE_AA)


def _seen(image: Image, rng: np.random.Generator) -> Image:
    """Returns an image as a camera sees it: light from one side, a little blur and noise."""
    light = np.linspace(1.0, rng.uniform(0.75, 1.0), image.shape[1])[np.newaxis, :, np.newaxis]
    blurred = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.2)) * light
    return np.asarray(np.clip(np.rint(blurred + rng.normal(0, 3, image.shape)), 0, 255), np.uint8)
