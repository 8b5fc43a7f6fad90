"""A thread that owns a runner and does jobs with it for an `asyncio` loop, with a bounded queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ..held import Held
from ..runner import Runner

_MAX_WAITING = 32

Result = TypeVar("Result")


class BusyError(Exception):
    """The queue of jobs is full."""


class RunnerThread:
    """Does jobs with a runner one after another, in its own thread."""

    def __init__(self, held: Held) -> None:
        """Takes ownership of the runner; no other thread may use it."""
        self._held = held
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="runner")
        self._waiting = 0

    async def do(self, job: Callable[[Runner], Result]) -> Result:
        """Returns the result of a job called with the runner, or raises its error, or BusyError if the queue is full.

        To be called from one loop only.
        """
        if self._waiting >= _MAX_WAITING:
            raise BusyError(f"Expected at most {_MAX_WAITING} readings at a time. Received: one more")
        self._waiting += 1
        future = asyncio.get_running_loop().run_in_executor(self._thread, lambda: job(self._held.runner()))
        future.add_done_callback(self._done)
        return await asyncio.shield(future)

    async def read(self, job: Callable[[Runner], Result]) -> Result:
        """Does a job as `do` does, and counts it as a reading if it succeeds."""

        def counted(runner: Runner) -> Result:
            result = job(runner)
            self._held.count_reading()
            return result

        return await self.do(counted)

    def close(self) -> None:
        """Waits for the current job, drops the others, and closes the runner."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._held.close()

    def _done(self, _future: object) -> None:
        self._waiting -= 1
