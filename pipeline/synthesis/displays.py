"""Digits of displays, drawn by code: seven and fourteen segments, dot matrices; and the windows of rolling counters.

Source: the segments' letters A to G and the dot patterns are those of data sheets, such as Hitachi HD44780U, 1999,
table 4 (5 x 8 dots).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np

from device.arrays import Bools, Float32, UInt8
from device.pixels import INK
from pipeline.synthesis.fonts import DIGITS, Fonts

# The lit segments: A top, B and C right, D bottom, E and F left, G middle; a display may light the tails of 6, 7 and 9.
_SEGMENTS: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "0": ("ABCDEF",), "1": ("BC", "BC", "BC", "EF"), "2": ("ABDEG",), "3": ("ABCDG",), "4": ("BCFG",), "5": ("ACDFG",),
    "6": ("ACDEFG", "ACDEFG", "CDEFG"), "7": ("ABC", "ABC", "ABCF"), "8": ("ABCDEFG",),
    "9": ("ABCDFG", "ABCDFG", "ABCFG"),
})  # fmt: skip
# Letters and signs that no digit looks like.
_NO_DIGIT_SEGMENTS = (
    "ABCEFG", "ADEF", "ADEFG", "AEFG", "BCEFG", "BCDE", "DEF", "ABEFG", "BCDEF", "CEG", "EG", "DEFG", "CDE",
    "AG", "AD", "DG", "AGD", "DEG", "BF", "CE", "CEFG",
)  # fmt: skip
_DOTS: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "0": ("01110 10001 10011 10101 11001 10001 01110", "01110 10001 10001 10001 10001 10001 01110"),
    "1": ("00100 01100 00100 00100 00100 00100 01110", "00100 01100 10100 00100 00100 00100 00100"),
    "2": ("01110 10001 00001 00010 00100 01000 11111", "01110 10001 00001 01110 10000 10000 11111"),
    "3": ("11111 00010 00100 00010 00001 10001 01110", "01110 10001 00001 00110 00001 10001 01110"),
    "4": ("00010 00110 01010 10010 11111 00010 00010", "10010 10010 10010 11111 00010 00010 00010"),
    "5": ("11111 10000 11110 00001 00001 10001 01110", "11111 10000 10000 11110 00001 00001 11110"),
    "6": ("00110 01000 10000 11110 10001 10001 01110", "01110 10000 10000 11110 10001 10001 01110"),
    "7": ("11111 10001 00001 00010 00100 00100 00100", "11111 00001 00010 00100 01000 01000 01000"),
    "8": ("01110 10001 10001 01110 10001 10001 01110",),
    "9": ("01110 10001 10001 01111 00001 00010 01100", "01110 10001 10001 01111 00001 00001 01110"),
})  # fmt: skip
_HEIGHT_PX, _MARGIN_PX = 112, 16
_MAX_FACE_DOTS = 13


def segments(digit: int, rng: np.random.Generator) -> UInt8:
    """Returns a digit of seven segments, or fourteen, `<uint8>[h, w]`: lit 255, unlit faint or 0."""
    forms = _SEGMENTS[DIGITS[digit]]
    return _segments(forms[rng.integers(len(forms))], rng)


def no_digit_segments(rng: np.random.Generator) -> UInt8:
    """Returns a letter or a sign of segments, drawn as `segments` draws."""
    return _segments(_NO_DIGIT_SEGMENTS[rng.integers(len(_NO_DIGIT_SEGMENTS))], rng)


def dot_matrix(digit: int, fonts: Fonts, rng: np.random.Generator) -> UInt8:
    """Returns a digit of a dot matrix, `<uint8>[h, w]`: lit dots 255, unlit ones faint or 0.

    The dots are those of a display of 5 x 7, or a face of a font drawn small.
    """
    forms = _DOTS[DIGITS[digit]]
    if rng.random() < 0.6:
        lit = np.array([[int(dot) for dot in row] for row in forms[rng.integers(len(forms))].split()], np.bool_)
    else:
        lit = _face_dots(fonts.draw(DIGITS[digit], rng), int(rng.integers(7, _MAX_FACE_DOTS + 1)))
    return _dots(lit, rng)


@dataclass(frozen=True)
class Drum:
    """The window of a rolling counter: its ink `<float32>[h, w]` in 0..1, and the rows of the digit that it shows."""

    ink: Float32
    top: int
    bottom: int


def drum(digit: int, rolled: float, fonts: Fonts, rng: np.random.Generator) -> Drum:
    """Returns a window with a digit and parts of those before and after it; `rolled` is the share already turned."""
    face = int(rng.integers(2**32))
    drawn = [fonts.draw(DIGITS[(digit + step) % 10], np.random.default_rng(face)) for step in (-1, 0, 1)]
    height, width = (max(ink.shape[axis] for ink in drawn) for axis in (0, 1))
    pitch = round(height * rng.uniform(1.05, 1.6))
    strip = np.zeros((3 * pitch, width + 2 * round(height * rng.uniform(0.05, 0.4))), np.float32)
    for index, ink in enumerate(drawn):
        top, left = index * pitch + (pitch - ink.shape[0]) // 2, (strip.shape[1] - ink.shape[1]) // 2
        strip[top : top + ink.shape[0], left : left + ink.shape[1]] = ink / INK
    shown = round(pitch * rng.uniform(0.85, 1.15))
    start = round(1.5 * pitch - shown / 2 + rolled * pitch)
    ink_rows = np.flatnonzero(drawn[1].max(axis=1))
    middle = pitch + (pitch - drawn[1].shape[0]) // 2 - start
    top, bottom = np.clip((middle + ink_rows[0], middle + ink_rows[-1] + 1) if ink_rows.size else (0, 0), 0, shown)
    return Drum(strip[start : start + shown], int(top), int(bottom))


def _segments(lit: str, rng: np.random.Generator) -> UInt8:
    height = _HEIGHT_PX
    width, thick = height * rng.uniform(0.42, 0.72), height * rng.uniform(0.05, 0.17)
    gap, mitre = height * rng.uniform(0.0, 0.03), rng.uniform(0.0, 1.0)
    unlit = 0 if rng.random() < 0.5 else int(INK * rng.uniform(0.03, 0.25))
    split = rng.random() < 0.25  # fourteen segments have a middle bar of two
    image = np.zeros((height + 2 * _MARGIN_PX, round(width) + 2 * _MARGIN_PX), np.uint8)
    bars = _bars(width - thick, (height - thick) / 2)
    for name in sorted(bars, key=lambda name: name in lit):
        halves = _halved(bars[name]) if split and name == "G" else [bars[name]]
        for start, end in halves:
            corners = _bar(start + _MARGIN_PX + thick / 2, end + _MARGIN_PX + thick / 2, thick, gap, mitre)
            fixed = np.round(corners * 16).astype(np.int32)
            cv2.fillPoly(image, [fixed], INK if name in lit else unlit, cv2.LINE_AA, 4)
    return _slanted(image, rng.choice([0.0, rng.uniform(-0.05, 0.25)]))


def _bars(width: float, half: float) -> dict[str, tuple[Float32, Float32]]:
    """Returns each segment's ends."""
    x = {"left": 0.0, "right": width}
    ends = {
        "A": (("left", 0), ("right", 0)), "B": (("right", 0), ("right", 1)), "C": (("right", 1), ("right", 2)),
        "D": (("left", 2), ("right", 2)), "E": (("left", 1), ("left", 2)), "F": (("left", 0), ("left", 1)),
        "G": (("left", 1), ("right", 1)),
    }  # fmt: skip
    return {
        name: (np.array([x[start[0]], start[1] * half], np.float32), np.array([x[end[0]], end[1] * half], np.float32))
        for name, (start, end) in ends.items()
    }


def _halved(bar: tuple[Float32, Float32]) -> list[tuple[Float32, Float32]]:
    start, end = bar
    middle = (start + end) / 2
    return [(start, middle), (middle, end)]


def _bar(start: Float32, end: Float32, thick: float, gap: float, mitre: float) -> Float32:
    """Returns a segment's corners; with a mitre of 1 its ends are points, of 0 they are square."""
    along = (end - start) / max(1e-6, float(np.linalg.norm(end - start)))
    across = np.array([-along[1], along[0]], np.float32) * thick / 2
    start, end, inset = start + along * gap, end - along * gap, along * mitre * thick / 2
    corners = (start, start + inset + across, end - inset + across, end, end - inset - across, start + inset - across)
    return np.array(corners, np.float32)


def _face_dots(ink: UInt8, rows: int) -> Bools:
    x, y, width, height = cv2.boundingRect(ink)
    if not height:
        return np.zeros((rows, 1), np.bool_)
    columns = max(1, round(width * rows / height))
    small = cv2.resize(ink[y : y + height, x : x + width], (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(small > INK * 0.45, np.bool_)


def _dots(lit: Bools, rng: np.random.Generator) -> UInt8:
    pitch = _HEIGHT_PX / len(lit)
    size, is_round = pitch * rng.uniform(0.55, 1.0), rng.random() < 0.6
    unlit = 0 if rng.random() < 0.7 else int(INK * rng.uniform(0.03, 0.2))
    image = np.zeros((_HEIGHT_PX + 2 * _MARGIN_PX, round(pitch * lit.shape[1]) + 2 * _MARGIN_PX), np.uint8)
    for row, column in np.ndindex(lit.shape):
        middle = (np.array([column + 0.5, row + 0.5]) * pitch + _MARGIN_PX) * 16
        level, reach = INK if lit[row, column] else unlit, size / 2 * 16
        if is_round:
            cv2.circle(image, np.round(middle).astype(int).tolist(), round(reach), level, -1, cv2.LINE_AA, 4)
        else:
            near, far = (np.round(middle + sign * reach).astype(int).tolist() for sign in (-1, 1))
            cv2.rectangle(image, near, far, level, -1, cv2.LINE_AA, 4)
    return image


def _slanted(image: UInt8, slant: float) -> UInt8:
    height, width = image.shape
    wider = round(abs(slant) * height)
    plane = np.array([[1.0, -slant, slant * height if slant > 0 else 0.0], [0.0, 1.0, 0.0]])
    return np.asarray(cv2.warpAffine(image, plane, (width + wider, height)))
