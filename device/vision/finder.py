"""Finds digit candidates in a photograph and cuts each as a crop.

It separates strokes from paper, ruled lines, blots and noise; whether a stroke is a digit is for the network to say.
Digits that touch one another are not separated. Of each polarity the 500 largest pieces of ink are looked at, whatever
an image holds.

Source: connected components of locally thresholded ink, as surveyed in Jung, Kim, Jain, Text information extraction
in images and video, 2004. `ink` does the thresholding, `shapes` the components.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import cv2
import numpy as np

from ..arrays import Image
from .boxes import Box, iou
from .normalise import crop_of
from .scale import FRAME, SINGLE, UNEVEN, UNRULED, Scale
from .shapes import Scene, Shape

# An image with fewer pixels on a side is too small to show a digit.
_MIN_SIDE_PX = 8
# Tiles overlap by this part of their side, which is as high as a digit can be that is found in tiles alone.
_TILES_OVERLAP = 5
# A candidate is known already if more of its box was found before.
_MAX_TAKEN = 0.5
_MAX_WIDTH_TO_HEIGHT, _MAX_HEIGHT_TO_WIDTH = 1.6, 16
# The weight of a shape for each image edge that it reaches: such a shape is usually a neighbour or a line.
_EDGE_WEIGHT = 0.2
# Candidates are the same if their boxes overlap by more, as intersection over union.
_SAME = 0.9


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
        min_height_px: minimum height of a digit in pixels in `find_small`.
        frame_px, alone_px: approximate longer side of the searched image; crops are cut at full resolution.
    """

    min_contrast: int = 8
    min_height: float = 0.03
    min_height_alone: float = 0.2
    min_height_px: int = 16
    frame_px: int = 800
    alone_px: int = 96

    def __post_init__(self) -> None:
        if not 1 <= self.min_contrast <= 255:
            raise ValueError(f"Expected min_contrast in 1..255. Received: {self.min_contrast}")
        if not (0 < self.min_height <= 1 and 0 < self.min_height_alone <= 1):
            received = f"{self.min_height}, {self.min_height_alone}"
            raise ValueError(f"Expected min_height and min_height_alone above 0, up to 1. Received: {received}")
        if self.min_height_px < 8:
            raise ValueError(f"Expected min_height_px of at least 8. Received: {self.min_height_px}")
        if min(self.frame_px, self.alone_px) < 32:
            received = f"{self.frame_px}, {self.alone_px}"
            raise ValueError(f"Expected frame_px and alone_px of at least 32. Received: {received}")

    def find(self, image: Image) -> tuple[Candidate, ...]:
        """Returns every candidate in an image `<uint8>[h, w, 3]` (BGR) or `<uint8>[h, w]`, in reading order.

        Shapes that reach the image's edge are left out, because they may be cut off. Raises ValueError for an image of
        another shape or dtype.
        """
        return tuple(_in_reading_order(self._found(_checked(image), self.min_height)))

    def find_small(self, image: Image) -> tuple[Candidate, ...]:
        """Returns what `find` returns, and lower digits, such as those of a page, which it searches in tiles.

        It looks at every pixel, so it takes as many times as long as the image is larger than `frame_px`. Takes the
        same images as `find`, and raises the same errors.
        """
        found = self._found(_checked(image), self.min_height)
        taken = np.zeros(image.shape[:2], np.bool_)
        for candidate in found:
            candidate.box.of(taken)[:] = True
        for top, left in product(*(_starts(length, self.frame_px) for length in taken.shape)):
            tile = image[top : top + self.frame_px, left : left + self.frame_px]
            for part in self._found(tile, min(1.0, self.min_height_px / tile.shape[0])):
                box = part.box.moved(left, top)
                if box.of(taken).mean() < _MAX_TAKEN:
                    box.of(taken)[:] = True
                    found.append(replace(part, box=box))
        return tuple(_in_reading_order(found))

    def find_one(self, image: Image) -> Candidate | None:
        """Returns the most prominent candidate in an image of one digit, or None if there is none.

        The candidate may reach the image's edge. Takes the same images as `find`, and raises the same errors.
        """
        return self._one(_checked(image), SINGLE)

    def alternatives(self, image: Image, found: Candidate | None) -> tuple[Candidate, ...]:
        """Returns what else than `found` could be the digit in an image of one, if its box is another.

        Light may fall off: it is searched again with paper that changes over half the image. A straight stroke may look
        like a ruled line: again without removing lines. A picture may be cut so tightly that a hole looks like ink on
        paper: again within a broader margin. Takes the same images as `find`, and raises the same errors.
        """
        if min(_checked(image).shape[:2]) < _MIN_SIDE_PX:
            return ()
        margin_px = max(image.shape[:2]) // 3
        broad = _with_margin(image, margin_px)
        within = [self._one(broad, SINGLE), self._one(broad, UNRULED)]
        moved = [each and replace(each, box=_cut(each.box.moved(-margin_px, -margin_px), image)) for each in within]
        known, others = [] if found is None else [found.box], []
        for candidate in (self._one(image, UNEVEN), self._one(image, UNRULED), *moved):
            if candidate is not None and all(iou(candidate.box, box) < _SAME for box in known):
                known.append(candidate.box)
                others.append(candidate)
        return tuple(others)

    def _one(self, image: Image, scale: Scale) -> Candidate | None:
        if min(image.shape[:2]) < _MIN_SIDE_PX:
            return None
        scene = Scene.of(image, self.alone_px, self.min_contrast, scale)
        shapes = scene.shapes(self.min_height_alone, scene.polarities())
        likely = [shape for shape in shapes if not shape.is_cut_bar]
        return _candidate(max(likely, key=_prominence)) if likely else None

    def _found(self, image: Image, min_height: float) -> list[Candidate]:
        if min(image.shape[:2]) < _MIN_SIDE_PX:
            return []
        scene = Scene.of(image, self.frame_px, self.min_contrast, FRAME)
        shapes = scene.shapes(min_height, (True, False))
        whole = [shape for shape in shapes if not shape.edges and _has_proportions(shape)]
        return [_candidate(shape) for shape in _without_halos(whole)]


def _with_margin(image: Image, margin_px: int) -> Image:
    """Returns an image with a margin in the median colour of its edge."""
    edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    colour = np.atleast_1d(np.median(edge, axis=0)).tolist()
    return np.asarray(cv2.copyMakeBorder(image, *(margin_px,) * 4, cv2.BORDER_CONSTANT, value=colour))


def _cut(box: Box, image: Image) -> Box:
    """Returns the part of a box that lies in an image."""
    height, width = image.shape[:2]
    left, top = min(max(box.x, 0), width), min(max(box.y, 0), height)
    right, bottom = (min(max(end, 0), side) for end, side in ((box.x + box.width, width), (box.y + box.height, height)))
    return Box(left, top, right - left, bottom - top)


def _starts(length: int, side: int) -> list[int]:
    """Returns where tiles start that overlap, so that each digit of a tile's size lies whole in one of them."""
    overlap = side // _TILES_OVERLAP
    return list(range(0, max(1, length - overlap), side - overlap))


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


def _in_reading_order(candidates: list[Candidate]) -> list[Candidate]:
    """Orders candidates by text line; a line holds those whose middle is above the bottom of its topmost one."""
    ordered: list[Candidate] = []
    waiting = sorted(candidates, key=lambda candidate: candidate.box.y)
    while waiting:
        bottom = waiting[0].box.y + waiting[0].box.height
        is_in_line = [2 * each.box.y + each.box.height < 2 * bottom for each in waiting]
        line = [each for each, inside in zip(waiting, is_in_line, strict=True) if inside]
        ordered += sorted(line, key=lambda candidate: candidate.box.x)
        waiting = [each for each, inside in zip(waiting, is_in_line, strict=True) if not inside]
    return ordered
