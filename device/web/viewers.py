"""The viewers of a source: each is sent the newest state as soon as it can take it, and none is waited for.

Not a queue a viewer: a state is put into words once, for all who look, and only while somebody does. One who is slow
gets fewer of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from .messages import event, state
from .runner_thread import BusyError, RunnerThread
from .snapshots import Live

MAX_VIEWERS = 200

# No viewer is sent more than ten states a second, nor all of them together more than a hundred: what is left of a
# small processor is for reading digits.
_MIN_INTERVAL_S = 0.1
_MAX_SENDS_HZ = 100
_TICK_S = 0.02
# A viewer who has gone shows when something is sent.
_SIGN_OF_LIFE = b":\n\n"
_SIGN_OF_LIFE_S = 10.0


@dataclass(frozen=True)
class _Message:
    sequence: int
    content: bytes


class Viewers:
    """All who look at a source, in one loop of `asyncio`."""

    def __init__(self, live: Live, thread: RunnerThread) -> None:
        self._live = live
        self._thread = thread
        self._message = _Message(-1, b"")
        self._making: asyncio.Task[None] | None = None
        self._made_s = -_MIN_INTERVAL_S
        self._closed = False
        self.count = 0

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Yields server-sent events for one viewer: the state at once, then whenever there is a newer one."""
        self.count += 1
        try:
            seen = self._live.newest.sequence - 1
            while not self._closed:
                try:
                    message = await asyncio.wait_for(self._newer(seen), _SIGN_OF_LIFE_S)
                except asyncio.TimeoutError:
                    yield _SIGN_OF_LIFE
                    continue
                if message.sequence > seen:
                    seen = message.sequence
                    yield message.content
        finally:
            self.count -= 1

    def close(self) -> None:
        """Ends every stream within a moment."""
        self._closed = True

    async def _newer(self, seen: int) -> _Message:
        while self._message.sequence <= seen and not self._closed:
            if self._making is None or self._making.done():
                self._making = asyncio.create_task(self._make())
            # Whoever stops waiting does not stop it for the others.
            await asyncio.shield(self._making)
        return self._message

    async def _make(self) -> None:
        # The watching thread is not to spend its time on waking this one.
        while self._is_watched and not self._is_due:  # noqa: ASYNC110  # for that reason
            await asyncio.sleep(_TICK_S)
        if not self._is_watched:
            return
        self._made_s = asyncio.get_running_loop().time()
        newest = self._live.newest
        try:
            content = await self._thread.do(lambda runner: event(state(runner, newest)))
        except BusyError:
            return  # the next state may find room
        self._message = _Message(newest.sequence, content)

    @property
    def _is_watched(self) -> bool:
        return self.count > 0 and not self._closed

    @property
    def _is_due(self) -> bool:
        interval_s = max(_MIN_INTERVAL_S, self.count / _MAX_SENDS_HZ)
        elapsed_s = asyncio.get_running_loop().time() - self._made_s
        return self._live.newest.sequence > self._message.sequence and elapsed_s >= interval_s
