"""What every command does with its process: signals, closed streams, the log, and errors on stderr."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from ..exit_status import ExitStatus


class Stopped(BaseException):
    """A signal asked the command to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def stoppable() -> Iterator[None]:
    """Turns the first SIGINT or SIGTERM into Stopped; a second one acts as it does by default."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    # A shell that starts a command in the background has it ignore SIGINT.
    caught = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in caught:
        signal.signal(number, _stop)
    try:
        yield
    finally:
        for number in caught:
            signal.signal(number, before[number])


def _stop(number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise Stopped(number)


def open_streams() -> None:
    """Opens stdout and stderr if they were closed before the start."""
    # Python has None for a closed stream, and would print what is meant for it elsewhere.
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115  # open to the end
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115  # open to the end


def log_to_stderr() -> None:
    """Sends the log to stderr, one line a message."""
    import logging  # noqa: PLC0415  # `classify` needs none, and starts faster without

    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)


def quiet_opencv(threads: int) -> None:
    """Gives OpenCV its number of threads, and keeps it and FFmpeg from printing."""
    import cv2  # noqa: PLC0415  # an extra: the rest works without it

    # Most of what they print is not an error of this command, which prints its own errors.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    if hasattr(cv2, "setLogLevel"):
        cv2.setLogLevel(0)
    else:
        cv2.utils.logging.setLogLevel(0)  # type: ignore[attr-defined,unused-ignore]  # OpenCV 5 has moved it
    cv2.setNumThreads(threads)


def warn(text: str) -> None:
    """Prints a warning in one line on stderr."""
    sys.stderr.write(f"warning: {text}\n")


def complain(error: Exception) -> ExitStatus:
    """Prints an error in one line on stderr; returns the exit status of wrong use or unreadable input."""
    sys.stderr.write(f"error: {error}\n")
    return ExitStatus.WRONG_USE


def flush_or_discard() -> None:
    """Writes what stdout still holds, or drops it if that fails, because Python would print an error at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
