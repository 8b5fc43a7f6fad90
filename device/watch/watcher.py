"""Watches a source: finds the digits in each frame and reads them, one after another, row by row.

Not the command line, and not a source: `watch` takes whatever gives frames and yields what they show.

>>> with Runner("models/rows2d") as runner, open_source("0") as source:
...     for reading in watch(source, runner, WatchOptions(stable_frames=3)):
...         print(reading.box, reading.label)
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from ..arrays import UInt8
from ..runner import Prediction, Runner
from ..sources.frames import Frame, elapsed_ms
from ..vision.boxes import Box
from ..vision.finder import Candidate, Finder
from ..vision.region import Region
from .tracker import Tracker

# To what the clocks of videos are rounded.
_CLOCK_S = 1e-3


@dataclass(frozen=True)
class WatchOptions:
    """How a source is watched.

    Attributes:
        finder: finds the digits in a frame.
        region: the part of a frame to look at; None is all of it.
        one: each frame, or the region of it, shows one digit.
        early_exit: read no further rows of a digit once the answer is settled.
        interval_s: the least time between two frames that are read, on the source's clock.
        max_frames: how many frames to read; None is all of them.
        stable_frames: report a digit once this many frames in a row agree on it; None reports whatever is read.
    """

    finder: Finder = field(default_factory=Finder)
    region: Region | None = None
    one: bool = False
    early_exit: bool = False
    interval_s: float = 0.0
    max_frames: int | None = None
    stable_frames: int | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.interval_s) and self.interval_s >= 0):
            raise ValueError(f"Expected an interval of 0 s or more. Received: {self.interval_s}")
        for name, count in (("max_frames", self.max_frames), ("stable_frames", self.stable_frames)):
            if count is not None and count < 1:
                raise ValueError(f"Expected {name} of at least 1. Received: {count}")


@dataclass(frozen=True)
class Timings:
    """Where the time went: getting the frame and finding the digits in it, once a frame; reading this digit."""

    capture_ms: float
    crop_ms: float
    infer_ms: float


@dataclass(frozen=True, eq=False)
class DigitReading:
    """What was read at one place of a frame.

    Attributes:
        frame: the frame.
        box: the place, in the frame's pixels; None where nothing was found.
        crop: the digit as the model saw it, `<uint8>[28, 28]`; None where nothing was found.
        prediction: what the model says of it; None where nothing was found.
        timings: how long it took.
    """

    frame: Frame
    box: Box | None
    crop: UInt8 | None
    prediction: Prediction | None
    timings: Timings

    @property
    def label(self) -> str | None:
        """The digit; None where nothing was found, or what was found is no digit."""
        return None if self.prediction is None else self.prediction.label


@dataclass(frozen=True, eq=False)
class Observation:
    """A frame, all that was read in it, and what of that is to be reported."""

    frame: Frame
    readings: tuple[DigitReading, ...]
    reported: tuple[DigitReading, ...]


class Watcher:
    """Observes one frame after another, and remembers of them what `stable_frames` needs."""

    def __init__(self, runner: Runner, options: WatchOptions) -> None:
        self._runner = runner
        self._options = options
        stable_frames = options.stable_frames
        self._appearances = None if stable_frames is None else Tracker(stable_frames)

    def observe(self, frame: Frame) -> Observation:
        """Finds and reads the digits of a frame; raises ValueError where the region does not lie in it."""
        readings = self._readings(frame)
        if self._appearances is None:
            return Observation(frame, readings, readings)
        places = [(reading.label, reading.box) for reading in readings]
        return Observation(frame, readings, tuple(readings[index] for index in self._appearances.new(places)))

    def _readings(self, frame: Frame) -> tuple[DigitReading, ...]:
        started = time.perf_counter()
        candidates = self._candidates(frame)
        crop_ms = elapsed_ms(started)
        if not candidates and (self._options.one or frame.still):
            return (DigitReading(frame, None, None, None, Timings(frame.capture_ms, crop_ms, 0.0)),)
        return tuple(self._reading(frame, candidate, crop_ms) for candidate in candidates)

    def _candidates(self, frame: Frame) -> tuple[Candidate, ...]:
        region, finder = self._options.region, self._options.finder
        image = frame.image if region is None else region.cut(frame.image)
        if not self._options.one:
            return finder.find(image)
        found = finder.find_one(image)
        return () if found is None else (found,)

    def _reading(self, frame: Frame, candidate: Candidate, crop_ms: float) -> DigitReading:
        region = self._options.region
        box = candidate.box if region is None else region.box_in_frame(candidate.box)
        started = time.perf_counter()
        prediction = self._runner.read(candidate.crop, early_exit=self._options.early_exit)
        timings = Timings(frame.capture_ms, crop_ms, elapsed_ms(started))
        return DigitReading(frame, box, candidate.crop, prediction, timings)


def watch(frames: Iterable[Frame], runner: Runner, options: WatchOptions | None = None) -> Iterator[DigitReading]:
    """Yields what the frames show, in reading order; a still image, or one with `one`, that shows nothing included.

    Args:
        frames: a source, or any frames; the caller closes it.
        runner: the model.
        options: how to watch; None is `WatchOptions()`.

    Raises:
        ValueError: the region does not lie in a frame.
    """
    chosen = options or WatchOptions()
    watcher = Watcher(runner, chosen)
    for frame in due(frames, chosen):
        yield from watcher.observe(frame).reported


def due(frames: Iterable[Frame], options: WatchOptions) -> Iterator[Frame]:
    """Yields the frames that the interval and the greatest number of frames let through; every still image is due."""
    return islice(_spaced(frames, options.interval_s), options.max_frames)


def _spaced(frames: Iterable[Frame], interval_s: float) -> Iterator[Frame]:
    next_s = -math.inf
    for frame in frames:
        if frame.position_s is None:
            yield frame
        elif frame.position_s >= next_s:
            yield frame
            next_s = frame.position_s + interval_s - _CLOCK_S
