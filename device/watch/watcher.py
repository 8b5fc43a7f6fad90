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
from ..contract.inputs import InputForm, is_digits
from ..contract.predictions import Prediction
from ..fields.field import Field
from ..fields.number import Number, around
from ..runner import Runner
from ..sources.frames import Frame, elapsed_ms
from ..vision.boxes import Box, common_area
from ..vision.finder import Candidate, Finder
from ..vision.whole_image import as_input
from .options import WatchOptions
from .tracker import Tracker

# A tolerance, because the times of video frames are rounded.
_CLOCK_S = 1e-3
# What else could be the digit in an image of one counts from this probability, so that a scene has few chances to be
# taken for a digit; a reading that lies inside another has more than this share of its box there.
_SURE, _INSIDE = 0.995, 0.8
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

    @property
    def probability(self) -> float:
        """That of the answer, 0 without one."""
        return 0.0 if self.prediction is None or self.label is None else self.prediction.probability


@dataclass(frozen=True, eq=False)
class NumberReading:
    """The reading of a whole number, boxes in the frame.

    Attributes:
        field: which it is of; None of a number that was found anywhere.
        failed: the checks of the field that it fails.
        last_good: the value of the field's last good reading before it; None before the first.
    """

    frame: Frame
    number: Number
    timings: Timings
    field: Field | None = None
    failed: tuple[str, ...] = ()
    last_good: float | None = None

    @property
    def box(self) -> Box | None:
        """The box around its digits; None without any."""
        return around([digit.box for digit in self.number.digits]) if self.number.digits else None


@dataclass(frozen=True, eq=False)
class Observation:
    """A frame, its readings, and those of them, or of whole numbers, to report.

    Attributes:
        latency_ms: how long it took to find and read everything in the frame, 0 if nobody measured it.
    """

    frame: Frame
    readings: tuple[DigitReading, ...]
    reported: tuple[DigitReading, ...]
    numbers: tuple[NumberReading, ...] = ()
    latency_ms: float = 0.0


class Watcher:
    """Observes frames one after another, and tracks their digits if `stable_frames` is set.

    A model of other images reads each frame, or its region, as a whole.
    """

    def __init__(self, runner: Runner, options: WatchOptions) -> None:
        """Raises ValueError for a model whose answer is not one class of an image."""
        self.use(runner)
        self._options = options
        self._finder = options.finder or Finder()
        self._tracker = None if options.stable_frames is None else Tracker(options.stable_frames)

    def use(self, runner: Runner) -> None:
        """Reads with another runner from the next frame on; raises as the constructor does."""
        _check_kind(runner)
        self._form = None if is_digits(runner.manifest) else InputForm(runner.manifest)
        self._runner = runner

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
        readings = tuple(self._reading(frame, candidate, crop_ms) for candidate in candidates if candidate)
        if self._options.one and self._form is None:
            first = readings[0] if candidates[0] else None
            best = chosen(first, readings if first is None else readings[1:])
            readings = () if best is None else (best,)
        if not readings and (self._options.one or frame.still):
            return (DigitReading(frame, None, None, None, Timings(frame.capture_ms, crop_ms, 0.0)),)
        return readings

    def _candidates(self, frame: Frame) -> tuple[Candidate | None, ...]:
        """Returns what is to be read; in an image of one digit the likeliest, which may be None, before the others."""
        region = self._options.region
        image = frame.image if region is None else region.cut(frame.image)
        if self._form is not None:
            return (_whole(image, self._form),)
        if not self._options.one:
            # A still picture is read once, so it may take longer.
            return self._finder.find_small(image) if frame.still else self._finder.find(image)
        likeliest = self._finder.find_one(image)
        if likeliest is None:
            # `find_one` misses a small digit in a corner.
            likeliest = max(self._finder.find(image), key=lambda candidate: candidate.box.area, default=None)
        return likeliest, *self._finder.alternatives(image, likeliest)

    def _reading(self, frame: Frame, candidate: Candidate, crop_ms: float) -> DigitReading:
        region = self._options.region
        box = candidate.box if region is None else region.box_in_frame(candidate.box)
        started = time.perf_counter()
        prediction = self._runner.read(candidate.crop, early_exit=self._options.early_exit)
        timings = Timings(frame.capture_ms, crop_ms, elapsed_ms(started))
        return DigitReading(frame, box, candidate.crop, prediction, timings)


def chosen(likeliest: DigitReading | None, others: Iterable[DigitReading]) -> DigitReading | None:
    """Returns the reading of the digit in an image of one: the likeliest, unless another is sure and explains more.

    The other explains more if the likeliest is no digit, or lies inside it and is less sure: a digit's hole, or what is
    left of it without a stroke, lies inside it.
    """
    best = likeliest
    for other in others:
        if other.probability < _SURE:
            continue
        if best is None or best.label is None or (_lies_in(best, other) and best.probability <= other.probability):
            best = other
    return best


def _lies_in(inner: DigitReading, outer: DigitReading) -> bool:
    if inner.box is None or outer.box is None:
        return False
    area, common = inner.box.area, common_area(inner.box, outer.box)
    return area < outer.box.area and common > _INSIDE * area


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
