"""Pictures of one digit, drawn from validation hands, held-out fonts and tables of segments and dots.

They choose between models, so they share no drawing with the training set: no code of `pipeline.synthesis` but the
held-out fonts, no font, hand or shape of segments that a network learnt from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np

from device.arrays import Float32, Image, UInt8
from pipeline.data.splits import LabelledImages
from pipeline.synthesis.fonts import DIGITS, LETTERS, Fonts

# Which segments are lit, in the order top, upper right, lower right, bottom, lower left, upper left, middle.
_LIT = ("1111110", "0110000", "1101101", "1111001", "0110011", "1011011", "1011111", "1110000", "1111111", "1111011")
# Their ends in a cell of 1 x 2.
_ENDS = (
    ((0, 0), (1, 0)), ((1, 0), (1, 1)), ((1, 1), (1, 2)), ((0, 2), (1, 2)), ((0, 1), (0, 2)), ((0, 0), (0, 1)),
    ((0, 1), (1, 1)),
)  # fmt: skip
# Rows of five dots from above, as bits, of a common character display (Hitachi HD44780U data sheet, table 4).
_DOTS = (
    (14, 17, 19, 21, 25, 17, 14), (4, 12, 4, 4, 4, 4, 14), (14, 17, 1, 2, 4, 8, 31), (31, 2, 4, 2, 1, 17, 14),
    (2, 6, 10, 18, 31, 2, 2), (31, 16, 30, 1, 1, 17, 14), (6, 8, 16, 30, 17, 17, 14), (31, 17, 1, 2, 4, 4, 4),
    (14, 17, 17, 14, 17, 17, 14), (14, 17, 17, 15, 1, 2, 12),
)  # fmt: skip


@dataclass(frozen=True)
class DrawnPictures:
    """Draws pictures `<uint8>[h, w, 3]` of a digit, or of none, from hands and fonts."""

    hands: LabelledImages
    fonts: Fonts
    rng: np.random.Generator

    def thin_pen(self, digit: int) -> Image:
        """A fine pen on paper, near and sharp."""
        strokes = self._hand(digit, int(self.rng.integers(120, 400)))
        pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (int(self.rng.integers(2, 6)),) * 2)
        return self._on_paper(cv2.dilate(_skeleton(strokes), pen) / np.float32(255))

    def scan(self, digit: int) -> Image:
        """A written digit out of a scanned form, black and white with specks."""
        strokes = self._hand(digit, int(self.rng.integers(30, 90)))
        page = cv2.copyMakeBorder(strokes, *self._margins(len(strokes), 0.5), cv2.BORDER_CONSTANT)
        page[self.rng.random(page.shape) < 0.002] = 255
        noise = self.rng.normal(0, 6, page.shape)
        grey = np.clip(248 - cv2.GaussianBlur(page, (0, 0), 0.6) * 0.92 + noise, 0, 255).astype(np.uint8)
        return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))

    def print(self, digit: int) -> Image:
        """A printed digit in any two colours."""
        return self._in_colours(self._font(DIGITS[digit]), self._two_levels())

    def segments(self, digit: int) -> Image:
        """A seven-segment display: bright on dark or dark on bright; unlit segments may be seen."""
        height = int(self.rng.integers(40, 200))
        return self._display(self._segments(_LIT[digit], height), self._segments("1111111", height))

    def dots(self, digit: int) -> Image:
        """A display of five by seven dots."""
        pitch = int(self.rng.integers(5, 20))
        return self._display(_dots(_DOTS[digit], pitch), _dots((31,) * 7, pitch))

    def counter(self, digit: int) -> Image:
        """A counter's wheel in its window: a curved surface, a dark edge, a frame."""
        ink = self._font(DIGITS[digit])
        ink = cv2.copyMakeBorder(ink, *self._margins(len(ink), 0.15), cv2.BORDER_CONSTANT)
        bright, dark = self.rng.uniform(190, 250), self.rng.uniform(5, 50)
        curved = 0.55 + 0.45 * np.sin(np.linspace(0.3, np.pi - 0.3, len(ink), dtype=np.float32))
        wheel = (dark + (bright - dark) * ink / np.float32(255)) * curved[:, np.newaxis]
        edge = max(2, len(ink) // 12)
        framed = cv2.copyMakeBorder(wheel, *(edge,) * 4, cv2.BORDER_CONSTANT, value=(float(self.rng.uniform(0, 30)),))
        housing = (float(self.rng.uniform(30, 220)),)
        return self._seen(
            cv2.copyMakeBorder(framed, *self._margins(len(ink), 0.12), cv2.BORDER_CONSTANT, value=housing)
        )

    def no_digit(self) -> Image:
        """A letter or a sign in print, or a stain."""
        if self.rng.random() < 0.2:
            stain = cv2.GaussianBlur(self.rng.normal(0, 1, (80, 80)).astype(np.float32), (0, 0), 8)
            return self._on_paper(np.asarray(np.clip((stain - 0.05) * 20, 0, 1), np.float32))
        return self._in_colours(self._font(LETTERS[self.rng.integers(len(LETTERS))]), self._two_levels())

    def _hand(self, digit: int, height_px: int) -> UInt8:
        """Returns a hand's digit at a size, `<uint8>[height_px, height_px]`, 255 on 0."""
        of_digit = np.flatnonzero(self.hands.labels == digit)
        crop = np.asarray(self.hands.crops[of_digit[self.rng.integers(len(of_digit))]], np.uint8)
        large = cv2.resize(crop, (height_px, height_px), interpolation=cv2.INTER_CUBIC)
        large = cv2.GaussianBlur(large, (0, 0), height_px / 50)
        return np.asarray((large > 127).view(np.uint8) * np.uint8(255))

    def _font(self, character: str) -> UInt8:
        while not (ink := self.fonts.draw(character, self.rng)).any():
            pass
        scale = self.rng.uniform(30, 160) / len(ink)
        return np.asarray(cv2.resize(ink, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))

    def _segments(self, lit: str, height_px: int) -> Float32:
        """Returns segments with cut corners and gaps, `<float32>[h, w]`, from the same draw for the same height."""
        rng = np.random.default_rng(height_px)
        thick, gap, slant = rng.uniform(0.1, 0.22), rng.uniform(0.0, 0.06), rng.choice((0.0, 0.1, 0.17))
        unit = height_px / 2.6
        ink = np.zeros((height_px, round(unit * 2)), np.float32)
        for (start, end), on in zip(_ENDS, lit, strict=True):
            if on == "1":
                corners = _segment(np.array(start, float), np.array(end, float), thick, gap + thick / 2)
                corners += 0.3
                corners[:, 0] += slant * (2.3 - corners[:, 1])
                cv2.fillPoly(ink, [np.round(corners * unit * 16).astype(np.int32)], 1.0, cv2.LINE_AA, 4)
        return ink

    def _display(self, lit: Float32, whole: Float32) -> Image:
        glass, light = self._two_levels()
        faint = self.rng.uniform(0, 0.12) if self.rng.random() < 0.5 else 0.0
        cover = np.maximum(lit, faint * whole)
        if self.rng.random() < 0.3:
            cover = np.maximum(cover, 0.5 * cv2.GaussianBlur(lit, (0, 0), len(lit) / 20))
        cover = cv2.copyMakeBorder(cover, *self._margins(len(lit), 0.2), cv2.BORDER_CONSTANT)
        return self._in_colours(np.asarray(cover * 255, np.uint8), (glass, light))

    def _two_levels(self) -> tuple[float, float]:
        """Returns the grey levels of ground and ink, which differ by 70 or more."""
        while abs((levels := self.rng.uniform(10, 250, 2))[0] - levels[1]) < 70:
            pass
        return float(levels[0]), float(levels[1])

    def _in_colours(self, ink: UInt8, levels: tuple[float, float]) -> Image:
        ink = cv2.copyMakeBorder(ink, *self._margins(len(ink), 0.25), cv2.BORDER_CONSTANT)
        ground, written = levels
        return self._seen(ground + (written - ground) * ink / np.float32(255))

    def _on_paper(self, cover: Float32) -> Image:
        cover = cv2.copyMakeBorder(cover, *self._margins(len(cover), 0.3), cv2.BORDER_CONSTANT)
        across = np.linspace(self.rng.uniform(0.75, 1), 1, cover.shape[1], dtype=np.float32)
        paper = self.rng.uniform(150, 240) * across[np.newaxis]
        return self._seen(paper * (1 - self.rng.uniform(0.35, 0.85) * cover))

    def _margins(self, size: int, share: float) -> tuple[int, int, int, int]:
        """Returns margins above, below, left and right around a part of a size, of up to `share` and half of it."""
        above, below, left, right = (2 + round(size * share * drawn) for drawn in self.rng.uniform(0.5, 1.5, 4))
        return above, below, left, right

    def _seen(self, grey: Float32) -> Image:
        """Returns a picture, turned a little and tinted, as a camera with little noise and some blur sees it."""
        height, width = grey.shape
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(self.rng.normal(0, 3)), 1.0)
        turned = cv2.warpAffine(grey, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
        soft = cv2.GaussianBlur(turned, (0, 0), self.rng.uniform(0.3, 0.5 + height / 150))
        tint = self.rng.uniform(0.8, 1, 3)
        noisy = soft[..., np.newaxis] * tint + self.rng.normal(0, self.rng.uniform(0.5, 5), (height, width, 3))
        return np.asarray(np.clip(noisy, 0, 255), np.uint8)


KINDS: Mapping[str, Callable[[DrawnPictures, int], Image]] = MappingProxyType({
    "thin pen": DrawnPictures.thin_pen, "scan": DrawnPictures.scan, "print": DrawnPictures.print,
    "segments": DrawnPictures.segments, "dots": DrawnPictures.dots, "counter": DrawnPictures.counter,
})  # fmt: skip


def _skeleton(strokes: UInt8) -> UInt8:
    """Returns the middle of strokes, one or two pixels wide (Serra, Image Analysis, 1982, chapter XI)."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    middle = np.zeros_like(strokes)
    while strokes.any():
        middle |= cv2.subtract(strokes, cv2.morphologyEx(strokes, cv2.MORPH_OPEN, cross))
        # What lies beyond the image would not be eroded.
        strokes = np.asarray(cv2.erode(strokes, cross, borderType=cv2.BORDER_CONSTANT, borderValue=0))
    return np.asarray(cv2.morphologyEx(middle, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))))


def _segment(start: Float32, end: Float32, thick: float, short: float) -> Float32:
    """Returns the six corners of a segment whose ends are pointed, shortened at both."""
    along = (end - start) / np.linalg.norm(end - start)
    across = along[::-1] * thick / 2
    start, end = start + along * short, end - along * short
    tip = along * thick / 2
    return np.array([start - tip, start + across, end + across, end + tip, end - across, start - across])


def _dots(rows: tuple[int, ...], pitch_px: int) -> Float32:
    ink = np.zeros((7 * pitch_px, 5 * pitch_px), np.float32)
    for y, row in enumerate(rows):
        for x in (x for x in range(5) if row >> (4 - x) & 1):
            middle = (round((x + 0.5) * pitch_px), round((y + 0.5) * pitch_px))
            cv2.circle(ink, middle, max(1, round(0.4 * pitch_px)), 1.0, -1, cv2.LINE_AA)
    return ink
