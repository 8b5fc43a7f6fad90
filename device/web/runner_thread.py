"""The one thread that a runner belongs to, and jobs for it from a loop of `asyncio`.

Not a queue without an end: where too many wait already, one more is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ..runner import Runner

_MAX_WAITING = 32

Result = TypeVar("Result")


class BusyError(Exception):
    """Too many jobs wait already."""


class RunnerThread:
    """Does jobs with a runner, one after another, in a thread of its own."""

    def __init__(self, runner: Runner) -> None:
        """Takes the runner; nobody else may use it from now on."""
        self._runner = runner
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="runner")
        self._waiting = 0

    async def do(self, job: Callable[[Runner], Result]) -> Result:
        """Returns what the job returns for the runner, or raises what it raises; called from one loop alone.

        Raises:
            BusyError: too many wait already.
        """
        if self._waiting >= _MAX_WAITING:
            raise BusyError(f"Expected at most {_MAX_WAITING} readings at a time. Received: one more")
        self._waiting += 1
        future = asyncio.get_running_loop().run_in_executor(self._thread, job, self._runner)
        future.add_done_callback(self._done)
        return await asyncio.shield(future)

    def close(self) -> None:
        """Waits for the job under way, drops the others, and closes the runner."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._runner.close()

    def _done(self, _future: object) -> None:
        self._waiting -= 1
