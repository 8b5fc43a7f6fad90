"""An mp4 file of the frames that were read, with boxes and labels drawn in.

Not a copy of the source: it holds the frames that were read, at one rate, so what was left out is not seen in it.

Source: https://docs.opencv.org/4.x/dd/d9e/classcv_1_1VideoWriter.html.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import cv2

from .overlay import annotated
from .watcher import Observation

_SUFFIX = ".mp4"
_CODEC = "mp4v"


class Recording:
    """Writes observations into a file, of the first frame's size; it can be played once it is closed."""

    def __init__(self, path: Path, rate_hz: float) -> None:
        """Takes the file, to be made or replaced, and the frames a second at which it is to be played.

        Raises:
            ValueError: the name does not end in .mp4, or the rate is not above 0.
            OSError: the file cannot be written.
        """
        if path.suffix.lower() != _SUFFIX or not rate_hz > 0:
            raise ValueError(f"Expected a name that ends in {_SUFFIX}, and a rate above 0. Received: {path}, {rate_hz}")
        path.open("wb").close()
        self._path = path
        self._frames = 0
        self._rate_hz = rate_hz
        self._writer: Any = None
        self._size = (0, 0)

    def take(self, observation: Observation) -> None:
        """Adds an observation, scaled to the first one's size; raises OSError where the file cannot be written."""
        image = annotated(observation)
        size = (image.shape[1], image.shape[0])
        if self._writer is None:
            self._size = size
            codec = cv2.VideoWriter.fourcc(*_CODEC)
            self._writer = cv2.VideoWriter(str(self._path.absolute()), cv2.CAP_FFMPEG, codec, self._rate_hz, size)
            if not self._writer.isOpened():
                raise OSError(f"{self._path}: a video of {size[0]} x {size[1]} pixels cannot be written")
        self._writer.write(image if size == self._size else cv2.resize(image, self._size))
        self._frames += 1

    def close(self) -> None:
        """Completes the file, empty where no frame came; raises OSError where not all of it could be written."""
        if self._writer is None:
            return
        self._writer.release()
        self._writer = None
        # The writer does not tell of a disk that is full.
        written = cv2.VideoCapture(str(self._path.absolute()))
        frames = int(written.get(cv2.CAP_PROP_FRAME_COUNT)) if written.isOpened() else 0
        written.release()
        if frames < self._frames:
            raise OSError(f"{self._path}: Expected a video of {self._frames:,} frames. Written: {frames:,}")

    def __enter__(self) -> Recording:  # noqa: PYI034  # `Self` is in `typing` from Python 3.11 on
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
