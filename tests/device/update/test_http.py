"""Tests of releases from an HTTP server, also from one that breaks off, or never ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tuf.api.exceptions import SlowRetrievalError

from device.__main__ import main
from device.update.fetching import HttpFetcher
from tests.device.update.test_attacks import Fleet

ENDLESS = b"\0" * (1 << 16)


class Repository(SimpleHTTPRequestHandler):
    """A server of a repository that answers otherwise for names that end with a text."""

    protocol_version = "HTTP/1.1"
    odd, answer = "", staticmethod(lambda _handler: None)
    sent_bytes = 0

    def do_GET(self) -> None:
        if self.odd and self.path.endswith(self.odd):
            self.close_connection = True
            type(self).answer(self)
        else:
            super().do_GET()

    def log_message(self, *_arguments: object) -> None:
        """Says nothing."""

    def begin(self, *lengths: int) -> None:
        self.send_response(200)
        for length in lengths:
            self.send_header("Content-Length", str(length))
        self.send_header("Connection", "close")
        self.end_headers()

    def send(self, content: bytes) -> bool:
        try:
            self.wfile.write(content)
        except OSError:
            return False
        type(self).sent_bytes += len(content)
        return True


def half(handler: Repository) -> None:
    """A connection cut half way through a file."""
    content = Path(handler.translate_path(handler.path)).read_bytes()
    handler.begin(len(content))
    handler.send(content[: len(content) // 2])


def endless(handler: Repository) -> None:
    handler.begin()
    while handler.send(ENDLESS):
        pass


def missing(handler: Repository) -> None:
    handler.send_error(404)


def failing(handler: Repository) -> None:
    handler.send_error(500)


def dripping(handler: Repository) -> None:
    handler.begin()
    while handler.send(b"\0"):
        time.sleep(0.01)


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    fleet = Fleet(tmp_path)
    fleet.publish("0.2.0")
    return fleet


@pytest.fixture
def serve(fleet: Fleet) -> Iterator[Callable[..., type[Repository]]]:
    servers = []

    def start(odd: str = "", answer: Callable[[Repository], None] = missing) -> type[Repository]:
        handler = type("Odd", (Repository,), {"odd": odd, "answer": staticmethod(answer)})
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(fleet.repo)))
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        fleet.source = f"http://127.0.0.1:{server.server_port}/"
        return handler

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.slow
def test_a_release_is_installed_from_a_server(fleet: Fleet, serve: Callable[..., type[Repository]]) -> None:
    """An address is a source as a folder is."""
    serve()
    assert fleet.install() == 0
    assert fleet.current() != fleet.before


@pytest.mark.slow
@pytest.mark.sampled
@pytest.mark.parametrize("name", ["timestamp.json", ".snapshot.json", ".targets.json", "model.int8.tflite"])
@pytest.mark.parametrize(("answer", "status"), [(half, 2), (missing, 2), (failing, 2), (endless, 1)])
def test_a_bad_server_does_not_change_the_current_release(
    fleet: Fleet,
    serve: Callable[..., type[Repository]],
    name: str,
    answer: Callable[[Repository], None],
    status: int,
) -> None:
    """A file that is missing, breaks off or never ends is not taken; the next install, from a good server, succeeds."""
    odd = serve(name, answer)
    assert fleet.install() == status
    assert fleet.current() == fleet.before
    # What was signed of a model's length bounds what is read, beside what the sockets between them hold.
    assert odd.sent_bytes < 20 << 20
    serve()
    assert fleet.install() == 0
    assert fleet.current() != fleet.before


def test_a_server_that_is_not_there_is_unreadable(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody listens: the status is that of an unreadable source, with one line that names it."""
    fleet.source = "http://127.0.0.1:9/"
    assert fleet.install() == 2
    assert capsys.readouterr().err.startswith("error: http://127.0.0.1:9/: ")
    assert fleet.current() == fleet.before


@pytest.mark.slow
def test_slow_retrieval_ends(fleet: Fleet, serve: Callable[..., type[Repository]]) -> None:
    """A server that sends a byte now and then is given up, though no single byte takes long."""
    serve("timestamp.json", dripping)
    with pytest.raises(SlowRetrievalError):
        HttpFetcher(file_s=0.1).download_bytes(f"{fleet.source}metadata/timestamp.json", 1 << 20)


def test_an_address_of_another_kind_is_wrong_use(tmp_path: Path) -> None:
    """A source is a folder or an http(s) address."""
    assert main(["install", "ftp://127.0.0.1/", "--home", str(tmp_path)]) == 2
