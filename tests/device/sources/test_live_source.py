"""Tests of `device.sources.live_source` and `device.sources.captures`, most on a real stream."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest

from device.sources.captures import open_camera, open_stream
from device.sources.live_source import LiveSource, Pauses
from tests.support.scenes import Image, Stream, blank, serving

SHORT = Pauses(0.05, 0.2)


class Counting:
    """A capture that gives a frame, the others as soon as it is let, then fails."""

    def __init__(self, frames: int) -> None:
        self.frames = self.left = frames
        self.go_on = threading.Event()
        self.empty = threading.Event()
        self.closed = threading.Event()

    def read(self) -> Image:
        if not self.left:
            self.empty.set()
            raise OSError("no more frames")
        if self.left < self.frames:
            self.go_on.wait(60)
        self.left -= 1
        return blank(4, 4)

    def close(self) -> None:
        self.closed.set()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def stream_at(port: int) -> LiveSource:
    address = f"http://127.0.0.1:{port}/"
    return LiveSource(address, lambda: open_stream(address), SHORT)


def test_a_stream_gives_its_frames_in_blue_green_red() -> None:
    with serving(Stream([np.full((48, 64, 3), (200, 100, 50), np.uint8)])) as port, stream_at(port) as source:
        frames = list(islice(source, 3))
    assert np.abs(frames[0].image.astype(int) - [200, 100, 50]).max() < 12
    assert [frame.image.shape for frame in frames] == [(48, 64, 3)] * 3
    assert not any(frame.still for frame in frames)


def test_only_the_newest_frame_is_kept_and_the_others_are_counted() -> None:
    capture = Counting(10)
    with LiveSource("counted", lambda: capture, Pauses(60, 60)) as source:
        frames = iter(source)
        assert next(frames).number == 0
        capture.go_on.set()
        assert capture.empty.wait(60)
        second = next(frames)
    assert second.number == 9
    # Ten came and two were taken.
    assert source.dropped == 8
    assert capture.closed.wait(60)


def test_a_lost_stream_is_reopened(caplog: pytest.LogCaptureFixture) -> None:
    first, second = Stream([blank(64, 48)]), Stream([blank(32, 24)])
    with serving(first) as port:
        source = stream_at(port)
        frames = iter(source)
        assert next(frames).image.shape == (48, 64, 3)
    with serving(second, port), source:
        back = next(frame for frame in frames if frame.image.shape == (24, 32, 3))
    assert back.number > 0
    assert caplog.messages[0] == f"http://127.0.0.1:{port}/: no more frames; retrying in 0.05 s"


def test_pauses_double_until_a_frame_comes(caplog: pytest.LogCaptureFixture) -> None:
    tries: list[int] = []

    def open_at_the_sixth() -> Counting:
        tries.append(len(tries))
        if len(tries) < 6:
            raise OSError("cannot be opened")
        return Counting(1)

    with LiveSource("camera", open_at_the_sixth, Pauses(0.01, 0.05)) as source:
        numbers = [frame.number for frame in islice(source, 2)]
    assert numbers[0] < numbers[1]
    pauses = [message.rpartition("retrying in ")[2] for message in caplog.messages]
    assert pauses[:6] == ["0.01 s", "0.02 s", "0.04 s", "0.05 s", "0.05 s", "0.01 s"]
    assert caplog.messages[0] == "camera: cannot be opened; retrying in 0.01 s"


def test_each_failure_of_a_camera_is_counted() -> None:
    """A camera that cannot be opened counts once for each attempt."""
    attempted = threading.Semaphore(0)

    def refuse() -> Counting:
        attempted.release()
        raise OSError("no camera")

    with LiveSource("absent", refuse, Pauses(0.01, 0.01)) as source:
        taking = threading.Thread(target=list, args=(source,))
        taking.start()
        assert all(attempted.acquire(timeout=60) for _ in range(4))
        # The fourth attempt came after the third was counted.
        assert source.interruptions >= 3
    taking.join(60)


def test_an_unexpected_error_is_raised_where_the_frames_are_taken() -> None:
    def broken() -> Counting:
        raise ValueError("Expected a frame")

    with LiveSource("camera", broken) as source, pytest.raises(ValueError, match="Expected a frame"):
        next(iter(source))


def test_closing_ends_the_thread_during_a_pause() -> None:
    def absent() -> Counting:
        raise OSError("cannot be opened")

    source = LiveSource("camera", absent, Pauses(60, 60))
    taken = threading.Thread(target=lambda: list(source))
    taken.start()
    source.close()
    taken.join(60)
    assert not taken.is_alive()
    assert "capture camera" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.skipif(sys.platform != "linux", reason="cameras have files on Linux alone")
@pytest.mark.parametrize("name", [97, "/dev/video97"])
def test_a_missing_camera_is_an_os_error_with_its_reason(name: str | int) -> None:
    with pytest.raises(OSError, match="No such file or directory: '/dev/video97'"):
        open_camera(name)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port at which somebody takes calls, and says nothing but good bye."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            with contextlib.suppress(OSError):
                while True:
                    server.accept()[0].close()

        threading.Thread(target=hang_up, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def test_an_address_that_sends_no_video_is_an_os_error_with_its_reason(silent_port: int) -> None:
    with pytest.raises(OSError, match=f"127.0.0.1:{silent_port} accepts connections but sends no video"):
        open_stream(f"http://127.0.0.1:{silent_port}/")


def test_a_refused_connection_is_an_os_error_with_its_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(OSError, match=r"cannot be opened: .*Connection refused"):
        open_stream(f"rtsp://127.0.0.1:{port}/live")


def test_an_unknown_host_is_an_os_error_with_its_reason() -> None:
    with pytest.raises(OSError, match="unknown host 'nosuch"):
        open_stream("http://nosuch.invalid/")


@pytest.mark.parametrize(("first_s", "longest_s"), [(0, 1), (-1, 1), (2, 1), (float("nan"), 1)])
def test_invalid_pauses_are_refused(first_s: float, longest_s: float) -> None:
    with pytest.raises(ValueError, match="Expected 0 < first_s <= max_s"):
        Pauses(first_s, longest_s)
