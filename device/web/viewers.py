"""Streams of server-sent events with the latest state of a source; slow clients skip states and block nobody.

A state is encoded once for all viewers, and only while there are any.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from .messages import event, state_of
from .runner_thread import BusyError, RunnerThread
from .snapshots import Snapshot, Snapshots

MAX_VIEWERS = 200

# At most 10 states per second to one viewer and 100 to all together, to leave a small processor time for reading.
_MIN_INTERVAL_S = 0.1
_MAX_SENDS_HZ = 100
_TICK_S = 0.02
# A comment, sent because only sending shows that a viewer has disconnected.
_KEEP_ALIVE = b":\n\n"
_KEEP_ALIVE_S = 10.0


class Viewers:
    """The viewers of a source, in one `asyncio` loop."""

    def __init__(self, snapshots: Snapshots, thread: RunnerThread) -> None:
        self._snapshots = snapshots
        self._thread = thread
        self._sequence, self._content = -1, b""  # of the state that was encoded last
        self._encoding: asyncio.Task[None] | None = None
        self._encoded_s = -_MIN_INTERVAL_S
        self._closed = False
        self.count = 0

    @property
    def current(self) -> Snapshot:
        """The state of the source at this moment."""
        return self._snapshots.current

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Yields server-sent events for one viewer: the current state at once, then newer ones."""
        self.count += 1
        try:
            seen = self._snapshots.latest.sequence - 1
            while not self._closed:
                try:
                    await asyncio.wait_for(self._newer(seen), _KEEP_ALIVE_S)
                except asyncio.TimeoutError:
                    yield _KEEP_ALIVE
                    continue
                if self._sequence > seen:
                    seen = self._sequence
                    yield self._content
        finally:
            self.count -= 1

    def close(self) -> None:
        """Ends every stream."""
        self._closed = True

    async def _newer(self, seen: int) -> None:
        while self._sequence <= seen and not self._closed:
            if self._encoding is None or self._encoding.done():
                self._encoding = asyncio.create_task(self._encode())
            # Shielded, so that a viewer that times out does not cancel it for the others.
            await asyncio.shield(self._encoding)

    async def _encode(self) -> None:
        while self._is_watched and not self._is_due:  # noqa: ASYNC110  # the watching thread need not wake this one
            await asyncio.sleep(_TICK_S)
        if not self._is_watched:
            return
        self._encoded_s = asyncio.get_running_loop().time()
        latest = self._snapshots.latest
        try:
            content = await self._thread.do(lambda runner: event(state_of(runner, latest)))
        except BusyError:
            return  # the next state is tried again
        self._sequence, self._content = latest.sequence, content

    @property
    def _is_watched(self) -> bool:
        return self.count > 0 and not self._closed

    @property
    def _is_due(self) -> bool:
        interval_s = max(_MIN_INTERVAL_S, self.count / _MAX_SENDS_HZ)
        elapsed_s = asyncio.get_running_loop().time() - self._encoded_s
        return self._snapshots.latest.sequence > self._sequence and elapsed_s >= interval_s
