"""A video file as a source: every frame in order, as fast as they are processed, with times on the video's own clock.

Source: https://docs.opencv.org/4.x/d8/dfe/classcv_1_1VideoCapture.html.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import cv2

from ..vision.images import checked_frame
from .frames import Frame, Source, elapsed_ms

# Headers of complete videos are off by a few frames.
_MIN_COMPLETE = 0.95

log = logging.getLogger(__name__)


class VideoFile(Source):
    """Reads a video file; if frames are missing at its end, they are logged and counted as failed."""

    def __init__(self, path: Path) -> None:
        """Opens the file.

        Raises:
            ValueError: OpenCV cannot read the file as a video.
            OSError: the file cannot be read.
        """
        with path.open("rb") as file:
            head = file.read(1)
        self._path = path
        # OpenCV cannot mistake an absolute path for an address, an option or a camera.
        self._capture = cv2.VideoCapture(str(path.absolute()))
        if not head or not self._capture.isOpened():
            raise ValueError(
                f"{path}: Expected a video or image that OpenCV can read. Received: {path.stat().st_size:,} bytes"
            )
        self.rate_hz = self._capture.get(cv2.CAP_PROP_FPS) or None

    def __iter__(self) -> Iterator[Frame]:
        """Yields the frames, turned upright as the video's header says."""
        number = 0
        started = time.perf_counter()
        while True:
            there, image = self._capture.read()
            if not there:
                break
            yield Frame(
                checked_frame(image),
                number,
                str(self._path),
                position_s=self._position_s(number),
                capture_ms=elapsed_ms(started),
            )
            number += 1
            started = time.perf_counter()
        expected = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        if number < _MIN_COMPLETE * expected:
            self.failed += expected - number
            log.warning(f"{self._path}: the video ends after {number:,} of {expected:,} frames")

    def close(self) -> None:
        """Closes the file."""
        self._capture.release()

    def _position_s(self, number: int) -> float:
        # Streams without a container have no times, so OpenCV gives 0 for every frame.
        return self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3 or number / (self.rate_hz or 25.0)
