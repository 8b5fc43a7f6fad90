"""A server on this machine that is posted to, for tests."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Taking:
    """What a server was sent, and with which statuses it answers, the last one from then on."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.bodies: list[Any] = []
        self.kinds: set[str | None] = set()
        self.may_answer = threading.Event()
        self.may_answer.set()


@contextmanager
def taking(taken: Taking, port: int = 0) -> Iterator[str]:
    """Serves until the end; gives the URL to post to."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.may_answer.wait(60)
            status = taken.statuses.pop(0) if len(taken.statuses) > 1 else taken.statuses[0]
            taken.kinds.add(self.headers["Content-Type"])
            taken.bodies.append((status, json.loads(body)))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/readings?key=1"
        finally:
            server.shutdown()
            thread.join()
