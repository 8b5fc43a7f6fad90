"""Bounds what a server's connections can take: their number, and how long one may take to send a request.

A connection that sends nothing costs its client nothing, but the server a file descriptor, of which the process has few
and a camera needs some. uvicorn limits neither, so at the limit the connection that has waited longest is closed.
"""

from __future__ import annotations

import sys
from asyncio import TimerHandle, Transport

from uvicorn.protocols.http.h11_impl import H11Protocol

# Also the number of connections that are accepted before the first of them is counted.
BACKLOG = 16

_MAX_CONNECTIONS = 400
_REQUEST_S = 10.0


def max_connections() -> int:
    """Returns the maximum number of connections: 400, or half of the process's file descriptors if that is less."""
    if sys.platform == "win32":  # sockets are not file descriptors there
        return _MAX_CONNECTIONS
    import resource  # noqa: PLC0415  # not on Windows

    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MAX_CONNECTIONS if limit == resource.RLIM_INFINITY else max(1, min(_MAX_CONNECTIONS, limit // 2))


class Connection(H11Protocol):
    """An HTTP connection that makes room for others: one that waits for its client is closed if there are too many."""

    since = 0.0
    _timer: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_request()
        connections = [each for each in self.connections if isinstance(each, Connection) and each.is_open]
        if len(connections) > max_connections():
            waiting = (each for each in connections if each.waits_for_client)
            min(waiting, key=lambda each: each.since, default=self).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._timer is not None:
            self._timer.cancel()

    def on_response_complete(self) -> None:
        self._expect_request()
        super().on_response_complete()

    @property
    def is_open(self) -> bool:
        return not self.transport.is_closing()

    @property
    def waits_for_client(self) -> bool:
        """Whether the next step is the client's: to send the rest of a request, or to read an answer."""
        answered = self.cycle is None or self.cycle.response_complete
        return answered or self.cycle.more_body or self.flow.write_paused

    def _expect_request(self) -> None:
        self.since = self.loop.time()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(_REQUEST_S, self._end_if_idle)

    def _end_if_idle(self) -> None:
        # Bytes that do not complete a request do not prolong the time.
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()
