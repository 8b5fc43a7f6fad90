"""Finds digit candidates in a photograph and cuts each as a crop.

It separates strokes from paper, ruled lines, blots and noise; whether a stroke is a digit is for the network to say.
Digits that touch one another are not separated. Of each polarity the 500 largest pieces of ink are looked at, whatever
an image holds.

Source: connected components of locally thresholded ink, as surveyed in Jung, Kim, Jain, Text information extraction
in images and video, 2004. `ink` does the thresholding, `shapes` the components.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import Image
from .boxes import Box
from .normalise import crop_of
from .scale import FRAME, SINGLE
from .shapes import Scene, Shape

# An image with fewer pixels on a side is too small to show a digit.
_MIN_SIDE_PX = 8
_MAX_WIDTH_TO_HEIGHT, _MAX_HEIGHT_TO_WIDTH = 1.6, 16
# The weight of a shape for each image edge that it reaches: such a shape is usually a neighbour or a line.
_EDGE_WEIGHT = 0.2


@dataclass(frozen=True, eq=False)
class Candidate:
    """A possible digit: its box in the image, and its crop `<uint8>[28, 28]`."""

    box: Box
    crop: Image


@dataclass(frozen=True)
class Finder:
    """The search for digits, and its settings, of which `find_one` has its own height and side: those named `alone`.

    Attributes:
        min_contrast: minimum difference between ink and paper in any colour channel, in grey levels.
        min_height, min_height_alone: minimum height of a digit, as a fraction of the image's height.
        frame_px, alone_px: approximate longer side of the searched image; crops are cut at full resolution.
    """

    min_contrast: int = 8
    min_height: float = 0.03
    min_height_alone: float = 0.2
    frame_px: int = 800
    alone_px: int = 96

    def __post_init__(self) -> None:
        if not 1 <= self.min_contrast <= 255:
            raise ValueError(f"Expected min_contrast in 1..255. Received: {self.min_contrast}")
        if not (0 < self.min_height <= 1 and 0 < self.min_height_alone <= 1):
            received = f"{self.min_height}, {self.min_height_alone}"
            raise ValueError(f"Expected min_height and min_height_alone above 0, up to 1. Received: {received}")
        if min(self.frame_px, self.alone_px) < 32:
            received = f"{self.frame_px}, {self.alone_px}"
            raise ValueError(f"Expected frame_px and alone_px of at least 32. Received: {received}")

    def find(self, image: Image) -> tuple[Candidate, ...]:
        """Returns every candidate in an image `<uint8>[h, w, 3]` (BGR) or `<uint8>[h, w]`, in reading order.

        Shapes that reach the image's edge are left out, because they may be cut off. Raises ValueError for an image of
        another shape or dtype.
        """
        if min(_checked(image).shape[:2]) < _MIN_SIDE_PX:
            return ()
        scene = Scene.of(image, self.frame_px, self.min_contrast, FRAME)
        shapes = scene.shapes(self.min_height, (True, False))
        whole = [shape for shape in shapes if not shape.edges and _has_proportions(shape)]
        return tuple(map(_candidate, _in_reading_order(_without_halos(whole))))

    def find_one(self, image: Image) -> Candidate | None:
        """Returns the most prominent candidate in an image of one digit, or None if there is none.

        The candidate may reach the image's edge. Takes the same images as `find`, and raises the same errors.
        """
        if min(_checked(image).shape[:2]) < _MIN_SIDE_PX:
            return None
        scene = Scene.of(image, self.alone_px, self.min_contrast, SINGLE)
        shapes = scene.shapes(self.min_height_alone, scene.polarities())
        likely = [shape for shape in shapes if not shape.is_cut_bar]
        return _candidate(max(likely, key=_prominence)) if likely else None


def _checked(image: Image) -> Image:
    if image.dtype == np.uint8 and (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)):
        return image
    received = f"shape={image.shape}, dtype={image.dtype}."
    raise ValueError(f"Expected image <uint8>[h, w] or <uint8>[h, w, 3]. Received: {received}")


def _candidate(shape: Shape) -> Candidate:
    crop = crop_of(shape.soft_ink())
    zoom = shape.pieces.scene.zoom
    left, top = int(shape.x / zoom), int(shape.y / zoom)
    right, bottom = round((shape.x + shape.width) / zoom), round((shape.y + shape.height) / zoom)
    return Candidate(Box(left, top, right - left, bottom - top), crop)


def _has_proportions(shape: Shape) -> bool:
    return shape.width <= _MAX_WIDTH_TO_HEIGHT * shape.height and shape.height <= _MAX_HEIGHT_TO_WIDTH * shape.width


def _prominence(shape: Shape) -> float:
    """Returns a score that is high for much strong ink near the middle of the image and away from its edges."""
    height, width = shape.pieces.ink.shape
    x, y = shape.middle
    off_centre = max(abs(x / width - 0.5), abs(y / height - 0.5))
    return float(shape.strength * shape.area * (1 - off_centre) ** 2 * _EDGE_WEIGHT**shape.edges)


def _without_halos(shapes: list[Shape]) -> list[Shape]:
    # Sharpened edges and the paper inside loops look like strokes of the other polarity, but paler.
    kept: list[Shape] = []
    for shape in sorted(shapes, key=lambda shape: -shape.strength):
        others = (other for other in kept if other.pieces.is_dark != shape.pieces.is_dark)
        if not any(_touch(other, shape) for other in others):
            kept.append(shape)
    return kept


def _touch(one: Shape, other: Shape) -> bool:
    near = max(one.height, other.height) / 8
    (x, y), (other_x, other_y) = one.middle, other.middle
    return (
        abs(x - other_x) < (one.width + other.width) / 2 + near
        and abs(y - other_y) < (one.height + other.height) / 2 + near
    )


def _in_reading_order(shapes: list[Shape]) -> list[Shape]:
    """Orders shapes by text line; a line holds the shapes whose middle is above the bottom of its topmost shape."""
    ordered: list[Shape] = []
    waiting = sorted(shapes, key=lambda shape: shape.y)
    while waiting:
        bottom = waiting[0].y + waiting[0].height
        ordered += sorted((shape for shape in waiting if shape.middle[1] < bottom), key=lambda shape: shape.x)
        waiting = [shape for shape in waiting if shape.middle[1] >= bottom]
    return ordered
