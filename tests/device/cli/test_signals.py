"""Tests of how `python -m device watch` ends, and what it does while a live source comes and goes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import cv2
import pytest

from tests.conftest import MODELS, ROOT, Digits
from tests.support.scenes import Stream, page, serving, write_video

PATIENCE_S = 120
RAW = ("-", "--raw-size", "640x240")
SIGNALS = [signal.SIGINT, signal.SIGTERM]


class Child:
    """A running command, its lines on stdout read as they come."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        return dict(json.loads(self._process.stdout.readline()))

    def send(self, content: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(content)
        self._process.stdin.flush()

    def log_line(self, part: str) -> str:
        """The next line on stderr that holds a text."""
        assert self._process.stderr is not None
        return next(line for line in map(bytes.decode, self._process.stderr) if part in line).rstrip()

    def ended(self, number: signal.Signals) -> tuple[int, str]:
        """The exit status after a signal, and the last line on stderr."""
        self._process.send_signal(number)
        stdout, stderr = self._process.communicate(timeout=PATIENCE_S)
        assert b"Traceback" not in stderr
        for line in stdout.splitlines():
            json.loads(line)
        return self._process.returncode, stderr.decode().splitlines()[-1]


@contextmanager
def running(*arguments: str | Path) -> Iterator[Child]:
    """Starts the command; kills it at the end, should it still be there."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    command = [sys.executable, "-m", "device", "watch", "--model", MODELS / "rows2d", *arguments]
    with subprocess.Popen(
        [*map(str, command)],
        cwd=ROOT,
        env=kept,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield Child(process)
        finally:
            process.kill()


@pytest.mark.sampled
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_a_stream_well_and_closes_its_files(
    tmp_path: Path, digits: Digits, number: signal.Signals
) -> None:
    with serving(Stream([page(digits, (3, 1))])) as port:
        address = f"http://127.0.0.1:{port}/"
        with running(address, "--record", tmp_path / "out.mp4") as child:
            lines = [child.line() for _ in range(10)]
            status, summary = child.ended(number)
    assert [line["label"] for line in lines] == ["3", "1"] * 5
    assert {line["source"] for line in lines} == {address}
    assert status == 0
    assert summary.endswith(" candidates")
    capture = cv2.VideoCapture(str(tmp_path / "out.mp4"))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) >= 4
    assert capture.read()[0]


def test_a_stream_that_goes_and_comes_back_is_read_again(digits: Digits) -> None:
    with ExitStack() as stack:
        with serving(Stream([page(digits, (3,))])) as port:
            child = stack.enter_context(running(f"http://127.0.0.1:{port}/"))
            before = child.line()
        logged = child.log_line("retrying")
        stack.enter_context(serving(Stream([page(digits, (4,))]), port))
        after = next(line for line in (child.line() for _ in range(1000)) if line["label"] != "3")
        status, _ = child.ended(signal.SIGTERM)
    assert logged == f"http://127.0.0.1:{port}/: no more frames; retrying in 0.5 s"
    assert (before["label"], after["label"]) == ("3", "4")
    assert after["frame"] > before["frame"]
    assert status == 0


@pytest.mark.sampled
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_the_wait_for_a_source_that_is_not_there(number: signal.Signals) -> None:
    with running("/dev/video97") as child:
        assert child.log_line("retrying").endswith("No such file or directory: '/dev/video97'; retrying in 0.5 s")
        assert child.ended(number) == (0, "0 frames, 0 dropped, 0 candidates")


@pytest.mark.slow
def test_a_signal_ends_a_stream_that_stands_still(digits: Digits) -> None:
    stream = Stream([page(digits, (3, 1))])
    with serving(stream) as port, running(f"http://127.0.0.1:{port}/") as child:
        child.line()
        stream.still.set()
        status, summary = child.ended(signal.SIGTERM)
    assert status == 0
    assert summary.endswith(" candidates")


@pytest.mark.sampled
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_the_wait_for_raw_frames(digits: Digits, number: signal.Signals) -> None:
    image = page(digits, (3, 1))
    with running(*RAW) as child:
        child.send(image.tobytes())
        assert [child.line()["label"] for _ in range(2)] == ["3", "1"]
        child.send(image.tobytes()[:1000])
        assert child.ended(number) == (0, "1 frame, 0 dropped, 2 candidates")


def test_lines_come_as_soon_as_their_frame_is_read(digits: Digits) -> None:
    with running(*RAW) as child:
        for frame in range(3):
            child.send(page(digits, (3,)).tobytes())
            assert child.line()["frame"] == frame


@pytest.mark.sampled
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_during_a_video_ends_it_with_the_signals_status_and_closes_its_files(
    tmp_path: Path, digits: Digits, number: signal.Signals, status: int
) -> None:
    write_video(tmp_path / "long.avi", [page(digits, (3, 1))] * 600)
    with running(tmp_path / "long.avi", "--record", tmp_path / "out.mp4") as child:
        for _ in range(10):
            child.line()
        ended, summary = child.ended(number)
    assert ended == status
    assert summary.endswith(" candidates")
    assert cv2.VideoCapture(str(tmp_path / "out.mp4")).read()[0]
