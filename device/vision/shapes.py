"""Shapes: the pieces of ink in a picture that belong together, each with its soft ink.

Not yet candidates: which of them could be digits, and in which order, is decided by `device.vision.finder`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..arrays import Bools, Image, Int32
from .ink import Rules, background_of, contrast, standing_out, typical, without_rules

# Below this share of a digit's strongest ink its soft edges end.
_FOOT = 0.15
# Smaller pieces are noise: a share of the picture's height.
_MIN_PIECE = 0.01
# How many times as wide as high the parts of a digit may be together.
_WIDEST = 1.4
# What fills so much of its box, and is no mere upright stroke, is no stroke.
_BLOT = 0.8
# The thickness of a bar over its length, and how much of its box it fills: a one has a hat or a foot, or leans.
_BAR, _BAR_FILL = 0.4, 0.5
# A shape lower than this is looked at again in the picture as it was given, at this height.
_FINE_PX = 72
_AROUND = np.ones((3, 3), np.uint8)


@dataclass(frozen=True)
class Scale:
    """How large things are, as shares of the picture's longer side.

    Attributes:
        background: how far the paper's colour is averaged.
        nearby: how far ink makes paler ink beside it count for none.
        noise: how many times the median ink is, at least; twice that somewhere in each of its pieces.
        of_peak: the share of the strongest ink nearby that ink has; stubs of ruled lines have less than strokes.
        rule: the least length of a ruled line, of the shorter side.
        rule_thickness: its greatest thickness.
        rules_to_edge: whether only lines that run into the picture's edge are ruled ones.
        margin: what lies as near to the edge is no part of something else.
        gap: how far apart the parts of a digit may lie, as a share of its height.
        growth: how much higher the parts together may be than the higher one.
    """

    background: float
    nearby: float
    noise: float
    of_peak: float
    rule: float
    rule_thickness: float
    rules_to_edge: bool
    margin: float
    gap: float
    growth: float


# In a frame digits are small, lines long, and specks many; a picture of one digit shows neighbours and ends of lines at
# its edge, and of its pixels the digit itself has so many that the median is no longer that of noise alone.
FRAME = Scale(
    0.25, 0.1, 4, 0.4, rule=0.35, rule_thickness=0.0125, rules_to_edge=False, margin=0.0, gap=0.12, growth=1.75
)
SINGLE = Scale(
    1.0, 0.5, 2.5, 0.3, rule=0.5, rule_thickness=0.125, rules_to_edge=True, margin=0.03, gap=0.25, growth=2.5
)


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture, and how it is searched: shrunk by `zoom`, with its background at that size."""

    image: Image
    small: Image
    background: Image
    zoom: float
    min_contrast: int
    scale: Scale

    @classmethod
    def of(cls, image: Image, side_px: int, min_contrast: int, scale: Scale) -> Scene:
        """Returns the scene in which an image `<uint8>[h, w, ...]` is about `side_px` long or wide, if not smaller."""
        # By a whole number, since that is many times as fast.
        factor = max(1, round(max(image.shape[:2]) / side_px))
        size = [max(1, side // factor) for side in image.shape[1::-1]]
        small = image if factor == 1 else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        background = background_of(small, round(scale.background * max(size)), min_contrast)
        return cls(image, small, background, 1 / factor, min_contrast, scale)

    def ink(self, *, is_dark: bool) -> Image:
        """Returns the ink, darker or lighter than the paper, `<uint8>[h, w]`."""
        return _ink(self.small, self.background, is_dark=is_dark)

    def polarities(self) -> list[bool]:
        """Returns whether ink is dark: both, unless one has nearly all contrast in the middle of the picture."""
        height, width = self.small.shape[:2]
        middle = slice(height // 5, height - height // 5), slice(width // 5, width - width // 5)
        dark, light = (cv2.norm(self.ink(is_dark=is_dark)[middle], cv2.NORM_L2SQR) for is_dark in (True, False))
        return [is_dark for is_dark, own, other in ((True, dark, light), (False, light, dark)) if 4 * own >= other]

    def shapes(self, min_height: float, *, is_dark: bool) -> list[Shape]:
        """Returns the shapes of one polarity that are as high, as a share of the picture's height, and no blots."""
        pieces = Pieces.of(self, is_dark=is_dark)
        min_px = max(6, min_height * self.small.shape[0])
        shapes = (pieces.shape(int(root)) for root in np.unique(pieces.owners) if root)
        return [shape for shape in shapes if shape.height >= min_px and not shape.is_blot]


@dataclass(frozen=True, eq=False)
class Pieces:
    """The connected pieces of ink of one polarity.

    Attributes:
        scene: where they are.
        is_dark: whether they are darker than the paper.
        ink: the ink without ruled lines, `<uint8>[h, w]`.
        labels: whose piece each pixel is, `<int32>[h, w]`.
        stats: OpenCV's statistics of them, `<int32>[n, 5]`.
        owners: the piece that each is a part of, itself, or 0 where it is nothing, `<int32>[n]`.
    """

    scene: Scene
    is_dark: bool
    ink: Image
    labels: Int32
    stats: Int32
    owners: Int32

    @classmethod
    def of(cls, scene: Scene, *, is_dark: bool) -> Pieces:
        """Returns the pieces of a scene's dark or light ink."""
        ink, scale = scene.ink(is_dark=is_dark), scene.scale
        # Ink is half as strong at a stroke's edge.
        least = max(scene.min_contrast / 2, scale.noise * typical(ink))
        nearby_px = round(scale.nearby * max(ink.shape))
        thickness_px = max(3, round(scale.rule_thickness * max(ink.shape)))
        rules = Rules(thickness_px, round(scale.rule * min(ink.shape)), to_edge=scale.rules_to_edge)
        if cv2.minMaxLoc(ink)[1] >= 2 * least:
            ink = without_rules(ink, least, nearby_px, rules)
        mask = standing_out(ink, least, nearby_px, scale.of_peak)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        is_ink = np.zeros(count, np.bool_)
        is_ink[labels[ink >= 2 * least]] = True
        is_ink[0] = False  # the background
        return cls(scene, is_dark, ink, labels, stats, _owners(stats, is_ink, ink.shape, scale))

    def shape(self, root: int) -> Shape:
        """Returns the shape whose largest piece is `root`."""
        stats = self.stats[self.owners == root]
        x, y = stats[:, :2].min(axis=0)
        right, bottom = (stats[:, :2] + stats[:, 2:4]).max(axis=0)
        return Shape(self, root, int(x), int(y), int(right - x), int(bottom - y))


@dataclass(frozen=True, eq=False)
class Shape:
    """Pieces that belong together, and their box in the picture that is searched."""

    pieces: Pieces
    root: int
    x: int
    y: int
    width: int
    height: int

    @property
    def middle(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def area(self) -> int:
        return int(self.pieces.stats[self.pieces.owners == self.root, cv2.CC_STAT_AREA].sum())

    @property
    def edges(self) -> int:
        """How many edges of the picture it reaches."""
        height, width = self.pieces.ink.shape
        return (self.x == 0) + (self.y == 0) + (self.x + self.width == width) + (self.y + self.height == height)

    @property
    def is_cut_bar(self) -> bool:
        """Whether it is a bar that runs out of the picture: a post, a line, an edge of what lies behind."""
        is_slim = min(self.width, self.height) < _BAR * max(self.width, self.height)
        return self.edges > 0 and is_slim and self.area > _BAR_FILL * self.width * self.height

    @property
    def is_blot(self) -> bool:
        return 2 * self.width > self.height and self.area > _BLOT * self.width * self.height

    @property
    def strength(self) -> float:
        """The mean contrast of its ink, in grey levels."""
        window = self._window(0)
        return float(cv2.mean(self.pieces.ink[window], self._mask(window))[0])

    def soft_ink(self) -> Image:
        """Returns its ink alone with soft edges `<uint8>[h, w]`, from the picture as given where that shows more."""
        window, scene = self._window(2), self.pieces.scene
        if scene.zoom == 1 or self.height >= _FINE_PX:
            return _soft(self.pieces.ink[window], self._mask(window))
        ink = self._fine_ink(window)
        near = cv2.resize(cv2.dilate(self._mask(window), _AROUND), ink.shape[::-1], interpolation=cv2.INTER_NEAREST)
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
        mask: Image = (self.pieces.owners == self.root).view(np.uint8)[self.pieces.labels[window]]
        return mask

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
    own: Image = cv2.multiply(soft, cv2.dilate(mask, _AROUND))
    return own


def _owners(stats: Int32, is_ink: Bools, shape: tuple[int, ...], scale: Scale) -> Int32:
    """Of each piece, the largest one that it belongs to, or 0 where it is nothing."""
    x, y, w, h, area = stats.T
    height, width = shape
    margin = 1 + scale.margin * min(shape)
    edges = 1 * (x < margin) + (y < margin) + (x + w > width - margin) + (y + h > height - margin)
    owners = np.zeros(len(stats), np.int32)
    order = np.flatnonzero(is_ink & (np.maximum(w, h) >= max(3, _MIN_PIECE * height)))
    order = order[np.argsort(-area[order], kind="stable")]
    for place, piece in enumerate(order):
        larger = order[:place][edges[order[:place]] == edges[piece]]
        if edges[piece] == 0:
            fits = larger[_fit(stats[piece], stats[larger], scale)]
        elif edges[piece] == 1:
            fits = larger[_holds(stats[piece], stats[larger])]
        else:
            fits = larger[:0]
        owners[piece] = owners[fits[0]] if fits.size else piece
    return owners


def _holds(piece: Int32, larger: Int32) -> Bools:
    """Whether a piece lies in a larger one's box: at the picture's edge, the other side of a loop that is cut there."""
    start, size = larger[:, :2], larger[:, 2:4]
    holds: Bools = ((piece[:2] >= start) & (piece[:2] + piece[2:4] <= start + size)).all(axis=1)
    return holds


def _fit(piece: Int32, larger: Int32, scale: Scale) -> Bools:
    """Whether a piece makes one digit with a larger one: near it, and much lower than it, or above or beneath it."""
    start, size = larger[:, :2], larger[:, 2:4]
    overlap = np.minimum(piece[:2] + piece[2:4], start + size) - np.maximum(piece[:2], start)
    union = np.maximum(piece[:2] + piece[2:4], start + size) - np.minimum(piece[:2], start)
    high, low = np.maximum(piece[3], size[:, 1]), np.minimum(piece[3], size[:, 1])
    is_near = (overlap >= -scale.gap * high[:, np.newaxis]).all(axis=1)
    is_part = (low <= 0.6 * high) | (overlap[:, 0] >= 0.5 * np.minimum(piece[2], size[:, 0]))
    is_speck = (piece[4] < 0.04 * larger[:, 4]) | (piece[2:4].max() < 0.15 * high)
    is_digit = (union[:, 1] <= scale.growth * high) & (union[:, 0] <= _WIDEST * union[:, 1])
    fit: Bools = is_near & is_part & ~is_speck & is_digit
    return fit
