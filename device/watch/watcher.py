"""Watches a source: finds the digits in each frame and reads them one after another.

>>> with Runner("models/rows2d") as runner, open_source("0") as source:
...     for reading in watch(source, runner, WatchOptions(stable_frames=3)):
...         print(reading.box, reading.label)
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from types import MappingProxyType

import cv2
import numpy as np

from ..arrays import Image, UInt8
from ..inputs import InputForm, is_digits
from ..predictions import Prediction
from ..runner import Runner
from ..sources.frames import Frame, elapsed_ms
from ..vision.boxes import Box
from ..vision.finder import Candidate, Finder
from ..vision.whole_image import as_input
from .options import WatchOptions
from .tracker import Tracker

# A tolerance, because the times of video frames are rounded.
_CLOCK_S = 1e-3
# By degrees clockwise.
_TURNS = MappingProxyType({90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE})


@dataclass(frozen=True)
class Timings:
    """Milliseconds for capturing the frame, for finding all digits in it, and for reading this digit."""

    capture_ms: float
    crop_ms: float
    infer_ms: float


@dataclass(frozen=True, eq=False)
class DigitReading:
    """The reading of one candidate, or of a frame without candidates, which has no box, crop or prediction.

    `box` is in the frame, and `crop` is the model's input, `<uint8>[28, 28]` of a model of digits.
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
    """Observes frames one after another, and tracks their digits if `stable_frames` is set.

    A model of other images reads each frame, or its region, as a whole.
    """

    def __init__(self, runner: Runner, options: WatchOptions) -> None:
        """Raises ValueError for a model whose answer is not one class of an image."""
        _check_kind(runner)
        self._form = None if is_digits(runner.manifest) else InputForm(runner.manifest)
        self._runner = runner
        self._options = options
        self._finder = options.finder or Finder()
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
        region = self._options.region
        image = frame.image if region is None else region.cut(frame.image)
        if self._form is not None:
            return (_whole(image, self._form),)
        if not self._options.one:
            # A still picture is read once, so it may take longer.
            return self._finder.find_small(image) if frame.still else self._finder.find(image)
        found = self._finder.find_one(image)
        return () if found is None else (found,)

    def _reading(self, frame: Frame, candidate: Candidate, crop_ms: float) -> DigitReading:
        region = self._options.region
        box = candidate.box if region is None else region.box_in_frame(candidate.box)
        started = time.perf_counter()
        prediction = self._runner.read(candidate.crop, early_exit=self._options.early_exit)
        timings = Timings(frame.capture_ms, crop_ms, elapsed_ms(started))
        return DigitReading(frame, box, candidate.crop, prediction, timings)


def _check_kind(runner: Runner) -> None:
    form, output = InputForm(runner.manifest), runner.manifest.output
    if not form.is_image or output.kind != "classes" or output.per_step or runner.manifest.continuous:
        received = f"{form.one} with {'steps of ' * output.per_step}{output.kind}"
        raise ValueError(f"Expected a model that gives an image one of its classes. Received: {received}")


def _whole(image: Image, form: InputForm) -> Candidate:
    height, width = image.shape[:2]
    return Candidate(Box(0, 0, width, height), as_input(image, form.shape))


def watch(frames: Iterable[Frame], runner: Runner, options: WatchOptions | None = None) -> Iterator[DigitReading]:
    """Yields the readings of the frames of a source, which the caller closes, in reading order.

    A still image without candidates, or any frame without one if `options.one`, yields a reading without a box. Raises
    ValueError if the region reaches beyond a frame.
    """
    chosen = options or WatchOptions()
    watcher = Watcher(runner, chosen)
    for frame in due(frames, chosen):
        yield from watcher.observe(frame).reported


def due(frames: Iterable[Frame], options: WatchOptions) -> Iterator[Frame]:
    """Yields the frames to read by `interval_s` and `max_frames`, turned by `rotation_degrees`.

    The interval does not apply to still images.
    """
    chosen = islice(_spaced(frames, options.interval_s), options.max_frames)
    code = _TURNS.get(options.rotation_degrees)
    return chosen if code is None else (_turned(frame, code) for frame in chosen)


def _turned(frame: Frame, code: int) -> Frame:
    return replace(frame, image=np.asarray(cv2.rotate(frame.image, code), np.uint8))


def _spaced(frames: Iterable[Frame], interval_s: float) -> Iterator[Frame]:
    next_s = -math.inf
    for frame in frames:
        if frame.position_s is None:
            yield frame
        elif frame.position_s >= next_s:
            yield frame
            next_s = frame.position_s + interval_s - _CLOCK_S
