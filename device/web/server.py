"""The server: a thread with a loop of `asyncio` that serves an application until it is closed.

Not what is served (`device.web.application`). The thread that watches a source has no part in it, and waits for
nothing.

Source: https://www.uvicorn.org/, which is pure Python, as a Raspberry Pi likes it.
"""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType

import uvicorn

from ..runner import Runner
from .access import Access
from .address import Address, listen
from .application import application
from .messages import model
from .runner_thread import RunnerThread
from .snapshots import Live
from .viewers import Viewers

# More connections than that, and a new one is answered 503.
_MAX_CONNECTIONS = 400
_HANG_UP_S = 0.5
_JOIN_S = 5.0


class Server:
    """Serves the page from the moment it is made until it is closed."""

    def __init__(self, runner: Runner, address: Address, token: str | None, live: Live | None = None) -> None:
        """Takes a runner for itself, where to listen, what a request must carry, and the source to show.

        Raises:
            OSError: nothing can listen there.
        """
        self._listener, self.address = listen(address)
        self._thread = RunnerThread(runner)
        self._viewers = None if live is None else Viewers(live, self._thread)
        served = application(self._thread, model(runner, live=live is not None), self._viewers)
        self._server = uvicorn.Server(
            uvicorn.Config(
                Access(served, self.address, token),
                loop="asyncio",
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="error",
                access_log=False,
                server_header=False,
                limit_concurrency=_MAX_CONNECTIONS,
            )
        )
        self._loop = asyncio.new_event_loop()
        self._serving = threading.Thread(target=self._run, name="serve", daemon=True)
        self._serving.start()

    def close(self) -> None:
        """Ends the streams, answers what is under way, and lets go of the address and the runner."""
        self._loop.call_soon_threadsafe(self._end)
        self._serving.join(_JOIN_S)
        self._thread.close()

    def __enter__(self) -> Server:  # noqa: PYI034  # `Self` is in `typing` from Python 3.11 on
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        with self._listener:
            self._loop.run_until_complete(self._server.serve(sockets=[self._listener]))

    def _end(self) -> None:
        if self._viewers is not None:
            self._viewers.close()
        self._server.should_exit = True
        self._loop.call_later(_HANG_UP_S, self._hang_up)

    def _hang_up(self) -> None:
        # Whoever takes nothing, or never finishes asking, does not keep the server from ending.
        for connection in tuple(self._server.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
