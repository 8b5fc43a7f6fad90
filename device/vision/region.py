"""A region of interest in a frame: a rectangle, or a quadrilateral that is rectified.

Coordinates lie between pixels: (0, 0) is the frame's top left corner and (width, height) its bottom right one.

Source: Hartley, Zisserman, Multiple view geometry in computer vision, 2004, section 2.3 (removing the projective
distortion of a plane); OpenCV, `getPerspectiveTransform` and `warpPerspective`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..arrays import Float64, UInt8
from .boxes import Box

_FORMS = "a region x,y,width,height or x1,y1,x2,y2,x3,y3,x4,y4 in whole pixels"

# A tolerance for whole numbers computed in floating point.
_ROUNDING = 1e-3

Corner = tuple[int, int]


@dataclass(frozen=True)
class Region:
    """A convex quadrilateral in a frame: its corners (x, y), clockwise from the upright content's top left one."""

    corners: tuple[Corner, Corner, Corner, Corner]

    def __post_init__(self) -> None:
        if len(self.corners) != 4 or min(min(corner) for corner in self.corners) < 0:
            raise ValueError(f"Expected four corners at or above 0. Received: {self.corners}")
        if min(self._turns()) <= 0:
            raise ValueError(f"Expected the corners of a convex region, clockwise. Received: {self.corners}")

    @classmethod
    def parse(cls, text: str) -> Region:
        """Returns the region written as 'x,y,width,height' or 'x1,y1,x2,y2,x3,y3,x4,y4'; else raises ValueError."""
        if not re.fullmatch(r"\s*\d{1,6}\s*(,\s*\d{1,6}\s*){3}((,\s*\d{1,6}\s*){4})?", text, re.ASCII):
            raise ValueError(f"Expected {_FORMS}. Received: {text!r}")
        return cls.of([int(number) for number in text.split(",")])

    @classmethod
    def of(cls, numbers: Sequence[int]) -> Region:
        """Returns the region of x, y, width and height, or of x and y of four corners; else raises ValueError."""
        if len(numbers) == 8:
            first, second, third, fourth = zip(numbers[::2], numbers[1::2], strict=True)
            return cls((first, second, third, fourth))
        if len(numbers) != 4 or not all(isinstance(number, int) for number in numbers):
            raise ValueError(f"Expected {_FORMS}. Received: {[*numbers]}")
        x, y, width, height = numbers
        if not (width > 0 and height > 0):
            raise ValueError(f"Expected a region with a width and a height above 0. Received: {[*numbers]}")
        return cls(((x, y), (x + width, y), (x + width, y + height), (x, y + height)))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the upright region in pixels: of each two opposite sides, the longer one."""
        top, right, bottom, left = (math.dist(self.corners[i], self.corners[(i + 1) % 4]) for i in range(4))
        return max(1, round(max(top, bottom))), max(1, round(max(left, right)))

    def cut(self, image: UInt8) -> UInt8:
        """Returns the upright region `<uint8>[height, width, ...]` of an image `<uint8>[h, w, ...]`.

        Raises ValueError if the region reaches beyond the image.
        """
        height, width = image.shape[:2]
        if max(x for x, _ in self.corners) > width or max(y for _, y in self.corners) > height:
            raise ValueError(f"Expected a region inside {width} x {height} pixels. Received: corners {self.corners}")
        if self._is_upright:
            (left, top), (right, bottom) = self.corners[0], self.corners[2]
            return image[top:bottom, left:right]
        import cv2  # noqa: PLC0415  # the command line reads a region without it

        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        transform = self._upright_to_frame()
        return np.asarray(cv2.warpPerspective(image, transform, self.size, None, how, cv2.BORDER_REPLICATE), np.uint8)

    def box_in_frame(self, box: Box) -> Box:
        """Returns the bounding box, in frame coordinates, of a box in the upright region."""
        if self._is_upright:
            left, top = self.corners[0]
            return box.moved(left, top)
        import cv2  # noqa: PLC0415  # the command line reads a region without it

        right, bottom = box.x + box.width, box.y + box.height
        corners = np.array([[(box.x, box.y), (right, box.y), (right, bottom), (box.x, bottom)]], np.float64)
        # The transform maps pixel centres, half a pixel from the corners of pixels.
        mapped = cv2.perspectiveTransform(corners - 0.5, self._upright_to_frame())[0] + 0.5
        x, y = (max(0, math.floor(value + _ROUNDING)) for value in mapped.min(axis=0))
        right, bottom = (math.ceil(value - _ROUNDING) for value in mapped.max(axis=0))
        return Box(x, y, right - x, bottom - y)

    @property
    def _is_upright(self) -> bool:
        (left, top), _, (right, bottom), _ = self.corners
        is_level = self.corners == ((left, top), (right, top), (right, bottom), (left, bottom))
        # A rectangle turned by 180 degrees is level too.
        return is_level and left < right and top < bottom

    def _upright_to_frame(self) -> Float64:
        import cv2  # noqa: PLC0415  # the command line reads a region without it

        width, height = self.size
        upright = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
        in_frame = np.array(self.corners, np.float32)
        return np.asarray(cv2.getPerspectiveTransform(upright - np.float32(0.5), in_frame - np.float32(0.5)))

    def _turns(self) -> list[int]:
        # Twice the signed area at each corner; y points down, so clockwise is above 0.
        corners = self.corners
        threes = zip(corners, corners[1:] + corners[:1], corners[2:] + corners[:2], strict=True)
        return [(x1 - x0) * (y2 - y1) - (y1 - y0) * (x2 - x1) for (x0, y0), (x1, y1), (x2, y2) in threes]
