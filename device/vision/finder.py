"""Finds what could be digits in a photograph and brings each to the pixel contract.

Not recognition: it tells strokes from paper, ruled lines, blots and noise, but leaves it to the network whether they
are a digit. Digits that touch one another are not parted.

Source: connected components of locally thresholded ink, as surveyed in Jung, Kim, Jain, Text information extraction
in images and video, 2004. `device.vision.ink` is the thresholding, `device.vision.shapes` the components.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import Image
from .boxes import Box
from .normalise import crop_of
from .shapes import FRAME, SINGLE, Scene, Shape

# Fewer pixels across are no picture of a digit.
_MIN_SIDE_PX = 8
# A digit is at most so many times as wide as it is high, and at most so many times as high as it is wide.
_WIDEST, _NARROWEST = 1.6, 16
# By which a digit counts less for each edge of the picture that it reaches: what does is a neighbour, or a line.
_AT_EDGE = 0.2


@dataclass(frozen=True, eq=False)
class Candidate:
    """What could be a digit: where it stands, and its crop `<uint8>[28, 28]`."""

    box: Box
    crop: Image


@dataclass(frozen=True)
class Finder:
    """How digits are searched for.

    Attributes:
        min_contrast: by how many grey levels ink differs from its paper at least, in one of the colours.
        min_height: the least height of a digit in a frame, as a share of the frame's.
        min_height_alone: likewise where a picture shows one digit.
        frame_px: to about which longer side a frame is shrunk for the search; crops are cut from the frame itself.
        alone_px: likewise where a picture shows one digit.
    """

    min_contrast: int = 8
    min_height: float = 0.03
    min_height_alone: float = 0.2
    frame_px: int = 800
    alone_px: int = 96

    def __post_init__(self) -> None:
        if not 1 <= self.min_contrast <= 255:
            raise ValueError(f"Expected a least contrast of 1 to 255 grey levels. Received: {self.min_contrast}")
        for name, height in (("height", self.min_height), ("height alone", self.min_height_alone)):
            if not 0 < height <= 1:
                raise ValueError(f"Expected a least {name} above 0 and up to 1. Received: {height}")
        if min(self.frame_px, self.alone_px) < 32:
            raise ValueError(f"Expected at least 32 px to search in. Received: {self.frame_px}, {self.alone_px}")

    def find(self, image: Image) -> tuple[Candidate, ...]:
        """Returns every candidate in an image `<uint8>[h, w, 3]` (BGR) or `<uint8>[h, w]`, in reading order.

        What reaches the image's edge is none, being cut off there.

        Raises:
            ValueError: another shape or dtype.
        """
        if min(_checked(image).shape[:2]) < _MIN_SIDE_PX:
            return ()
        scene = Scene.of(image, self.frame_px, self.min_contrast, FRAME)
        shapes = [shape for is_dark in (True, False) for shape in scene.shapes(self.min_height, is_dark=is_dark)]
        whole = [shape for shape in shapes if not shape.edges and _has_proportions(shape)]
        return tuple(map(_candidate, _in_reading_order(_without_halos(whole))))

    def find_one(self, image: Image) -> Candidate | None:
        """Returns the digit in an image that shows one, as `find` takes it, or None where there is none.

        It may reach the image's edge, if nothing better is there. Raises as `find` does.
        """
        if min(_checked(image).shape[:2]) < _MIN_SIDE_PX:
            return None
        scene = Scene.of(image, self.alone_px, self.min_contrast, SINGLE)
        shapes = [
            shape for is_dark in scene.polarities() for shape in scene.shapes(self.min_height_alone, is_dark=is_dark)
        ]
        likely = [shape for shape in shapes if not shape.is_cut_bar]
        return _candidate(max(likely, key=_prominence)) if likely else None


def _checked(image: Image) -> Image:
    if image.dtype == np.uint8 and (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)):
        return image
    raise ValueError(
        f"Expected image <uint8>[h, w] or <uint8>[h, w, 3]. Received: shape={image.shape}, dtype={image.dtype}."
    )


def _candidate(shape: Shape) -> Candidate:
    crop = crop_of(shape.soft_ink())
    zoom = shape.pieces.scene.zoom
    left, top = int(shape.x / zoom), int(shape.y / zoom)
    right, bottom = round((shape.x + shape.width) / zoom), round((shape.y + shape.height) / zoom)
    return Candidate(Box(left, top, right - left, bottom - top), crop)


def _has_proportions(shape: Shape) -> bool:
    return shape.width <= _WIDEST * shape.height and shape.height <= _NARROWEST * shape.width


def _prominence(shape: Shape) -> float:
    """How much a shape is the one that a picture shows: much strong ink, in the middle, free of the edges."""
    height, width = shape.pieces.ink.shape
    x, y = shape.middle
    off_centre = max(abs(x / width - 0.5), abs(y / height - 0.5))
    return float(shape.strength * shape.area * (1 - off_centre) ** 2 * _AT_EDGE**shape.edges)


def _without_halos(shapes: list[Shape]) -> list[Shape]:
    """Sharpened edges and the paper inside loops look like strokes of the other polarity, but paler."""
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
    """Line by line: a line is what has its middle beside the line's topmost shape."""
    ordered: list[Shape] = []
    waiting = sorted(shapes, key=lambda shape: shape.y)
    while waiting:
        bottom = waiting[0].y + waiting[0].height
        ordered += sorted((shape for shape in waiting if shape.middle[1] < bottom), key=lambda shape: shape.x)
        waiting = [shape for shape in waiting if shape.middle[1] >= bottom]
    return ordered
