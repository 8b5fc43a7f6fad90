"""The newest state of a watched source, for whoever looks.

Not a queue: the thread that watches leaves each state behind and goes on; those who look take the newest, and what
nobody looked at is gone. Neither ever waits for the other.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from ..sources.frames import Source
from ..watch.watcher import Observation

_RATE_OVER_S = 1.0


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A watched source at one moment.

    Attributes:
        sequence: how many states there were before; 0 before the first frame.
        observation: the last frame, and what was read in it; None before the first.
        frames: how many frames were read.
        candidates: how many places in them could have been digits.
        rejected: how many of those are none, as the model has it.
        dropped: how many frames were replaced by newer ones before they were read.
        rate_hz: frames read in a second, by the last whole second; 0 before there was one, and at the end.
        ended: whether the source has ended.
    """

    sequence: int = 0
    observation: Observation | None = None
    frames: int = 0
    candidates: int = 0
    rejected: int = 0
    dropped: int = 0
    rate_hz: float = 0.0
    ended: bool = False


class Live:
    """Holds a source's newest state: one thread leaves it, any thread looks."""

    def __init__(self, source: Source) -> None:
        self._source = source
        # Replaced as a whole, which Python does at once: no lock is needed.
        self._newest = Snapshot()
        self._since = time.monotonic()
        self._frames_before = 0

    @property
    def newest(self) -> Snapshot:
        return self._newest

    def take(self, observation: Observation) -> None:
        """Makes an observation the newest state."""
        before = self._newest
        labels = [reading.label for reading in observation.readings if reading.box is not None]
        self._newest = Snapshot(
            sequence=before.sequence + 1,
            observation=observation,
            frames=before.frames + 1,
            candidates=before.candidates + len(labels),
            rejected=before.rejected + labels.count(None),
            dropped=self._source.dropped,
            rate_hz=self._rate_hz(before),
        )

    def end(self) -> None:
        """Says that the source has ended; the last picture stays."""
        before = self._newest
        self._newest = replace(before, sequence=before.sequence + 1, rate_hz=0.0, ended=True)

    def _rate_hz(self, before: Snapshot) -> float:
        elapsed_s = time.monotonic() - self._since
        if elapsed_s < _RATE_OVER_S:
            return before.rate_hz
        frames = before.frames + 1
        rate_hz = (frames - self._frames_before) / elapsed_s
        self._since += elapsed_s
        self._frames_before = frames
        return rate_hz
