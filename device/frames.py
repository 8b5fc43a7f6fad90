"""Frames: pictures with where and when they were taken, and what gives them.

Not image processing: `checked_frame` brings an array to the one form that everything after it takes, and changes
nothing in the picture.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from types import TracebackType

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

_DEEPEST = 65_535


def now() -> datetime:
    """Returns the time in UTC."""
    return datetime.now(timezone.utc)


def elapsed_ms(started: float) -> float:
    """Returns the milliseconds since `started`, a reading of `time.perf_counter`."""
    return 1e3 * (time.perf_counter() - started)


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture that a source gave.

    Attributes:
        image: `<uint8>[h, w, 3]`, blue, green, red, as `checked_frame` returns it.
        number: its place in the source, from 0, those that were dropped or could not be read counted.
        source: the image file's name, or the source's.
        time: when it was captured, or read from a file, in UTC.
        position_s: where it stands on the source's own clock, in seconds; None for a still image.
        capture_ms: from asking for it to having it decoded, waiting for a camera included.
    """

    image: Image
    number: int = 0
    source: str = ""
    time: datetime = field(default_factory=now)
    position_s: float | None = None
    capture_ms: float = 0.0

    @property
    def still(self) -> bool:
        """Whether this is a picture by itself, and not one of a sequence in time."""
        return self.position_s is None


class Source(ABC):
    """Gives frames: iterated once, closed at the end.

    Attributes:
        endless: whether it goes on until it is told to stop, as a camera does.
        rate_hz: frames a second, where that is known.
        dropped: frames that came and were replaced by newer ones before anybody took them.
        failed: frames that could not be read.
    """

    endless: bool = False
    rate_hz: float | None = None
    dropped: int = 0
    failed: int = 0

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """Yields the frames in order."""

    def close(self) -> None:  # noqa: B027  # not every source holds something
        """Lets go of what the source holds."""

    def __enter__(self) -> Source:  # noqa: PYI034  # `Self` is in `typing` from Python 3.11 on
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def checked_frame(array: object) -> Image:
    """Returns an array as a frame's image `<uint8>[h, w, 3]`, blue, green, red.

    Takes `[h, w]` or `[h, w, 1]` grey, `[h, w, 3]` BGR, and `[h, w, 4]` BGR with alpha, laid on white; an alpha of
    nought everywhere is padding, and dropped. The values are uint8, uint16 over its full range, or floats in 0..1.

    Raises:
        ValueError: another type, shape or dtype, no pixels, or floats that are no numbers or outside 0..1.
    """
    if not isinstance(array, np.ndarray):
        raise ValueError(f"Expected a frame, an array [h, w, 3]. Received: {type(array).__name__}")
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.ndim not in (2, 3) or channels not in (1, 3, 4) or not array.size:
        raise ValueError(
            f"Expected a frame [h, w], [h, w, 1], [h, w, 3] or [h, w, 4] of at least one pixel. "
            f"Received: shape={array.shape}, dtype={array.dtype}."
        )
    image = _eight_bits(np.ascontiguousarray(array))
    if channels == 1:
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
    return image if channels == 3 else _on_white(image)


def _eight_bits(array: npt.NDArray[np.generic]) -> Image:
    if array.dtype == np.uint8:
        return np.asarray(array, np.uint8)
    if array.dtype == np.uint16:
        return np.asarray(cv2.convertScaleAbs(array, alpha=255 / _DEEPEST), np.uint8).reshape(array.shape)
    if not np.issubdtype(array.dtype, np.floating):
        raise ValueError(f"Expected a frame of uint8, uint16, or floats in 0..1. Received: dtype={array.dtype}.")
    lowest, highest = array.min(), array.max()  # either is NaN where any value is
    if not (lowest >= 0 and highest <= 1):
        raise ValueError(f"Expected a frame's floats in 0..1. Received: {lowest:g}..{highest:g}")
    return np.asarray(np.rint(array.astype(np.float32) * 255), np.uint8)


def _on_white(image: Image) -> Image:
    colours, alpha = image[..., :3], image[..., 3:]
    if not alpha.any():
        return np.ascontiguousarray(colours)
    weight = alpha.astype(np.uint16)
    return np.asarray((colours * weight + 255 * (255 - weight) + 127) // 255, np.uint8)
