"""Brings a digit's ink to the pixel contract: MNIST's own normalisation, shared by device, training and gate.

Not segmentation: what is ink and what is paper is decided by whoever calls (`device.vision.finder`).

Source: LeCun, Bottou, Bengio, Haffner, Gradient-based learning applied to document recognition, 1998, section III.A.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..arrays import UInt8
from ..pixels import INK, SIDE

BOX = 20

# Below this share of the strongest ink a pixel is the foot of a soft edge, and does not count for the ink's extent.
_FOOT = 0.1


def crop_of(ink: UInt8) -> UInt8:
    """Returns the crop `<uint8>[28, 28]` of a digit's ink `<uint8>[h, w]`, strokes bright on background 0.

    The longer side of the ink is scaled to 20 pixels, anti-aliased, its contrast brought to 255, and its centre of
    mass put at the middle, as far as all of the ink stays inside.

    Raises:
        ValueError: another shape or dtype, or there is no ink.
    """
    if ink.ndim != 2 or ink.dtype != np.uint8:
        raise ValueError(f"Expected ink <uint8>[h, w]. Received: shape={ink.shape}, dtype={ink.dtype}.")
    peak = int(ink.max(initial=0))
    if not peak:
        raise ValueError(f"Expected ink above 0. Received: {ink.shape[0]} x {ink.shape[1]} pixels without")
    return _contrasted(_centred(_scaled(_trimmed(ink, _FOOT * peak))))


def _trimmed(ink: UInt8, foot: float) -> UInt8:
    x, y, width, height = cv2.boundingRect((ink > foot).view(np.uint8))
    return ink[y : y + height, x : x + width]


def _scaled(ink: UInt8) -> UInt8:
    height, width = ink.shape
    scale = BOX / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    scaled: UInt8 = cv2.resize(ink, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return scaled


def _contrasted(ink: UInt8) -> UInt8:
    # The median of the bright half: one glaring pixel does not set the contrast of all others.
    bright = ink[ink > int(ink.max()) // 2]
    contrasted: UInt8 = cv2.convertScaleAbs(ink, alpha=INK / float(np.median(bright)))
    return contrasted


def _centred(ink: UInt8) -> UInt8:
    height, width = ink.shape
    moments = cv2.moments(ink)
    x = _start(moments["m10"] / moments["m00"], width)
    y = _start(moments["m01"] / moments["m00"], height)
    crop = np.zeros((SIDE, SIDE), np.uint8)
    crop[y : y + height, x : x + width] = ink
    return crop


def _start(centre: float, length: int) -> int:
    # MNIST's own centres of mass lie within half a pixel of index 14, not of 13.5.
    return min(max(0, round(SIDE / 2 - centre)), SIDE - length)
