"""Tests of what `watch` and `serve` say to a service manager: the command in a child process, and a real socket."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import MODELS, ROOT, Digits
from tests.support.scenes import page
from tests.support.service_manager import ServiceManager, service_manager

PATIENCE_S = 120
RAW = ("-", "--raw-size", "640x240")


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[ServiceManager]:
    with service_manager(str(tmp_path / "notify")) as listening:
        yield listening


@contextmanager
def service(manager: ServiceManager, *arguments: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    """Starts a command as a service manager does; kills it at the end, should it still be there."""
    with subprocess.Popen(
        [sys.executable, "-m", "device", *arguments, "--model", MODELS / "rows2d"],
        cwd=ROOT,
        env={**os.environ, "NOTIFY_SOCKET": manager.address},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def send(process: subprocess.Popen[bytes], content: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(content)
    process.stdin.flush()


def stopped(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE_S)
    return process.returncode


@pytest.mark.sampled
@pytest.mark.parametrize("command", [["watch", *RAW], ["serve", "0", "--source", *RAW]])
def test_the_watchdog_is_fed_once_for_each_frame_that_was_read(
    command: list[str], manager: ServiceManager, digits: Digits
) -> None:
    """The first frame makes the service ready; while its source stands still, the watchdog is not fed."""
    frame = page(digits, (3, 1)).tobytes()
    with service(manager, *command) as process:
        send(process, frame)
        assert manager.received() == ["READY=1", "WATCHDOG=1"]
        send(process, frame + frame)
        assert [manager.received(), manager.received()] == [["WATCHDOG=1"], ["WATCHDOG=1"]]
        # Half a frame is none, however long it has been there.
        send(process, frame[: len(frame) // 2])
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(3)
        assert manager.waiting() == []
        send(process, frame[len(frame) // 2 :])
        assert manager.received() == ["WATCHDOG=1"]
        stopped(process)
        assert manager.waiting() == ["STOPPING=1"]


@pytest.mark.slow
def test_a_service_whose_camera_gives_nothing_is_not_ready(manager: ServiceManager) -> None:
    """A camera that is not there is waited for, and the service manager hears nothing meanwhile."""
    with service(manager, "watch", "77") as process:
        assert process.stderr is not None
        assert any(b"retrying in 1 s" in line for line in process.stderr)
        assert manager.waiting() == []
        assert stopped(process) == 0
        assert manager.waiting() == ["STOPPING=1"]


@pytest.mark.slow
def test_a_page_to_draw_on_is_ready_once_it_is_served(manager: ServiceManager) -> None:
    """Without a source there is no frame to wait for."""
    with service(manager, "serve", "0") as process:
        assert manager.received() == ["READY=1"]
        assert stopped(process) == 0
        assert manager.waiting() == ["STOPPING=1"]


@pytest.mark.slow
def test_an_image_that_cannot_be_read_does_not_feed_the_watchdog(manager: ServiceManager, tmp_path: Path) -> None:
    """Only what was read counts."""
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with service(manager, "watch", tmp_path / "broken.png") as process:
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2
    assert manager.waiting() == ["STOPPING=1"]
