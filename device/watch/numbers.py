"""Reads whole numbers in each frame: those of named fields, or those that the digits on one line make."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from ..fields.field import Field
from ..fields.history import History
from ..fields.lines import lines
from ..fields.number import Digit, Number
from ..fields.reader import FieldReader, check_digits
from ..runner import Runner
from ..sources.frames import Frame, elapsed_ms
from .options import WatchOptions
from .tracker import Tracker
from .watcher import DigitReading, NumberReading, Observation, Timings, Watcher


class NumbersWatcher:
    """Observes frames as `Watcher` does, and reports a number for the digits on each line."""

    def __init__(self, runner: Runner, options: WatchOptions) -> None:
        """Raises ValueError for a model that does not read the ten digits."""
        check_digits(runner)
        self._watcher = Watcher(runner, replace(options, stable_frames=None))
        self._stable = _Stable(options.stable_frames)

    def use(self, runner: Runner) -> None:
        """Reads with another runner from the next frame on; raises as the constructor does."""
        check_digits(runner)
        self._watcher.use(runner)

    def observe(self, frame: Frame) -> Observation:
        """Finds and reads the numbers in a frame; raises as `Watcher.observe` does."""
        observation = self._watcher.observe(frame)
        found = [(each, each.box) for each in observation.readings if each.box is not None]
        digits = [Digit(box, each.crop, each.prediction) for each, box in found]
        crop_ms = found[0][0].timings.crop_ms if found else 0.0
        timings = Timings(frame.capture_ms, crop_ms, sum(each.timings.infer_ms for each, _ in found))
        numbers = tuple(NumberReading(frame, Number(line), timings) for line in lines(digits))
        return replace(observation, reported=(), numbers=self._stable.of(numbers))


class FieldsWatcher:
    """Observes frames, and reports the number that each field shows, with the checks that it fails."""

    def __init__(self, runner: Runner, options: WatchOptions) -> None:
        """Raises ValueError for a model that does not read the ten digits."""
        self._reader = FieldReader(runner)
        self._fields = {field: History(field) for field in options.fields}
        self._stable = _Stable(options.stable_frames)

    def use(self, runner: Runner) -> None:
        """Reads with another runner from the next frame on; raises as the constructor does."""
        self._reader = FieldReader(runner)

    def observe(self, frame: Frame) -> Observation:
        """Reads every field of a frame; raises ValueError if one reaches beyond it."""
        numbers = tuple(self._reading(frame, field) for field in self._fields)
        digits = tuple(
            DigitReading(frame, digit.box, digit.crop, digit.prediction, reading.timings)
            for reading in numbers
            for digit in reading.number.digits
            if digit.prediction is not None
        )
        judged = tuple(self._judged(reading) for reading in self._stable.of(numbers))
        return Observation(frame, digits, (), judged)

    def _reading(self, frame: Frame, field: Field) -> NumberReading:
        started = time.perf_counter()
        number = self._reader.read(field, frame.image)
        return NumberReading(frame, number, Timings(frame.capture_ms, 0.0, elapsed_ms(started)), field)

    def _judged(self, reading: NumberReading) -> NumberReading:
        frame, field = reading.frame, reading.field
        if field is None:
            return reading
        history = self._fields[field]
        good = history.last_good
        time_s = frame.time.timestamp() if frame.position_s is None else frame.position_s
        failed = history.judge(reading.number, time_s)
        return replace(reading, failed=failed, last_good=None if good is None else good.value)


class _Stable:
    """Passes on every reading, or each once that was the same in so many frames in a row."""

    def __init__(self, frames: int | None) -> None:
        self._tracker = None if frames is None else Tracker(frames)

    def of(self, numbers: Sequence[NumberReading]) -> tuple[NumberReading, ...]:
        if self._tracker is None:
            return tuple(numbers)
        confirmed = self._tracker.update([(reading.number.text, reading.box) for reading in numbers])
        return tuple(numbers[index] for index in confirmed)


def watcher_of(runner: Runner, options: WatchOptions) -> Watcher | NumbersWatcher | FieldsWatcher:
    """Returns what observes frames as the options say; raises ValueError for a model that cannot."""
    if options.fields:
        return FieldsWatcher(runner, options)
    return NumbersWatcher(runner, options) if options.numbers else Watcher(runner, options)
