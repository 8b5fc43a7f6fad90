"""A folder of crops: for each candidate what the net saw, and the part of the frame that it came from."""

from __future__ import annotations

import os
from pathlib import Path

import cv2

from ..arrays import Image
from ..vision.boxes import Box
from .watcher import Observation

# How much of the frame is shown around a box, as a share of its longer side.
_MARGIN = 0.5


class CropDump:
    """Writes each observation's crops as PNG files, named by frame and candidate: `frame000012_00_crop.png` beside
    `frame000012_00_frame.png`.
    """

    def __init__(self, folder: Path) -> None:
        """Makes the folder where it is not there; raises OSError where it cannot be made, or written in."""
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(f"{folder}: Expected a folder that can be written in")
        self._folder = folder

    def take(self, observation: Observation) -> None:
        """Writes an observation's crops; raises OSError where they cannot be written."""
        found = ((reading.box, reading.crop) for reading in observation.readings)
        for index, (box, crop) in enumerate(found):
            if box is None or crop is None:
                continue
            name = f"frame{observation.frame.number:06}_{index:02}"
            _write_png(self._folder / f"{name}_crop.png", crop)
            _write_png(self._folder / f"{name}_frame.png", around(observation.frame.image, box))


def around(image: Image, box: Box) -> Image:
    """Returns the part `<uint8>[h, w, 3]` of an image around a box, with a margin of half its longer side."""
    margin = round(_MARGIN * max(box.width, box.height))
    top, left = max(0, box.y - margin), max(0, box.x - margin)
    return image[top : box.y + box.height + margin, left : box.x + box.width + margin]


def _write_png(path: Path, image: Image) -> None:
    # OpenCV's own writer would keep the reason of a failure to itself.
    _, encoded = cv2.imencode(".png", image)
    path.write_bytes(encoded.tobytes())
