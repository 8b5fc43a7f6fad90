"""Watches a source: finds the digits in each frame and reads them one after another.

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

# A tolerance, because the times of video frames are rounded.
_CLOCK_S = 1e-3


@dataclass(frozen=True)
class WatchOptions:
    """How a source is watched.

    Attributes:
        finder: finds the digits in a frame.
        region: the region of interest in each frame; None for the whole frame.
        one: whether each frame, or its region, shows one digit.
        early_exit: whether to stop reading a digit once its answer is settled.
        interval_s: minimum time between two frames that are read, on the source's clock.
        max_frames: maximum number of frames to read; None for no limit.
        stable_frames: report a digit once it is seen in so many consecutive frames; None to report every reading.
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
            raise ValueError(f"Expected interval_s of 0 or more. Received: {self.interval_s}")
        for name, count in (("max_frames", self.max_frames), ("stable_frames", self.stable_frames)):
            if count is not None and count < 1:
                raise ValueError(f"Expected {name} of at least 1. Received: {count}")


@dataclass(frozen=True)
class Timings:
    """Milliseconds for capturing the frame, for finding all digits in it, and for reading this digit."""

    capture_ms: float
    crop_ms: float
    infer_ms: float


@dataclass(frozen=True, eq=False)
class DigitReading:
    """The reading of one candidate, or of a frame without candidates.

    Attributes:
        frame: the frame.
        box: the candidate's box in the frame; None without a candidate.
        crop: the model's input, `<uint8>[28, 28]`; None without a candidate.
        prediction: the model's prediction; None without a candidate.
        timings: how long it took.
    """

    frame: Frame
    box: Box | None
    crop: UInt8 | None
    prediction: Prediction | None
    timings: Timings

    @property
    def label(self) -> str | None:
        """The predicted digit; None without a candidate, or if the model rejects it."""
        return None if self.prediction is None else self.prediction.label


@dataclass(frozen=True, eq=False)
class Observation:
    """A frame, its readings, and those of them to report."""

    frame: Frame
    readings: tuple[DigitReading, ...]
    reported: tuple[DigitReading, ...]


class Watcher:
    """Observes frames one after another, and tracks their digits if `stable_frames` is set."""

    def __init__(self, runner: Runner, options: WatchOptions) -> None:
        self._runner = runner
        self._options = options
        self._tracker = None if options.stable_frames is None else Tracker(options.stable_frames)

    def observe(self, frame: Frame) -> Observation:
        """Finds and reads the digits in a frame; raises ValueError if the region reaches beyond it."""
        readings = self._readings(frame)
        if self._tracker is None:
            return Observation(frame, readings, readings)
        confirmed = self._tracker.update([(reading.label, reading.box) for reading in readings])
        return Observation(frame, readings, tuple(readings[index] for index in confirmed))

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
    """Yields the readings of the frames in reading order.

    A still image without candidates, or any frame without one if `options.one`, yields a reading without a box.

    Args:
        frames: a source or other frames; the caller closes it.
        runner: the model.
        options: how to watch; None for `WatchOptions()`.

    Raises:
        ValueError: the region reaches beyond a frame.
    """
    chosen = options or WatchOptions()
    watcher = Watcher(runner, chosen)
    for frame in due(frames, chosen):
        yield from watcher.observe(frame).reported


def due(frames: Iterable[Frame], options: WatchOptions) -> Iterator[Frame]:
    """Yields the frames to read by `interval_s` and `max_frames`; the interval does not apply to still images."""
    return islice(_spaced(frames, options.interval_s), options.max_frames)


def _spaced(frames: Iterable[Frame], interval_s: float) -> Iterator[Frame]:
    next_s = -math.inf
    for frame in frames:
        if frame.position_s is None:
            yield frame
        elif frame.position_s >= next_s:
            yield frame
            next_s = frame.position_s + interval_s - _CLOCK_S
