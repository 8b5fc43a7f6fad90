"""Bounding boxes, and how much two of them overlap.

Source: intersection over union, as in Everingham et al., The PASCAL Visual Object Classes Challenge, 2010, section 4.2.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Box:
    """A rectangle of an image, in its pixels."""

    x: int
    y: int
    width: int
    height: int


def iou(one: Box, other: Box) -> float:
    """Returns the area that two boxes share over the area that they cover, 0..1."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    shared = max(0, width) * max(0, height)
    covered = one.width * one.height + other.width * other.height - shared
    return shared / covered if covered else 0.0
