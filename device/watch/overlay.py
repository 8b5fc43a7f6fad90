"""Draws the readings into a frame: a box for each candidate, and the digit above it."""

from __future__ import annotations

import cv2

from ..arrays import Image
from .watcher import DigitReading, Observation

# Blue, green, red.
_DIGIT = (0, 160, 0)
_NO_DIGIT = (128, 128, 128)
# The height of a frame over the thickness of the lines drawn in it.
_HEIGHT_TO_THICKNESS = 360


def annotated(observation: Observation) -> Image:
    """Returns a copy of the observation's frame `<uint8>[h, w, 3]` with boxes and labels."""
    image = observation.frame.image.copy()
    thickness = max(1, round(image.shape[0] / _HEIGHT_TO_THICKNESS))
    for reading in observation.readings:
        _draw(image, reading, thickness)
    return image


def _draw(image: Image, reading: DigitReading, thickness: int) -> None:
    box, label = reading.box, reading.label
    if box is None or reading.prediction is None:
        return
    colour = _NO_DIGIT if label is None else _DIGIT
    cv2.rectangle(image, (box.x, box.y, box.width, box.height), colour, thickness)
    if label is not None:
        text = f"{label} {100 * reading.prediction.probability:.0f}%"
        corner = (box.x, max(box.y - 2 * thickness, 12 * thickness))
        cv2.putText(image, text, corner, cv2.FONT_HERSHEY_SIMPLEX, 0.5 * thickness, colour, thickness, cv2.LINE_AA)
