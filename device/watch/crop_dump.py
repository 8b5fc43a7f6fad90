"""Writes the crop of each candidate, and the part of the frame around it, to a folder for each run."""

from __future__ import annotations

from pathlib import Path

import cv2

from ..arrays import Image
from ..vision.boxes import Box
from ..whole_file import write_whole
from .watcher import Observation

# The margin around a box in the frame, as a fraction of the box's longer side.
_MARGIN = 0.5


class CropDump:
    """Writes PNG files named by frame and candidate, such as `run0001/frame000012_00_crop.png` and `…_frame.png`.

    Each run writes to a numbered `folder` of its own, so that no earlier crops are overwritten.
    """

    def __init__(self, parent: Path) -> None:
        """Makes this run's folder in `parent`, which is made if missing; raises OSError if that fails."""
        parent.mkdir(parents=True, exist_ok=True)
        numbers = [int(path.name[3:]) for path in parent.glob("run[0-9]*") if path.name[3:].isdecimal()]
        self.folder = parent / f"run{max(numbers, default=0) + 1:04}"
        self.folder.mkdir()

    def take(self, observation: Observation) -> None:
        """Writes an observation's crops; raises OSError if a file cannot be written."""
        found = ((reading.box, reading.crop) for reading in observation.readings)
        for index, (box, crop) in enumerate(found):
            if box is None or crop is None:
                continue
            name = f"frame{observation.frame.number:06}_{index:02}"
            write_png(self.folder / f"{name}_crop.png", crop)
            write_png(self.folder / f"{name}_frame.png", around(observation.frame.image, box))


def around(image: Image, box: Box) -> Image:
    """Returns the part `<uint8>[h, w, 3]` of an image around a box, with a margin of half its longer side."""
    margin = round(_MARGIN * max(box.width, box.height))
    top, left = max(0, box.y - margin), max(0, box.x - margin)
    return image[top : box.y + box.height + margin, left : box.x + box.width + margin]


def write_png(path: Path, image: Image) -> None:
    """Writes an image as a PNG file; raises OSError if it cannot be written."""
    # OpenCV's own writer does not report why it failed.
    _, encoded = cv2.imencode(".png", image)
    write_whole(path, encoded.tobytes())
