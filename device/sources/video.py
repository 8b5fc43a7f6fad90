"""A video file as a source of frames: every one of them, in order, none dropped.

Not a player: it is read as fast as the frames are processed, and its clock is the video's own.

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

# Headers of whole videos miscount by a few frames.
_NEARLY_ALL = 0.95

log = logging.getLogger(__name__)


class VideoFile(Source):
    """Reads a video file; where it ends before its header says, a log line says so."""

    def __init__(self, path: Path) -> None:
        """Opens the file.

        Raises:
            ValueError: the file is no video that OpenCV can read.
            OSError: the file cannot be read.
        """
        with path.open("rb") as file:
            head = file.read(1)
        self._path = path
        # The absolute name is never taken for an address, an option or a camera.
        self._capture = cv2.VideoCapture(str(path.absolute()))
        if not head or not self._capture.isOpened():
            raise ValueError(
                f"{path}: Expected a video that OpenCV can read. Received: {path.stat().st_size:,} bytes that are none"
            )
        self.rate_hz = self._capture.get(cv2.CAP_PROP_FPS) or None

    def __iter__(self) -> Iterator[Frame]:
        """Yields the frames, turned as the video says."""
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
        if number < _NEARLY_ALL * expected:
            self.failed += expected - number
            log.warning(f"{self._path}: the video ends after {number:,} of {expected:,} frames")

    def close(self) -> None:
        """Closes the file."""
        self._capture.release()

    def _position_s(self, number: int) -> float:
        # Bare streams hold no times, and give 0 for every frame.
        return self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3 or number / (self.rate_hz or 25.0)
