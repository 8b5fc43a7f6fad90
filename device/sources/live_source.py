"""A live source: a thread grabs every frame and keeps the newest, so that what is read is never stale.

Not a queue: a frame that nobody took before the next one came is dropped and counted. A camera or stream that goes
away is opened again, after pauses that grow.
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
    """How long to wait before a source is opened again: `first_s`, doubled each time it fails, up to `longest_s`."""

    first_s: float = 0.5
    longest_s: float = 30.0

    def __post_init__(self) -> None:
        if not 0 < self.first_s <= self.longest_s:
            raise ValueError(
                f"Expected pauses above 0 s, the first no longer than the longest. "
                f"Received: {self.first_s} s, {self.longest_s} s"
            )


class LiveSource(Source):
    """Gives the newest frame of a camera or stream each time one is asked for."""

    endless = True

    def __init__(self, name: str, open_capture: Callable[[], Capture], pauses: Pauses | None = None) -> None:
        """Takes what opens the camera or stream, raising OSError where that fails; the thread calls it."""
        self._name = name
        self._open = open_capture
        self._pauses = pauses or Pauses()
        self._changed = threading.Condition()
        self._ended = threading.Event()
        self._newest: Frame | None = None
        self._error: Exception | None = None
        self._grabbed = 0
        # A daemon, since a call into a driver that never returns must not keep the program from ending.
        self._thread = threading.Thread(target=self._run, name=f"grab {name}", daemon=True)

    def __iter__(self) -> Iterator[Frame]:
        """Yields the newest frames until the source is closed; raises what broke the thread."""
        self._thread.start()
        while (frame := self._take()) is not None:
            yield frame

    def close(self) -> None:
        """Ends the thread, and with it the capture."""
        self._ended.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)

    def _take(self) -> Frame | None:
        with self._changed:
            self._changed.wait_for(lambda: self._newest or self._error or self._ended.is_set())
            if self._error is not None:
                raise self._error
            frame, self._newest = self._newest, None
            return None if self._ended.is_set() else frame

    def _run(self) -> None:
        pause_s = self._pauses.first_s
        while not self._ended.is_set():
            grabbed = self._grabbed
            try:
                self._grab()
            except OSError as error:
                pause_s = self._pauses.first_s if self._grabbed > grabbed else pause_s
                self._pause(error, pause_s)
                pause_s = min(2 * pause_s, self._pauses.longest_s)
            except Exception as error:  # noqa: BLE001  # raised again where the frames are taken
                with self._changed:
                    self._error = error
                    self._changed.notify_all()
                return

    def _grab(self) -> None:
        with closing(self._open()) as capture:
            while not self._ended.is_set():
                started = time.perf_counter()
                image = capture.read()
                frame = Frame(
                    image, self._grabbed, self._name, position_s=time.monotonic(), capture_ms=elapsed_ms(started)
                )
                with self._changed:
                    self.dropped += self._newest is not None
                    self._newest = frame
                    self._changed.notify_all()
                self._grabbed += 1

    def _pause(self, error: OSError, pause_s: float) -> None:
        if not self._ended.is_set():
            log.warning(f"{self._name}: {error}; trying again in {pause_s:g} s")
            self._ended.wait(pause_s)
