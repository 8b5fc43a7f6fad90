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

from ..arrays import Image


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
