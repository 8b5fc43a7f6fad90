"""A video file as a source: every frame in order, as fast as they are processed, with times on the video's own clock.

Source: https://docs.opencv.org/4.x/d8/dfe/classcv_1_1VideoCapture.html.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import cv2

from ..files.image_header import MAX_PIXELS
from ..vision.images import checked_frame
from .frames import Frame, Source, elapsed_ms

# Headers of complete videos are off by a few frames.
_MIN_COMPLETE = 0.95

log = logging.getLogger(__name__)


class VideoFile(Source):
    """Reads a video file; if frames are missing at its end, they are logged and counted as failed."""

    def __init__(self, path: Path) -> None:
        """Opens the file; raises OSError if it cannot be read, and ValueError if OpenCV does not read it as a video."""
        with path.open("rb") as file:
            head = file.read(1)
        self._path = path
        # OpenCV cannot mistake an absolute path for an address, an option or a camera. FFmpeg alone, because OpenCV's
        # own readers take numbered images for a video, in formats that are not checked.
        self._capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
        if not head or not self._capture.isOpened():
            size = f"{path.stat().st_size:,} bytes"
            raise ValueError(f"{path}: Expected a video or image that OpenCV can read. Received: {size}")
        width, height = (int(self._capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        if width * height > MAX_PIXELS:
            received = f"{width:,} x {height:,}"
            raise ValueError(f"{path}: Expected a video of at most {MAX_PIXELS:,} pixels. Received: {received}")
        self.rate_hz = self._capture.get(cv2.CAP_PROP_FPS) or None

    def __iter__(self) -> Iterator[Frame]:
        """Yields the frames, turned upright as the video's header says."""
        for number in count():
            started = time.perf_counter()
            there, image = self._capture.read()
            if not there:
                self._check_complete(number)
                return
            frame, position_s = checked_frame(image), self._position_s(number)
            yield Frame(frame, number, str(self._path), position_s=position_s, capture_ms=elapsed_ms(started))

    def close(self) -> None:
        self._capture.release()

    def _check_complete(self, frames: int) -> None:
        expected = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        if frames < _MIN_COMPLETE * expected:
            self.failed += expected - frames
            log.warning(f"{self._path}: the video ends after {frames:,} of {expected:,} frames")

    def _position_s(self, number: int) -> float:
        # Streams without a container have no times, so OpenCV gives 0 for every frame.
        return self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3 or number / (self.rate_hz or 25.0)
