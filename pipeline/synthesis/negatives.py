"""Negatives: crops without a digit, to train on and to evaluate rejection on.

Letters, words, halves of digits, several digits at once, scribbles, noise, blanks, textures, edges and windows. Some
are drawn as crops, some are photographed and found by the device's finder.

Source: Hendrycks, Mazeika, Dietterich, Deep Anomaly Detection with Outlier Exposure, 2019.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from device.arrays import Crop, Float64, UInt8
from device.pixels import INK, SIDE
from device.vision.normalise import crop_of
from pipeline.data.splits import LabelledImages, Splits
from pipeline.synthesis.displays import no_digit_segments
from pipeline.synthesis.fonts import LETTERS, Fonts, held_out_fonts
from pipeline.synthesis.handwriting import scribble, write
from pipeline.synthesis.photograph import found_any_crop, found_crop, photograph
from pipeline.variants import LABELS

Kind = Callable[[], Crop | None]

_NO_INK_BELOW = 16
_MAX_TRIES = 10_000
_SHEET_SEED, _SHEET_DIGITS = 20_260_303, 200
_TEST_SEED, TEST_NEGATIVES = 20_260_202, 10_000
_VALIDATION_SEED, _VALIDATION_NEGATIVES = 20_261_130, 4_000
# A single stroke's width over its length, and how much of its rectangle it fills.
_BAR, _BAR_FILL = 0.38, 0.5
# Half an eight looks like a zero, half a one like a one. For each digit, the halves that look like no digit: 0 the
# upper one, 1 the right one, 2 the lower one, 3 the left one.
_NO_DIGIT_WHEN_HALVED = ((0, 1, 2, 3), (), (0, 2, 3), (2, 3), (0,), (0, 1, 2, 3), (1, 3), (0, 3), (3,), (1,))


@dataclass(frozen=True)
class Negatives:
    """Draws crops without a digit, from fonts and from parts of digits."""

    fonts: Fonts
    digits: LabelledImages
    rng: np.random.Generator

    def draw(self, count: int) -> Crop:
        """Returns crops of all kinds, `<uint8>[count, 28, 28]`."""
        kinds, shares = zip(*self._kinds(), strict=True)
        chosen = self.rng.choice(len(kinds), count, p=shares)
        return np.array([self._one(kinds[index]) for index in chosen])

    def draw_in_turn(self, kinds: Sequence[Kind], count: int) -> Crop:
        """Returns crops of the given kinds in turn, `<uint8>[count, 28, 28]`."""
        return np.array([self._one(kinds[index % len(kinds)]) for index in range(count)])

    def _kinds(self) -> Sequence[tuple[Kind, float]]:
        return (
            (self.letter, 0.25), (self.photographed_letter, 0.13), (self.half, 0.23), (self.several, 0.06),
            (self.scribbled, 0.04), (self.shape, 0.05), (self.noise, 0.05), (self.blank, 0.03), (self.texture, 0.04),
            (self.scene, 0.04), (self.segments, 0.05), (self.stain, 0.03),
        )  # fmt: skip

    def _one(self, kind: Kind) -> Crop:
        for _ in range(_MAX_TRIES):
            crop = kind()
            if crop is not None and not _is_bar(crop):
                return crop
        raise ValueError(f"Expected digits to draw negatives from. Found no negative in {_MAX_TRIES:,} tries")

    def letter(self) -> Crop:
        """Draws a letter or a sign, upright or slanted."""
        ink = self._letters(1)
        height, width = ink.shape
        slant, turn = self.rng.normal(0, 0.15), self.rng.normal(0, 0.08)
        plane = np.array([[1.0, slant, 24 - slant * height / 2], [turn, 1.0, 24 - turn * width / 2]])
        return crop_of(np.asarray(cv2.warpAffine(ink, plane, (width + 48, height + 48))))

    def photographed_letter(self) -> Crop | None:
        """Draws a letter or part of a word, photographed."""
        ink = self._letters(int(self.rng.integers(1, 4)))
        neighbour = self._letters(1) if self.rng.random() < 0.3 else None
        return found_any_crop(photograph(ink, self.rng, neighbour))

    def photographed(self, kind: Callable[[], Crop]) -> Kind:
        """Returns the kind that photographs another kind."""
        return lambda: found_any_crop(photograph(kind(), self.rng))

    def half(self) -> Crop | None:
        """Draws the upper, lower, left or right half of a digit, left in place or normalised."""
        index, side = int(self.rng.integers(len(self.digits))), int(self.rng.integers(4))
        half = np.rot90(self.digits.crops[index], side).copy()
        inked = np.flatnonzero(half.max(axis=1) > INK // 10)
        if not inked.size:
            return None
        cut = (inked[0] + inked[-1] + 1) // 2 + int(self.rng.integers(-2, 3))
        half[cut:] = 0
        half = np.ascontiguousarray(np.rot90(half, -side))
        if half.max() < INK // 2:
            return None
        if self.rng.random() < 0.5:
            return half
        return crop_of(half) if side in _NO_DIGIT_WHEN_HALVED[self.digits.labels[index]] else None

    def several(self) -> Crop:
        """Draws two or three digits beside or above each other, normalised as one."""
        count, axis = int(self.rng.integers(2, 4)), int(self.rng.random() < 0.3)
        digits = (self.digits.crops[self.rng.integers(len(self.digits))] for _ in range(count))
        trimmed = [_trimmed(digit, axis) for digit in digits]
        return crop_of(np.concatenate(trimmed, axis=1 - axis))

    def scribbled(self) -> Crop:
        """Draws strokes through random points."""
        return crop_of(scribble(self.rng))

    def shape(self) -> Crop:
        """Draws a polygon or part of an ellipse, filled or outlined."""
        image = np.zeros((64, 64), np.uint8)
        thickness = -1 if self.rng.random() < 0.5 else int(self.rng.integers(2, 8))
        if self.rng.random() < 0.6:
            corners = self.rng.integers(8, 56, (int(self.rng.integers(3, 7)), 2)).astype(np.int32)
            if thickness < 0:
                cv2.fillPoly(image, [corners], INK, cv2.LINE_AA)
            else:
                cv2.polylines(image, [corners], True, INK, thickness, cv2.LINE_AA)
        else:
            axes = tuple(int(axis) for axis in self.rng.integers(8, 26, 2))
            sweep = 360 if thickness < 0 else int(self.rng.integers(60, 200))
            cv2.ellipse(image, (32, 32), axes, float(self.rng.uniform(0, 180)), 0, sweep, INK, thickness, cv2.LINE_AA)
        if self.rng.random() < 0.7:
            return crop_of(image)
        return np.asarray(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA))

    def noise(self) -> Crop:
        """Draws noise of random grain, density and strength."""
        rng = self.rng
        grain = int(rng.choice([28, 28, 28, 14, 9, 7]))
        values = rng.random((grain, grain)) if rng.random() < 0.6 else rng.normal(rng.random(), 0.3, (grain, grain))
        if rng.random() < 0.4:
            values = (values > rng.uniform(0.5, 0.98)) * rng.uniform(0.3, 1.0)
        image = cv2.resize(values, (SIDE, SIDE), interpolation=int(rng.choice([cv2.INTER_NEAREST, cv2.INTER_CUBIC])))
        if rng.random() < 0.3:
            image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 2.0))
        return _pixels(image * rng.uniform(0.2, 1.2))

    def blank(self) -> Crop:
        """Draws one grey level, a gradient or a speck."""
        rng = self.rng
        y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
        image = np.full((SIDE, SIDE), rng.choice([0.0, 1.0, rng.random()]))
        if rng.random() < 0.5:
            image = image + rng.normal(0, 0.5) * x + rng.normal(0, 0.5) * y
        if rng.random() < 0.3:
            top, left, height, width = (*rng.integers(0, 26, 2), *rng.integers(1, 4, 2))
            image[top : top + height, left : left + width] = rng.random()
        return _pixels(image + rng.normal(0, rng.choice([0, 0.02]), image.shape))

    def texture(self) -> Crop:
        """Draws stripes, squares, waves or cloth."""
        rng = self.rng
        y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float64)
        angle, turn = rng.uniform(0, np.pi), rng.choice([np.pi / 2, rng.uniform(0.3, 1.5)])
        phases = [x * np.cos(a) + y * np.sin(a) for a in (angle, angle + turn)]
        one, other = (np.sin(p * 2 * np.pi / rng.uniform(2, 16) + rng.uniform(0, 6)) for p in phases)
        rings = np.sin(np.hypot(x - 28 * rng.random(), y - 14) / 1.5)
        image = (one, one * other, np.maximum(one, other), rings)[rng.integers(4)]
        if rng.random() < 0.5:
            image = np.sign(image)
        return _pixels((0.5 + 0.5 * image) * rng.uniform(0.3, 1.0) + rng.normal(0, rng.choice([0, 0.1]), image.shape))

    def scene(self) -> Crop | None:
        """Draws edges, bars and windows, photographed."""
        rng = self.rng
        ink = np.zeros((64, 64), np.uint8)
        for _ in range(rng.integers(1, 5)):
            corner, size = rng.integers(-8, 50, 2), rng.integers(4, 44, 2)
            cv2.rectangle(ink, corner.tolist(), (corner + size).tolist(), int(rng.integers(90, 256)), -1)
        for _ in range(rng.integers(0, 4)):
            start = int(rng.integers(0, 64))
            cv2.line(ink, (0, start), (64, int(rng.integers(0, 64))), 0, int(rng.integers(1, 5)))
        return found_any_crop(photograph(ink, rng)) if ink.max() > _NO_INK_BELOW else None

    def segments(self) -> Crop | None:
        """Draws a letter or a sign of a display, photographed."""
        return found_crop(photograph(no_digit_segments(self.rng), self.rng, pen=False))

    def stain(self) -> Crop | None:
        """Draws a blot with an uneven edge, photographed."""
        angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
        waves = sum(self.rng.normal(0, 0.5 / k) * np.cos(k * angles + self.rng.uniform(0, 6)) for k in range(1, 6))
        radius = 16 * np.exp(0.7 * waves)
        narrow, turn = self.rng.uniform(0.5, 1), self.rng.uniform(0, np.pi)
        x, y = radius * np.cos(angles) * narrow, radius * np.sin(angles)
        edge = 40 + np.column_stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)])
        ink = np.zeros((80, 80), np.uint8)
        cv2.fillPoly(ink, [np.round(edge).astype(np.int32)], INK, cv2.LINE_AA)
        return found_any_crop(photograph(ink, self.rng, pen=False))

    def _letters(self, count: int) -> Crop:
        """Returns the ink of random letters, all of one face."""
        while True:
            text = "".join(LETTERS[index] for index in self.rng.integers(len(LETTERS), size=count))
            ink = self.fonts.draw(text, self.rng)
            if ink.any():
                return ink


def draw_calibration_sheet(fonts: Fonts) -> Crop:
    """Returns the negatives that calibrate int8 together with digits, `<uint8>[64, 28, 28]`, eight of each kind.

    All are what the finder hands to the network. Raw noise and white crops, which it never finds, would widen the cell
    states' ranges several times and make the digits coarse. The digits inside are synthetic, because the sheet is part
    of the project and MNIST is not.
    """
    rng = np.random.default_rng(_SHEET_SEED)
    labels = (np.arange(_SHEET_DIGITS) % len(LABELS)).astype(np.uint8)
    digits = LabelledImages(np.array([crop_of(write(int(label), rng)) for label in labels]), labels)
    drawer = Negatives(fonts, digits, rng)
    found = (drawer.photographed(kind) for kind in (drawer.noise, drawer.blank, drawer.texture))
    kinds = (drawer.letter, drawer.photographed_letter, drawer.half, drawer.several, *found, drawer.scene)
    return drawer.draw_in_turn(kinds, 8 * len(kinds))


def draw_test_negatives(splits: Splits) -> UInt8 | None:
    """Returns letters, halves of digits, noise, blanks and textures in equal parts, `<uint8>[10000, 28, 28]`.

    None if the labels are not the ten digits: what shows none of the classes is not known.
    """
    if splits.names != LABELS:
        return None
    drawer = Negatives(held_out_fonts(), splits.test, np.random.default_rng(_TEST_SEED))
    kinds = (drawer.letter, drawer.half, drawer.noise, drawer.blank, drawer.texture)
    return drawer.draw_in_turn(kinds, TEST_NEGATIVES)


def draw_validation_negatives(splits: Splits) -> UInt8 | None:
    """Returns other crops as `draw_test_negatives` does, halves being of validation digits, `<uint8>[4000, 28, 28]`.

    Without letters: there are no fonts that neither training nor the test has seen.
    """
    if splits.names != LABELS:
        return None
    drawer = Negatives(held_out_fonts(), splits.validation, np.random.default_rng(_VALIDATION_SEED))
    return drawer.draw_in_turn((drawer.half, drawer.noise, drawer.blank, drawer.texture), _VALIDATION_NEGATIVES)


def _is_bar(crop: Crop) -> bool:
    """Returns whether a crop shows a single stroke, which looks like a one."""
    ink = (crop > INK // 2).view(np.uint8)
    pieces, _ = cv2.connectedComponents(ink)
    if pieces != 2:  # the background and one piece
        return False
    _, sides, _ = cv2.minAreaRect(cv2.findNonZero(ink))
    # OpenCV's rectangle goes through the middles of the outermost pixels, so it is a pixel too small.
    width, length = sorted(side + 1 for side in sides)
    return bool(width < _BAR * length and cv2.countNonZero(ink) > _BAR_FILL * width * length)


def _trimmed(crop: Crop, axis: int) -> Crop:
    """Returns a digit with one blank line left at each end along which digits are joined."""
    lines = np.flatnonzero(crop.max(axis=axis) > _NO_INK_BELOW)
    first, last = max(0, int(lines[0]) - 1), int(lines[-1]) + 2
    return crop[:, first:last] if axis == 0 else crop[first:last]


def _pixels(image: Float64) -> Crop:
    return np.asarray(np.clip(np.round(INK * image), 0, INK), np.uint8)
