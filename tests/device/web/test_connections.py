"""Tests of `device.web.connections`: clients that send nothing take nothing from the others, nor from a camera."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import cv2
import pytest

from tests.support.scenes import blank
from tests.support.served import PATIENCE_S, Served, png, served

MAX_FILES = 128
SILENT = 300
PICTURE = png(blank(40, 30))


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """A folder of pictures, each of which is a file to open."""
    for number in range(2_000):
        assert cv2.imwrite(str(tmp_path / f"{number:04}.png"), blank(40, 30))
    return tmp_path


@pytest.fixture
def poor(frames: Path) -> Iterator[Served]:
    """A server that watches the pictures, and may have few open files."""
    with served("--source", frames, "--interval", "0.05") as server:
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (MAX_FILES, MAX_FILES))
        yield server


def connected(server: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), PATIENCE_S)


def frames_read(server: Served) -> int:
    return int(next(server.states())["frames"])


@pytest.mark.thorough
def test_silent_connections_keep_nobody_out(poor: Served) -> None:
    """Hundreds of connections that send nothing, or half a request, keep no other from an answer and no frame away."""
    before = frames_read(poor)
    with ExitStack() as stack:
        for number in range(SILENT):
            client = stack.enter_context(closing(connected(poor)))
            if number % 3:
                client.sendall(
                    (b"GET / HT", b"POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")[
                        number % 3 - 1
                    ]
                )
        assert [poor.classify(PICTURE).status for _ in range(20)] == [200] * 20
        assert len([*Path(f"/proc/{poor.process.pid}/fd").iterdir()]) < MAX_FILES
        assert frames_read(poor) > before
    exit_status, stderr = poor.ended()
    assert (exit_status, "error" in stderr, "Traceback" in stderr) == (0, False, False)


@pytest.mark.thorough
def test_connections_that_read_nothing_keep_nobody_out(poor: Served) -> None:
    """Clients that ask for everything and read nothing are closed when others come."""
    with ExitStack() as stack:
        for _ in range(SILENT):
            client = stack.enter_context(closing(connected(poor)))
            try:
                client.sendall(b"GET /style.css HTTP/1.1\r\nHost: localhost\r\n\r\n" * 500)
            except ConnectionError:
                continue  # it was closed meanwhile
        assert [poor.classify(PICTURE).status for _ in range(20)] == [200] * 20
    assert poor.ended()[0] == 0


@pytest.mark.thorough
def test_a_request_that_does_not_come_ends_its_connection() -> None:
    """A connection without a whole head is closed in time, even if bytes keep coming, also after an answer."""
    request = b"GET /model HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with served() as server, ExitStack() as stack:
        silent, slow, answered = (stack.enter_context(closing(connected(server))) for _ in range(3))
        answered.sendall(request)
        assert answered.recv(12) == b"HTTP/1.1 200"
        open_clients = {silent: b"", slow: b"G", answered: b"G"}
        for client in open_clients:
            client.settimeout(0.5)
        for _ in range(2 * PATIENCE_S):
            for client, drip in tuple(open_clients.items()):
                try:
                    client.sendall(drip)
                    ended = client.recv(2**16) == b""
                except TimeoutError:
                    continue
                except ConnectionError:
                    ended = True
                if ended:
                    del open_clients[client]
        assert open_clients == {}
