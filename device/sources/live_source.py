"""A live source: a thread captures every frame and keeps only the latest, so that frames are never stale.

A lost camera or stream is reopened with exponential backoff.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

from .captures import Capture
from .frames import Frame, Source, elapsed_ms

_JOIN_S = 2.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pauses:
    """How long to wait before a source is reopened: `first_s`, doubled after each failure, up to `max_s`."""

    first_s: float = 0.5
    max_s: float = 30.0

    def __post_init__(self) -> None:
        if not 0 < self.first_s <= self.max_s:
            raise ValueError(f"Expected 0 < first_s <= max_s. Received: {self.first_s}, {self.max_s}")


class LiveSource(Source):
    """Yields the latest frame of a camera or stream; frames replaced before they were taken count as dropped."""

    endless = True

    def __init__(self, name: str, open_capture: Callable[[], Capture], pauses: Pauses | None = None) -> None:
        """Takes a function that opens the camera or stream, or raises OSError; it is called in the thread."""
        self._name = name
        self._open = open_capture
        self._pauses = pauses or Pauses()
        self._changed = threading.Condition()
        self._ended = threading.Event()
        self._latest: Frame | None = None
        self._error: Exception | None = None
        self._captured = 0
        # A daemon, because a driver call that never returns must not keep the process alive.
        self._thread = threading.Thread(target=self._run, name=f"capture {name}", daemon=True)

    def __iter__(self) -> Iterator[Frame]:
        """Yields the latest frames until the source is closed; raises any error other than OSError from the thread."""
        self._thread.start()
        while (frame := self._take()) is not None:
            yield frame

    def close(self) -> None:
        """Ends the thread, which closes the camera or stream."""
        self._ended.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)

    def _take(self) -> Frame | None:
        with self._changed:
            self._changed.wait_for(lambda: self._latest or self._error or self._ended.is_set())
            if self._error is not None:
                raise self._error
            frame, self._latest = self._latest, None
            return None if self._ended.is_set() else frame

    def _run(self) -> None:
        pause_s = self._pauses.first_s
        while not self._ended.is_set():
            captured = self._captured
            try:
                self._capture()
            except OSError as error:
                pause_s = self._pauses.first_s if self._captured > captured else pause_s
                self._pause(error, pause_s)
                pause_s = min(2 * pause_s, self._pauses.max_s)
            except Exception as error:  # noqa: BLE001  # raised again in the thread that takes the frames
                with self._changed:
                    self._error = error
                    self._changed.notify_all()
                return

    def _capture(self) -> None:
        with closing(self._open()) as capture:
            while not self._ended.is_set():
                started = time.perf_counter()
                image = capture.read()
                clock_s, capture_ms = time.monotonic(), elapsed_ms(started)
                frame = Frame(image, self._captured, self._name, position_s=clock_s, capture_ms=capture_ms)
                with self._changed:
                    self.dropped += self._latest is not None
                    self._latest = frame
                    self._changed.notify_all()
                self._captured += 1

    def _pause(self, error: OSError, pause_s: float) -> None:
        if not self._ended.is_set():
            self.interruptions += 1
            log.warning(f"{self._name}: {error}; retrying in {pause_s:g} s")
            self._ended.wait(pause_s)
