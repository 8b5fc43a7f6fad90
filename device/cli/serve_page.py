"""`python -m device run --serve`: serves a page on which digits are drawn and read, or what a source shows.

Thin over `device.web.server`, whose library is an extra: nothing here needs it before a page is asked for.
"""

from __future__ import annotations

import argparse
import threading
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, NoReturn

import cv2

from ..exit_status import ExitStatus
from ..runner import Runner
from ..web.snapshots import Snapshots
from .quiet import quieten
from .signals import Stopped, stoppable

if TYPE_CHECKING:
    from ..web.server import Server

_LIBRARY = frozenset({"anyio", "click", "h11", "starlette", "uvicorn"})


def answer_serve(options: argparse.Namespace) -> int:
    """Serves a canvas to draw digits on until a signal asks for the end; returns the exit status 0.

    Raises:
        ImportError: something is not installed; the message says what.
        OSError: the address cannot be listened at, or a file cannot be read.
        ValueError: the model is not what was expected.
    """
    quieten()
    cv2.setNumThreads(options.threads)
    try:
        with stoppable(), serving(options, None):
            wait()
    except Stopped:
        return ExitStatus.FINE


def serving(options: argparse.Namespace, live: Snapshots | None) -> AbstractContextManager[Server]:
    """Returns a server that is at work, to be closed; raises as `answer_serve` does."""
    try:
        from ..web.server import Server  # noqa: PLC0415  # an extra: all else works without it
    except ModuleNotFoundError as error:
        if error.name not in _LIBRARY:
            raise
        raise ImportError("--serve needs Starlette and Uvicorn: pip install starlette uvicorn") from error
    runner = Runner(options.model, threads=options.threads, runtime=options.runtime)
    return Server(runner, options.serve, options.token, live)


def wait() -> NoReturn:
    """Waits for a signal, which raises."""
    while True:
        threading.Event().wait()
