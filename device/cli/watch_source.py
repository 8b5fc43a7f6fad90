"""`python -m device run --source`: prints what a source shows, a line of JSON for each candidate.

Thin over `device.watch.watcher`: what is here is lines, files and signals.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import cv2

from ..exit_status import SIGNALLED, ExitStatus
from ..runner import Prediction, Runner
from ..sources.frames import Frame, Source
from ..sources.open_source import open_source
from ..sources.raw import RawLayout
from ..sources.stills import Stills
from ..vision.region import Region
from ..watch.crop_dump import CropDump
from ..watch.recording import Recording
from ..watch.watcher import DigitReading, Observation, Watcher, WatchOptions, due
from ..watch.window import Window
from ..web.snapshots import Snapshots
from .quiet import quieten
from .serve_page import serving, wait
from .signals import Stopped, stoppable

# A recording's rate where neither the source nor the interval tells one.
_RATE_HZ = 25.0

log = logging.getLogger(__name__)


@dataclass
class _Count:
    frames: int = 0
    candidates: int = 0
    reported: int = 0
    failed: int = 0


def answer_source(options: argparse.Namespace, output: TextIO) -> int:
    """Prints what `options.source` shows, and a summary in the log; returns the exit status.

    The status is 0, 2 where a frame could not be read, or 128 and the signal that ended a source with an end of its
    own. A signal ends an endless source well, and a page, which stays when its source has ended.

    Raises:
        ImportError: something is not installed; the message says what.
        OSError: a file cannot be read or written.
        ValueError: the model, the source or an option is not what was expected.
    """
    quieten()
    cv2.setNumThreads(options.threads)
    watching = watch_options(options)
    raw = RawLayout.parse(options.raw_size, options.raw_format or "bgr") if options.raw_size else None
    status: int = ExitStatus.FINE
    endless = False
    try:
        with stoppable(), ExitStack() as stack:
            runner = stack.enter_context(Runner(options.model, threads=options.threads, runtime=options.runtime))
            source = stack.enter_context(open_source(options.source, raw))
            endless = source.endless or options.serve is not None
            status = _Command(options, source, Watcher(runner, watching), output, stack).run(watching)
            if options.serve is not None:
                wait()
            return status
    except Stopped as stopped:
        return status if endless else SIGNALLED + stopped.number


def watch_options(options: argparse.Namespace) -> WatchOptions:
    """Returns how to watch; raises ValueError where the region is none."""
    return WatchOptions(
        region=Region.parse(options.roi) if options.roi is not None else None,
        one=options.one,
        early_exit=options.early_exit,
        interval_s=options.interval or 0.0,
        max_frames=options.max_frames,
        stable_frames=options.stable,
    )


class _Command:
    """What a run holds: its source, where its answers go, and what it counts."""

    def __init__(
        self, options: argparse.Namespace, source: Source, watcher: Watcher, output: TextIO, stack: ExitStack
    ) -> None:
        self._source = source
        self._watcher = watcher
        self._output = output
        self._digits_only = options.digits_only
        rate_hz = 1 / options.interval if options.interval else source.rate_hz or _RATE_HZ
        self._sinks: list[CropDump | Snapshots | Recording] = []
        if options.dump_crops:
            _refuse_folder(options.dump_crops, source)
            self._sinks.append(CropDump(options.dump_crops))
        if options.record:
            _refuse_source(options.record, options.source)
            self._sinks.append(stack.enter_context(Recording(options.record, rate_hz)))
        self._live = Snapshots(source) if options.serve is not None else None
        if self._live is not None:
            self._sinks.append(self._live)
            stack.enter_context(serving(options, self._live))
        self._window = Window(options.interval or math.inf) if options.show else None
        if self._window is not None:
            stack.callback(self._window.close)
        self._count = _Count()

    def run(self, watching: WatchOptions) -> int:
        try:
            for frame in due(self._source, watching):
                observation = self._observed(frame)
                if observation is not None and not self._told(observation):
                    break
        finally:
            if self._live is not None:
                self._live.end()
            count = self._count
            reported = f", {count.reported:,} stable" if watching.stable_frames is not None else ""
            log.info(
                f"{count.frames:,} frames, {self._source.dropped:,} dropped, {count.candidates:,} candidates{reported}"
            )
            self._output.flush()
        return ExitStatus.WRONG_USE if self._source.failed or self._count.failed else ExitStatus.FINE

    def _observed(self, frame: Frame) -> Observation | None:
        try:
            observation = self._watcher.observe(frame)
        except ValueError as error:
            # One picture that does not hold the region must not stop the next; frames of a sequence are all alike.
            if not frame.still:
                raise
            self._count.failed += 1
            log.error(f"error: {frame.source}: {error}")  # noqa: TRY400  # a bad picture is told in a line
            return None
        self._count.frames += 1
        self._count.candidates += sum(reading.box is not None for reading in observation.readings)
        self._count.reported += len(observation.reported)
        return observation

    def _told(self, observation: Observation) -> bool:
        for reading in observation.reported:
            if reading.label is not None or not self._digits_only:
                self._output.write(json.dumps(line(reading)) + "\n")
        self._output.flush()
        for sink in self._sinks:
            sink.take(observation)
        return self._window is None or self._window.show(observation)


def _refuse_folder(crops: Path, source: Source) -> None:
    folders = {path.parent for path in source.paths} if isinstance(source, Stills) else set()
    if crops.is_dir() and any(crops.samefile(folder) for folder in folders):
        raise ValueError(f"Expected a folder for crops apart from the pictures'. Received: {crops}")


def _refuse_source(recording: Path, source: str) -> None:
    if Path(source).is_file() and recording.exists() and recording.samefile(source):
        raise ValueError(f"Expected a recording beside its source. Received: {recording}, which is the source")


def line(reading: DigitReading) -> dict[str, Any]:
    """Returns a reading as a line of JSON holds it."""
    frame, box = reading.frame, reading.box
    return {
        "time": frame.time.isoformat(timespec="milliseconds"),
        "frame": frame.number,
        "source": frame.source,
        "box": None if box is None else [box.x, box.y, box.width, box.height],
        "label": reading.label,
        **_answer(reading.prediction),
        "timings": {name: round(value, 3) for name, value in vars(reading.timings).items()},
    }


def _answer(prediction: Prediction | None) -> dict[str, Any]:
    if prediction is None:
        return {"index": None, "probability": None, "top": [], "lines_read": 0}
    return {
        "index": prediction.index,
        "probability": prediction.probability,
        "top": prediction.top,
        "lines_read": prediction.lines_read,
    }
