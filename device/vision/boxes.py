"""Bounding boxes and their intersection over union.

Source: intersection over union, as in Everingham et al., The PASCAL Visual Object Classes Challenge, 2010, section 4.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Box:
    """A rectangle in an image, in pixels."""

    x: int
    y: int
    width: int
    height: int

    @property
    def area(self) -> int:
        return self.width * self.height

    def of(self, image: Array) -> Array:
        """Returns the part of an array `[h, w, ...]` in the box, as a view."""
        return image[self.y : self.y + self.height, self.x : self.x + self.width]

    def moved(self, x: int, y: int) -> Box:
        """Returns the box so many pixels further right and down."""
        return Box(self.x + x, self.y + y, self.width, self.height)


def common_area(one: Box, other: Box) -> int:
    """Returns how many pixels two boxes share."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    return max(0, width) * max(0, height)


def iou(one: Box, other: Box) -> float:
    """Returns the intersection over union of two boxes, 0..1; 0 if both are empty."""
    common = common_area(one, other)
    union = one.area + other.area - common
    return common / union if union else 0.0
