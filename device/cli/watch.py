"""`rowstream watch`: prints what a source shows, a line of JSON for each digit or what could be one."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO, TypeAlias

from ..exit_status import SIGNALLED, ExitStatus
from ..notify import ALIVE, READY, STOPPING, notify
from ..sources.frames import Frame, Source, elapsed_ms
from ..sources.open_source import open_source
from ..sources.stills import Stills
from ..vision.boxes import Box
from ..watch.crop_dump import CropDump
from ..watch.numbers import watcher_of
from ..watch.recording import Recording
from ..watch.unsure_crops import UnsureCrops
from ..watch.watcher import DigitReading, NumberReading, Observation, Timings, due
from ..watch.window import Window
from ..web.snapshots import Snapshots
from .process import Stopped, quiet_opencv, stoppable
from .senders import senders
from .serve import serving, wait
from .source_options import ServeOptions, SourceOptions

# A recording's rate if neither the source nor the interval gives one.
_RATE_HZ = 25.0

log = logging.getLogger(__name__)

Sink: TypeAlias = CropDump | UnsureCrops | Recording | Snapshots


def watch(options: SourceOptions, output: TextIO, page: ServeOptions | None = None) -> int:
    """Prints what a source shows, serves it if there is a page, and logs a summary; returns the exit status.

    The status is 0, 2 if a frame could not be read, or 128 plus the signal that stopped a source before its end. A
    camera, or a page, which stays when its source has ended, is stopped by a signal with status 0.

    Raises ImportError if something is not installed, OSError if a file cannot be read or written, and ValueError if the
    model, the source or an option is not what was expected.
    """
    quiet_opencv(options.model.threads)
    status: int = ExitStatus.FINE
    endless = False
    try:
        with stoppable(), ExitStack() as stack:
            source = stack.enter_context(open_source(options.name, options.raw, options.camera))
            endless = source.endless or page is not None
            status = _Watch(options, source, output, stack, page).run()
            if page is not None:
                wait()
            return status
    except Stopped as stopped:
        return status if endless else SIGNALLED + stopped.number


class _Watch:
    """What a run holds: its source, where its answers go, and what it counts."""

    def __init__(
        self, options: SourceOptions, source: Source, output: TextIO, stack: ExitStack, page: ServeOptions | None
    ) -> None:
        self._options = options
        self._source = source
        self._output = output
        self._held = stack.enter_context(options.model.hold())
        self._runner = self._held.runner()
        self._watcher = watcher_of(self._runner, options.watching)
        self._sinks = _file_sinks(options, source, stack)
        self._senders = senders(options, stack)
        self._live: Snapshots | None = None
        if page is not None:
            self._live = Snapshots(source)
            self._sinks.append(self._live)
            stack.enter_context(serving(page, self._live))
        stack.callback(notify, STOPPING)
        self._window = Window(options.watching.interval_s or math.inf) if options.show else None
        if self._window is not None:
            stack.callback(self._window.close)
        self._frames = self._candidates = self._stable = 0

    def run(self) -> ExitStatus:
        try:
            for frame in due(self._source, self._options.watching):
                observation = self._observed(frame)
                if observation is not None and not self._reported(observation):
                    break
        finally:
            if self._live is not None:
                self._live.end()
            self._log_summary()
            self._output.flush()
        return ExitStatus.WRONG_USE if self._source.failed else ExitStatus.FINE

    def _log_summary(self) -> None:
        stable = "" if self._options.watching.stable_frames is None else f", {self._stable:,} stable"
        frames, candidates = _counted(self._frames, "frame"), _counted(self._candidates, "candidate")
        log.info(f"{frames}, {self._source.dropped:,} dropped, {candidates}{stable}")

    def _observed(self, frame: Frame) -> Observation | None:
        started = time.perf_counter()
        self._change_over()
        try:
            observation = self._watcher.observe(frame)
        except ValueError as error:
            # One image smaller than the region must not stop the next; frames of a sequence are all alike.
            if not frame.still:
                raise
            self._source.failed += 1
            log.error(f"error: {frame.source}: {error}")  # noqa: TRY400  # a bad image gets one line
            return None
        # A camera that stands still, or frames that cannot be read, must not look like a service that works.
        self._held.count_reading()
        notify(*([] if self._frames else [READY]), ALIVE)
        self._frames += 1
        self._candidates += sum(reading.box is not None for reading in observation.readings)
        self._stable += len(observation.reported) + len(observation.numbers)
        return replace(observation, latency_ms=elapsed_ms(started))

    def _change_over(self) -> None:
        runner = self._held.runner()
        if runner is not self._runner:
            self._watcher.use(runner)
            self._runner = runner

    def _reported(self, observation: Observation) -> bool:
        """Prints and passes on an observation; returns whether the window is still open."""
        for reading in observation.reported:
            if reading.label is not None or not self._options.digits_only:
                self._print(line(reading))
        for number in observation.numbers:
            self._print(number_line(number))
        self._output.flush()
        for sink in self._sinks:
            sink.take(observation)
        return self._window is None or self._window.show(observation)

    def _print(self, printed: Mapping[str, Any]) -> None:
        self._output.write(json.dumps(printed) + "\n")
        for sender in self._senders:
            sender.send(printed)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _file_sinks(options: SourceOptions, source: Source, stack: ExitStack) -> list[Sink]:
    sinks: list[Sink] = []
    if options.dump_crops:
        _refuse_folder(options.dump_crops, source)
        sinks.append(CropDump(options.dump_crops))
    if options.keep_unsure:
        sinks.append(UnsureCrops(options.keep_unsure))
    if options.record:
        interval_s = options.watching.interval_s
        rate_hz = 1 / interval_s if interval_s else source.rate_hz or _RATE_HZ
        sinks.append(stack.enter_context(Recording(options.record, rate_hz)))
    return sinks


def _refuse_folder(crops: Path, source: Source) -> None:
    folders = {path.parent for path in source.paths} if isinstance(source, Stills) else set()
    if crops.is_dir() and any(crops.samefile(folder) for folder in folders):
        raise ValueError(f"Expected a folder for crops other than that of the images. Received: {crops}")


def line(reading: DigitReading) -> dict[str, Any]:
    """Returns what a line of JSON holds of a reading."""
    prediction = reading.prediction
    return {
        **_origin(reading.frame),
        "box": _sides(reading.box),
        "label": reading.label,
        "index": None if prediction is None else prediction.index,
        "probability": None if prediction is None else prediction.probability,
        "top": [] if prediction is None else prediction.top,
        "lines_read": 0 if prediction is None else prediction.lines_read,
        "timings": _rounded(reading.timings),
    }


def number_line(reading: NumberReading) -> dict[str, Any]:
    """Returns what a line of JSON holds of the reading of a whole number."""
    number, field = reading.number, reading.field
    checked = {} if field is None else {"failed": reading.failed, "last_good": reading.last_good}
    return {
        **_origin(reading.frame),
        **({} if field is None else {"field": field.name}),
        "box": _sides(reading.box),
        "value": number.value,
        "text": number.text,
        **checked,
        "digits": [digit.as_json() for digit in number.digits],
        "timings": _rounded(reading.timings),
    }


def _origin(frame: Frame) -> dict[str, Any]:
    return {
        "time": frame.time.isoformat(timespec="milliseconds"),
        "frame": frame.number,
        "position_s": None if frame.position_s is None else round(frame.position_s, 3),
        "source": frame.source,
    }


def _sides(box: Box | None) -> list[int] | None:
    return None if box is None else [box.x, box.y, box.width, box.height]


def _rounded(timings: Timings) -> dict[str, float]:
    return {name: round(value, 3) for name, value in vars(timings).items()}
