"""Shapes: groups of connected ink that could be a digit; `finder` chooses among them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from ..arrays import Image, Int32
from .grouping import owners_of
from .ink import Rules, background_of, contrast, strong_ink, typical, without_rules
from .scale import Scale

# Soft edges end below this fraction of a digit's strongest ink.
_FOOT = 0.15
# A shape that fills more of its box is a blot, except for a vertical stroke.
_MAX_FILL = 0.8
# A bar is thinner than this fraction of its length and fills more of its box; a one has a flag or a foot, or leans.
_BAR_ASPECT, _BAR_FILL = 0.4, 0.5
# A shape lower than this is cut from the full-resolution image, scaled to this height at most.
_FINE_PX = 72
_3_BY_3 = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, eq=False)
class Scene:
    """An image to search: as given, scaled by `zoom` to `small`, and the background at that size."""

    image: Image
    small: Image
    background: Image
    zoom: float
    min_contrast: int
    scale: Scale

    @classmethod
    def of(cls, image: Image, side_px: int, min_contrast: int, scale: Scale) -> Scene:
        """Returns the scene of an image `<uint8>[h, w, ...]`, shrunk to a longer side of about `side_px`."""
        # By a whole number, which is many times as fast.
        factor = max(1, round(max(image.shape[:2]) / side_px))
        size = [max(1, side // factor) for side in image.shape[1::-1]]
        small = image if factor == 1 else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        background = background_of(small, round(scale.background * max(size)), min_contrast)
        return cls(image, small, background, 1 / factor, min_contrast, scale)

    def ink(self, *, is_dark: bool) -> Image:
        """Returns the ink `<uint8>[h, w]` that is darker, or lighter, than the paper."""
        return _ink(self.small, self.background, is_dark=is_dark)

    def polarities(self) -> list[bool]:
        """Returns the likely values of `is_dark`: both, unless one has nearly all contrast in the image's middle."""
        height, width = self.small.shape[:2]
        middle = slice(height // 5, height - height // 5), slice(width // 5, width - width // 5)
        dark, light = (cv2.norm(self.ink(is_dark=is_dark)[middle], cv2.NORM_L2SQR) for is_dark in (True, False))
        return [is_dark for is_dark, own, other in ((True, dark, light), (False, light, dark)) if 4 * own >= other]

    def shapes(self, min_height: float, polarities: Iterable[bool]) -> list[Shape]:
        """Returns the dark, light or all shapes that reach a fraction of the image's height, without blots."""
        min_px = max(6, min_height * self.small.shape[0])
        shapes = (shape for is_dark in polarities for shape in Pieces.of(self, is_dark=is_dark).shapes())
        return [shape for shape in shapes if shape.height >= min_px and not shape.is_blot]


@dataclass(frozen=True, eq=False)
class Pieces:
    """The connected pieces of a scene's dark or light ink."""

    scene: Scene
    is_dark: bool
    ink: Image  # without ruled lines, `<uint8>[h, w]`
    labels: Int32  # the piece of each pixel, `<int32>[h, w]`
    stats: Int32  # OpenCV's statistics of each piece, `<int32>[n, 5]`
    owners: Int32  # the largest piece of the shape that each belongs to, or 0 for noise, `<int32>[n]`

    @classmethod
    def of(cls, scene: Scene, *, is_dark: bool) -> Pieces:
        ink, scale = scene.ink(is_dark=is_dark), scene.scale
        # Ink is half as strong at a stroke's edge.
        min_ink = max(scene.min_contrast / 2, scale.noise * typical(ink))
        nearby_px = round(scale.nearby * max(ink.shape))
        thickness_px = max(3, round(scale.rule_thickness * max(ink.shape)))
        rules = Rules(thickness_px, round(scale.rule * min(ink.shape)), to_edge=scale.rules_to_edge)
        if scale.rule and cv2.minMaxLoc(ink)[1] >= 2 * min_ink:
            ink = without_rules(ink, min_ink, nearby_px, rules)
        mask = strong_ink(ink, min_ink, nearby_px, scale.of_peak)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        is_ink = np.zeros(count, np.bool_)
        is_ink[labels[ink >= 2 * min_ink]] = True
        is_ink[0] = False  # the background
        return cls(scene, is_dark, ink, labels, stats, owners_of(stats, is_ink, ink.shape, scale))

    def shapes(self) -> Iterator[Shape]:
        """Yields the shapes that the pieces make."""
        pieces = np.flatnonzero(self.owners)
        owners = self.owners[pieces]
        for root in np.unique(owners):
            stats = self.stats[pieces[owners == root]]
            x, y = stats[:, :2].min(axis=0)
            right, bottom = (stats[:, :2] + stats[:, 2:4]).max(axis=0)
            area = int(stats[:, cv2.CC_STAT_AREA].sum())
            yield Shape(self, int(root), int(x), int(y), int(right - x), int(bottom - y), area)


@dataclass(frozen=True, eq=False)
class Shape:
    """Pieces that belong together, their box in the scene's small image, and how many pixels they cover."""

    pieces: Pieces
    root: int
    x: int
    y: int
    width: int
    height: int
    area: int

    @property
    def middle(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def edges(self) -> int:
        """How many edges of the image it reaches."""
        height, width = self.pieces.ink.shape
        return (self.x == 0) + (self.y == 0) + (self.x + self.width == width) + (self.y + self.height == height)

    @property
    def is_cut_bar(self) -> bool:
        """Whether it is a bar that reaches the image's edge, such as a line, or runs along it, such as a shadow."""
        if not self.edges or min(self.width, self.height) >= _BAR_ASPECT * max(self.width, self.height):
            return False
        height, width = self.pieces.ink.shape
        sides = (self.x == 0, self.x + self.width == width)
        if self.width > self.height:
            sides = (self.y == 0, self.y + self.height == height)
        return sides[0] != sides[1] or self.area > _BAR_FILL * self.width * self.height

    @property
    def is_blot(self) -> bool:
        return 2 * self.width > self.height and self.area > _MAX_FILL * self.width * self.height

    @property
    def strength(self) -> float:
        """The mean contrast of its ink, in grey levels."""
        window = self._window(0)
        return float(cv2.mean(self.pieces.ink[window], self._mask(window))[0])

    def soft_ink(self) -> Image:
        """Returns its ink alone with soft edges `<uint8>[h, w]`, cut at full resolution if the shape is small."""
        window, scene = self._window(2), self.pieces.scene
        if scene.zoom == 1 or self.height >= _FINE_PX:
            return _soft(self.pieces.ink[window], self._mask(window))
        ink = self._fine_ink(window)
        near = cv2.resize(cv2.dilate(self._mask(window), _3_BY_3), ink.shape[::-1], interpolation=cv2.INTER_NEAREST)
        return _soft(ink, near & (ink > scene.scale.of_peak * _peak(ink, near)))

    def _fine_ink(self, window: tuple[slice, slice]) -> Image:
        scene, (rows, columns) = self.pieces.scene, window
        fine = min(1 / scene.zoom, _FINE_PX / self.height)
        size = [round((span.stop - span.start) * fine) for span in (columns, rows)]
        given = scene.image[tuple(slice(round(s.start / scene.zoom), round(s.stop / scene.zoom)) for s in window)]
        patch = cv2.resize(given, size, interpolation=cv2.INTER_AREA)
        background = cv2.resize(scene.background[window], size, interpolation=cv2.INTER_LINEAR)
        return _ink(patch, background, is_dark=self.pieces.is_dark)

    def _mask(self, window: tuple[slice, slice]) -> Image:
        return np.asarray((self.pieces.owners[self.pieces.labels[window]] == self.root).view(np.uint8))

    def _window(self, margin_px: int) -> tuple[slice, slice]:
        height, width = self.pieces.ink.shape
        rows = slice(max(0, self.y - margin_px), min(height, self.y + self.height + margin_px))
        return rows, slice(max(0, self.x - margin_px), min(width, self.x + self.width + margin_px))


def _ink(image: Image, background: Image, *, is_dark: bool) -> Image:
    return contrast(background, image) if is_dark else contrast(image, background)


def _peak(ink: Image, mask: Image) -> float:
    return float(np.percentile(ink[mask != 0], 90))


def _soft(ink: Image, mask: Image) -> Image:
    peak = _peak(ink, mask)
    soft = cv2.convertScaleAbs(cv2.subtract(ink, _FOOT * peak), alpha=255 / peak)
    return np.asarray(cv2.multiply(soft, cv2.dilate(mask, _3_BY_3)), np.uint8)
