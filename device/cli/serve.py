"""`rowstream serve`: a page on which digits are drawn and read, or that shows what a source shows."""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, NoReturn

from ..advice import page_needs
from ..exit_status import ExitStatus
from ..notify import READY, STOPPING, notify
from ..web.snapshots import Snapshots
from .process import Stopped, quiet_opencv, stoppable
from .source_options import ServeOptions

if TYPE_CHECKING:
    from ..web.bench import Bench
    from ..web.server import Server

_LIBRARY = frozenset({"anyio", "click", "h11", "starlette", "uvicorn"})

log = logging.getLogger(__name__)


def serve_canvas(options: ServeOptions) -> ExitStatus:
    """Serves a canvas to draw digits on, until a signal asks for the end.

    Raises as `Runner` does, ImportError if something is not installed, and OSError if it cannot listen at the address.
    """
    quiet_opencv(options.model.threads)
    try:
        with stoppable(), serving(options):
            notify(READY)
            wait()
    except Stopped:
        notify(STOPPING)
        return ExitStatus.FINE


def serving(options: ServeOptions, live: Snapshots | None = None, bench: Bench | None = None) -> Server:
    """Starts a server of what a source shows, of another page, or of a canvas, and logs its address.

    The caller closes it. Raises as `serve_canvas` does.
    """
    try:
        from ..web.server import Server  # noqa: PLC0415  # an extra: the rest works without it
    except ModuleNotFoundError as error:
        if error.name not in _LIBRARY:
            raise
        raise ImportError(page_needs()) from error
    # A source's frames count for the trial of a release, and what is only worked on counts for none.
    with ExitStack() as opened:
        held = opened.enter_context(options.model.hold(counts=live is None and bench is None))
        server = Server(held, options.address, options.token, live or bench)
        # The server closes it from now on.
        opened.pop_all()
    token = "" if options.token is None else f"?token={options.token}"
    log.info(f"serving on http://{server.address}/{token}")
    return server


def wait() -> NoReturn:
    """Waits for a signal, which raises."""
    while True:
        threading.Event().wait()
