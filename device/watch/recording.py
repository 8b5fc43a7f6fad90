"""Records the frames that were read, with boxes and labels, as an mp4 file with a constant frame rate.

Source: https://docs.opencv.org/4.x/dd/d9e/classcv_1_1VideoWriter.html.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2

from ..closing import Closing
from .overlay import annotated
from .watcher import Observation

_SUFFIX = ".mp4"
_CODEC = "mp4v"


class Recording(Closing):
    """Writes observations to a video of the first frame's size, `.<name>` until it is closed, when it is complete."""

    def __init__(self, path: Path, rate_hz: float) -> None:
        """Takes the file to write, in place of an existing one, for playback at `rate_hz` frames per second.

        Raises OSError if it cannot be written, and ValueError unless the name ends in .mp4 and the rate is above 0.
        """
        if path.suffix.lower() != _SUFFIX or not rate_hz > 0:
            raise ValueError(f"Expected a name that ends in {_SUFFIX}, and a rate above 0. Received: {path}, {rate_hz}")
        self._place = path
        self._path = path.with_name(f".{path.name}")
        self._path.open("wb").close()
        self._frames = 0
        self._rate_hz = rate_hz
        self._writer: Any = None
        self._size = (0, 0)
        self._closed = False

    def take(self, observation: Observation) -> None:
        """Adds an observation, scaled to the first one's size; raises OSError if the file cannot be written."""
        image = annotated(observation)
        size = (image.shape[1], image.shape[0])
        if self._writer is None:
            self._size = size
            codec = cv2.VideoWriter.fourcc(*_CODEC)
            self._writer = cv2.VideoWriter(str(self._path.absolute()), cv2.CAP_FFMPEG, codec, self._rate_hz, size)
            if not self._writer.isOpened():
                self._closed = True  # an earlier recording stays
                raise OSError(f"{self._place}: OpenCV cannot write a video of {size[0]} x {size[1]} pixels")
        self._writer.write(image if size == self._size else cv2.resize(image, self._size))
        self._frames += 1

    def close(self) -> None:
        """Completes the file, which is empty without frames; raises OSError if some frames were not written."""
        if self._closed:
            return
        self._closed = True
        if self._writer is not None:
            self._writer.release()
            self._require_all()
        self._path.replace(self._place)

    def _require_all(self) -> None:
        # Read back, because the writer does not report a full disk.
        written = cv2.VideoCapture(str(self._path.absolute()))
        frames = int(written.get(cv2.CAP_PROP_FRAME_COUNT)) if written.isOpened() else 0
        written.release()
        if frames < self._frames:
            received = f"Written: {frames:,}, in {self._path.name}"
            raise OSError(f"{self._place}: Expected a video of {self._frames:,} frames. {received}")
