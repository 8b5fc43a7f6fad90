"""Snapshots of a watched source: the watching thread replaces the latest one, other threads read it, none waits."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..sources.frames import Source
from ..watch.watcher import NumberReading, Observation

_RATE_OVER_S = 1.0


@dataclass(frozen=True)
class FieldCount:
    """The readings of a field so far: the last good value, how many were read, unsure, or failed a check."""

    last_good: float | None = None
    readings: int = 0
    unsure: int = 0
    failed: int = 0

    def with_reading(self, reading: NumberReading) -> FieldCount:
        """Returns the counts with one more reading."""
        value = reading.number.value
        is_good = value is not None and not reading.failed
        return FieldCount(
            last_good=value if is_good else self.last_good,
            readings=self.readings + 1,
            unsure=self.unsure + (value is None),
            failed=self.failed + bool(reading.failed),
        )


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A watched source at one moment: the counts of `messages.State`, and the last observation, if any."""

    sequence: int = 0
    observation: Observation | None = None
    frames: int = 0
    candidates: int = 0
    rejected: int = 0
    dropped: int = 0
    failed: int = 0
    interruptions: int = 0
    latency_ms: float = 0.0  # of all frames together
    taken_s: float = 0.0  # by `time.monotonic`; 0 before the first frame
    rate_hz: float = 0.0  # over about the last second; 0 in the first second and at the end
    ended: bool = False
    fields: Mapping[str, FieldCount] = field(default_factory=dict)


class Snapshots:
    """Holds the latest snapshot of a source."""

    def __init__(self, source: Source) -> None:
        self._source = source
        # Assignment is atomic, so no lock is needed.
        self.latest = Snapshot()
        self._since = time.monotonic()
        self._frames_before = 0

    def take(self, observation: Observation) -> None:
        """Makes a snapshot of an observation."""
        before = self.latest
        labels = [reading.label for reading in observation.readings if reading.box is not None]
        self.latest = Snapshot(
            sequence=before.sequence + 1,
            observation=observation,
            frames=before.frames + 1,
            candidates=before.candidates + len(labels),
            rejected=before.rejected + labels.count(None),
            dropped=self._source.dropped,
            latency_ms=before.latency_ms + observation.latency_ms,
            taken_s=time.monotonic(),
            rate_hz=self._rate_hz(before),
            fields={**before.fields, **_counted(before.fields, observation.numbers)},
        )

    @property
    def current(self) -> Snapshot:
        """The latest snapshot, with what its source counts while no frame comes."""
        source = self._source
        return replace(self.latest, dropped=source.dropped, failed=source.failed, interruptions=source.interruptions)

    def end(self) -> None:
        """Makes a snapshot that says that the source has ended, with the last observation."""
        before = self.latest
        self.latest = replace(before, sequence=before.sequence + 1, rate_hz=0.0, ended=True)

    def _rate_hz(self, before: Snapshot) -> float:
        elapsed_s = time.monotonic() - self._since
        if elapsed_s < _RATE_OVER_S:
            return before.rate_hz
        frames = before.frames + 1
        rate_hz = (frames - self._frames_before) / elapsed_s
        self._since += elapsed_s
        self._frames_before = frames
        return rate_hz


def _counted(before: Mapping[str, FieldCount], numbers: Sequence[NumberReading]) -> dict[str, FieldCount]:
    named = [(reading.field.name, reading) for reading in numbers if reading.field is not None]
    return {name: before.get(name, FieldCount()).with_reading(reading) for name, reading in named}
