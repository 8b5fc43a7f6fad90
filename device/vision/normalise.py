"""Normalises a digit's ink to a 28 x 28 crop as MNIST does; the device, training and the gate share this code.

MNIST's pens are broad. A thin pen's strokes, which a sharp picture shows as thin as they are, get a minimum thickness.

Sources: LeCun, Bottou, Bengio, Haffner, Gradient-based learning applied to document recognition, 1998, section III.A;
for the thickness, the length of a shape's outline as its total variation: Rudin, Osher, Fatemi, 1992.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..arrays import UInt8
from ..pixels import INK, SIDE

BOX = 20

# Pixels below this fraction of the strongest ink are soft edges and do not count for the extent.
_FOOT = 0.1
# Of MNIST's digits 90 % have strokes at least as thick.
MIN_STROKE_PX = 1.8
_BLURS_PX = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2)


def crop_of(ink: UInt8) -> UInt8:
    """Returns the crop `<uint8>[28, 28]` of a digit's ink `<uint8>[h, w]`, strokes bright on background 0.

    Scales the longer side of the ink to 20 pixels with anti-aliasing, stretches the contrast to 255, centres the ink by
    its centre of mass, as far as it fits, and broadens strokes thinner than `MIN_STROKE_PX`. Raises ValueError for
    another shape or dtype, or ink of 0 everywhere.
    """
    if ink.ndim != 2 or ink.dtype != np.uint8:
        raise ValueError(f"Expected ink <uint8>[h, w]. Received: shape={ink.shape}, dtype={ink.dtype}.")
    peak = int(ink.max(initial=0))
    if not peak:
        raise ValueError(f"Expected ink above 0. Received: {ink.shape[0]} x {ink.shape[1]} pixels of 0")
    return _broadened(_contrasted(_centred(_scaled(_trimmed(ink, _FOOT * peak)))))


def stroke_px(crop: UInt8) -> float:
    """Returns the mean thickness of the strokes of a crop `<uint8>[28, 28]`, in pixels; 0 without ink.

    It is twice the ink over the length of its outline.
    """
    levels = crop.astype(np.float32)
    outline = float(np.hypot(levels[:-1, 1:] - levels[:-1, :-1], levels[1:, :-1] - levels[:-1, :-1]).sum())
    return 2 * float(levels.sum()) / outline if outline else 0.0


def _broadened(crop: UInt8) -> UInt8:
    broad = crop
    for blur_px in _BLURS_PX:
        if stroke_px(broad) >= MIN_STROKE_PX:
            break
        broad = _contrasted(np.asarray(cv2.GaussianBlur(crop, (0, 0), blur_px), np.uint8))
    return broad


def _trimmed(ink: UInt8, foot: float) -> UInt8:
    x, y, width, height = cv2.boundingRect((ink > foot).view(np.uint8))
    return ink[y : y + height, x : x + width]


def _scaled(ink: UInt8) -> UInt8:
    height, width = ink.shape
    scale = BOX / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(ink, size, interpolation=how), np.uint8)


def _contrasted(ink: UInt8) -> UInt8:
    # The median of the bright half, so that a single outlier does not set the contrast.
    bright = ink[ink > int(ink.max()) // 2]
    return np.asarray(cv2.convertScaleAbs(ink, alpha=INK / float(np.median(bright))), np.uint8)


def _centred(ink: UInt8) -> UInt8:
    height, width = ink.shape
    moments = cv2.moments(ink)
    x = _start(moments["m10"] / moments["m00"], width)
    y = _start(moments["m01"] / moments["m00"], height)
    crop = np.zeros((SIDE, SIDE), np.uint8)
    crop[y : y + height, x : x + width] = ink
    return crop


def _start(centre: float, length: int) -> int:
    # MNIST's centres of mass lie within half a pixel of index 14, not of 13.5.
    return min(max(0, round(SIDE / 2 - centre)), SIDE - length)
