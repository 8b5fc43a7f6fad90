"""Serves the application from a thread with an `asyncio` loop until it is closed.

Source: https://www.uvicorn.org/, in pure Python, so it installs on a Raspberry Pi without a compiler.
"""

from __future__ import annotations

import asyncio
import threading

import uvicorn

from ..closing import Closing
from ..held import Held
from .access import Access
from .address import Address, listen
from .application import application
from .bench import Bench
from .connections import BACKLOG, Connection
from .messages import model_of
from .runner_thread import RunnerThread
from .snapshots import Snapshots
from .viewers import Viewers

_HANG_UP_S = 0.5
_JOIN_S = 5.0


class Server(Closing):
    """Serves the page from when it is made until it is closed."""

    def __init__(self, held: Held, address: Address, token: str | None, shown: Snapshots | Bench | None = None) -> None:
        """Takes ownership of a runner, the address, the token of each request, and what to show instead of a canvas.

        That is the snapshots of a source, or another page. Raises OSError if it cannot listen at the
        address, and ValueError for a continuous model, or to show something with a model that is not one of digits.
        """
        snapshots = shown if isinstance(shown, Snapshots) else None
        model = model_of(held.runner(), live=snapshots is not None)
        if held.runner().manifest.continuous or (shown is not None and not model.digits):
            expected = "a model of digits to show a source" if shown is not None else "a model of whole inputs to serve"
            raise ValueError(f"Expected {expected}. Received: {model.name}")
        self._listener, self.address = listen(address)
        self._thread = RunnerThread(held)
        self._viewers = None if snapshots is None else Viewers(snapshots, self._thread)
        served = application(self._thread, model, self._viewers, None if isinstance(shown, Snapshots) else shown)
        self._server = uvicorn.Server(
            uvicorn.Config(
                Access(served, self.address, token),
                loop="asyncio",
                http=Connection,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="error",
                access_log=False,
                server_header=False,
                backlog=BACKLOG,
            )
        )
        self._loop = asyncio.new_event_loop()
        self._serving = threading.Thread(target=self._run, name="serve", daemon=True)
        self._serving.start()

    def close(self) -> None:
        """Ends the event streams, finishes current requests, and releases the address and the runner."""
        self._loop.call_soon_threadsafe(self._end)
        self._serving.join(_JOIN_S)
        self._thread.close()

    def _run(self) -> None:
        with self._listener:
            self._loop.run_until_complete(self._server.serve(sockets=[self._listener]))

    def _end(self) -> None:
        if self._viewers is not None:
            self._viewers.close()
        self._server.should_exit = True
        self._loop.call_later(_HANG_UP_S, self._hang_up)

    def _hang_up(self) -> None:
        # Otherwise a client that reads nothing, or never finishes its request, would keep the server alive.
        for connection in tuple(self._server.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
