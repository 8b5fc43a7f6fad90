"""Frames, which are images with their origin and time, and the sources that give them."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone

from ..arrays import Image
from ..closing import Closing


def elapsed_ms(started: float) -> float:
    """Returns the milliseconds since a value of `time.perf_counter`."""
    return 1e3 * (time.perf_counter() - started)


@dataclass(frozen=True, eq=False)
class Frame:
    """An image from a source."""

    image: Image  # `<uint8>[h, w, 3]`, BGR
    number: int = 0  # its index in the source, counting frames that were dropped or could not be read
    source: str = ""  # the name of the image file or of the source
    # When it was captured, or read from a file, in UTC.
    time: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    position_s: float | None = None  # its time on the source's clock; None for a still image
    capture_ms: float = 0.0  # how long it took to capture and decode, including the wait for a camera

    @property
    def still(self) -> bool:
        """Whether this is a still image, not part of a video or a live source."""
        return self.position_s is None


class Source(Closing):
    """An iterable of frames, to be iterated once and closed at the end."""

    endless: bool = False  # whether it runs until it is stopped, as a camera does
    rate_hz: float | None = None  # frames per second, if known
    dropped: int = 0  # frames that were replaced by newer ones before they were read
    failed: int = 0  # frames that could not be read
    interruptions: int = 0  # times that a camera or stream could not be opened, or was lost

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """Yields the frames in order."""

    def close(self) -> None:
        """Releases what the source holds; by default nothing."""
