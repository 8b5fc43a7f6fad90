"""Digits drawn on paper for the documentation's examples, and the golden crops.

`python -m tests.support.drawings` writes both to their places.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import cv2
import numpy as np
import numpy.typing as npt

from device.vision.normalise import crop_of
from pipeline.data.calibration import GOLDEN_SHEET, write_sheet
from pipeline.synthesis.handwriting import write
from tests.support.checkout import ROOT
from tests.support.scenes import INK, blank

Stroke = Sequence[tuple[float, float]]

# Points of each digit's stroke, as shares of a square sheet's side.
STROKES: Mapping[str, Stroke] = MappingProxyType(
    {
        "2": (
            *((0.31, 0.33), (0.36, 0.25), (0.44, 0.2), (0.53, 0.19), (0.62, 0.22), (0.67, 0.29), (0.66, 0.37)),
            *((0.61, 0.46), (0.53, 0.56), (0.43, 0.66), (0.33, 0.75), (0.29, 0.79), (0.5, 0.79), (0.71, 0.79)),
        ),
        "4": (
            *((0.42, 0.18), (0.38, 0.34), (0.3, 0.55), (0.5, 0.54), (0.72, 0.53), (0.63, 0.53), (0.63, 0.3)),
            *((0.62, 0.56), (0.6, 0.82)),
        ),
        "7": ((0.3, 0.22), (0.5, 0.2), (0.71, 0.19), (0.63, 0.36), (0.54, 0.55), (0.45, 0.8)),
    }
)
SEVEN, NOTE = "7", "274"
_SIDE, _MARGIN = 140, 40
_STROKE_WIDTH = 10
_SUBPIXEL_BITS = 4


def drawing(digits: str) -> npt.NDArray[np.uint8]:
    """Returns a sheet `<uint8>[220, width, 3]` with digits written on it, lit from the left."""
    width, height = 2 * _MARGIN + _SIDE * len(digits), 2 * _MARGIN + _SIDE
    image = blank(width, height)
    for index, digit in enumerate(digits):
        corner = (_MARGIN + _SIDE * index, _MARGIN)
        points = np.rint((np.array(STROKES[digit]) * _SIDE + corner) * 2**_SUBPIXEL_BITS).astype(np.int32)
        cv2.polylines(image, [points], False, INK, _STROKE_WIDTH, cv2.LINE_AA, _SUBPIXEL_BITS)
    light = np.linspace(1.0, 0.72, width)[np.newaxis, :, np.newaxis]
    return np.rint(image * light).astype(np.uint8)


def golden_crops() -> npt.NDArray[np.uint8]:
    """Returns `<uint8>[16, 28, 28]`: the ten digits, noise, dots, a chequered and a slanting grey, white and blank."""
    rng = np.random.default_rng(7)
    written = [crop_of(write(digit, rng)) for digit in range(10)]
    y, x = np.mgrid[0:28, 0:28]
    noise, dots = rng.integers(0, 256, (28, 28)), 255 * (rng.random((28, 28)) < 0.1)
    chequered, slanting = np.rint(127.5 + 127.5 * np.sin(x / 1.3) * np.sin(y / 1.7)), np.rint((x + y) * 255 / 54)
    white, nothing = np.full((28, 28), 255), np.zeros((28, 28))
    return np.array([*written, noise, dots, chequered, slanting, white, nothing], np.uint8)


if __name__ == "__main__":
    write_sheet(golden_crops(), GOLDEN_SHEET)
    for name, digits in (("seven", SEVEN), ("note", NOTE)):
        cv2.imwrite(str(ROOT / "docs" / f"{name}.png"), drawing(digits), [cv2.IMWRITE_PNG_COMPRESSION, 9])
