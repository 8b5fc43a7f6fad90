"""Tests with malformed requests: 10,000 if ROWSTREAM_THOROUGH=all, otherwise 1,000."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from device.web.openapi import description
from tests.support.checkout import EXHAUSTIVE
from tests.support.scenes import blank
from tests.support.served import PAGE, Served, png, served

REQUESTS = 10_000 if EXHAUSTIVE else 1_000
# What the interpreter and the allocator take for themselves.
GROWTH_KB = 30_000

DESCRIBED = description("")["paths"]
# Without /events, whose stream has no end.
PATHS = ["/", "/draw", "/openapi.json", "/model", "/classify", *(f"/{path.name}" for path in sorted(PAGE.iterdir()))]
KINDS = [*DESCRIBED["/classify"]["post"]["requestBody"]["content"], "text/plain", "image/png; q=1", ""]
PICTURE = png(blank(40, 30))

VISIBLE = st.characters(min_codepoint=33, max_codepoint=126)
HEADERS = st.dictionaries(
    st.sampled_from(["Accept", "Authorization", "Cookie", "Content-Type", "Range", "Expect", "Origin", "X-Other"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60).map(str.strip),
    max_size=3,
)


@st.composite
def broken_pictures(draw: st.DrawFn) -> bytes:
    """A PNG with some of its bytes exchanged, cut off, or repeated."""
    content = bytearray(PICTURE)
    for _ in range(draw(st.integers(1, 8))):
        content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    return bytes(content[: draw(st.integers(0, len(content)))]) * draw(st.integers(1, 3))


@st.composite
def paths(draw: st.DrawFn) -> str:
    """A path that is served, or nearly, or none at all; with a query, or without."""
    escaped = st.binary(max_size=4).map(lambda raw: "".join(f"%{byte:02x}" for byte in raw))
    path = draw(st.sampled_from(PATHS) | st.text(VISIBLE, max_size=30).map("/".__add__))
    return path + draw(st.just("") | escaped | st.text(VISIBLE, max_size=20).map("?token=".__add__))


@pytest.fixture(scope="module")
def canvas() -> Iterator[Served]:
    """A server without a source."""
    with served() as server:
        yield server


def status(server: Served, method: str, path: str, body: bytes, headers: dict[str, str]) -> int:
    """The status of an answer, which is JSON where it refuses."""
    with closing(server.connection()) as connection:
        connection.request(method, path, body or None, headers)
        response = connection.getresponse()
        content = response.read()
        if response.status >= 400 and method != "HEAD" and response.getheader("content-type") == "application/json":
            assert list(json.loads(content)) == ["error"]
        return response.status


@pytest.fixture
def warm(canvas: Served) -> int:
    """How much memory the server holds once everything in it has been used."""
    for _ in range(100):
        canvas.classify(PICTURE)
    return canvas.resident_kb()


@pytest.mark.thorough
def test_malformed_requests_do_no_harm(canvas: Served, warm: int) -> None:
    @settings(max_examples=REQUESTS, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(
        st.sampled_from(["GET", "HEAD", "POST", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "NONE"]),
        paths() | st.just("/classify"),
        broken_pictures() | st.binary(max_size=2_000),
        HEADERS,
        st.sampled_from(KINDS),
    )
    def ask(method: str, path: str, body: bytes, headers: dict[str, str], kind: str) -> None:
        assert status(canvas, method, path, body, {"Content-Type": kind, **headers}) < 500

    ask()
    assert canvas.process.poll() is None
    assert canvas.classify(PICTURE).status == 200
    assert canvas.resident_kb() - warm < GROWTH_KB


def test_malformed_http_does_no_harm(canvas: Served) -> None:
    @settings(max_examples=REQUESTS // 10, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(
        st.binary(max_size=300),
        st.sampled_from([b"", b"GET / HTTP/1.1\r\n", b"POST /classify HTTP/1.1\r\nHost: a\r\n"]),
    )
    def send(content: bytes, start: bytes) -> None:
        with closing(canvas.connection()) as connection:
            connection.connect()
            connection.sock.sendall(start + content + b"\r\n\r\n")
            try:
                answer = http.client.HTTPResponse(connection.sock)
                connection.sock.settimeout(0.02)
                answer.begin()
            except (OSError, http.client.HTTPException):
                return  # it hung up, or waits for more
            assert answer.status < 500

    send()
    assert canvas.classify(PICTURE).status == 200
    exit_status, stderr = canvas.ended()
    assert (exit_status, "Traceback" in stderr) == (0, False)
