"""Tests of `device.__main__`: what all commands share, each in a child process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import device as device_package
from device.advice import page_needs, pip_install
from tests.conftest import MODELS, ROOT, run_python

ROWS2D = MODELS / "rows2d"


def device(
    *arguments: str | Path, stdout: int = subprocess.PIPE, site: Path | None = None
) -> subprocess.CompletedProcess[str]:
    child = run_python("-m", "device", *arguments, stdout=stdout, site=site)
    assert "Traceback" not in child.stderr
    return child


@pytest.fixture(params=[1, 3000])
def closed_pipe(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """Crops, fewer and more than a pipe holds answers to, and a pipe that nobody reads."""
    np.save(tmp_path / "crops.npy", np.zeros((request.param, 28, 28), np.uint8))
    reading, writing = os.pipe()
    os.close(reading)
    yield tmp_path / "crops.npy", writing
    os.close(writing)


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "the following arguments are required: COMMAND"),
        (("classify",), "the following arguments are required: FILE"),
        (("fly",), "invalid choice: 'fly'"),
        (("classify", "--threads", "0", "a.npy"), "error: Expected threads in 1..1024. Received: 0"),
        (("classify", "--threads", "-1", "a.npy"), "error: Expected threads in 1..1024. Received: -1"),
        (("classify", "--threads", "two", "a.npy"), "argument --threads: invalid int value: 'two'"),
        (("classify", "--threads", "99999999999", "a.npy"), "Expected threads in 1..1024. Received: 99999999999"),
        (("classify", "--runtime", "onnxruntime", "a.npy"), "argument --runtime: invalid choice: 'onnxruntime'"),
        (("classify", "a.npy", "--one"), "unrecognized arguments: --one"),
    ],
)
def test_wrong_use(arguments: tuple[str, ...], message: str) -> None:
    """A command line that makes no sense ends with 2 and says why."""
    child = device(*arguments)
    assert (child.returncode, child.stdout) == (2, "")
    assert message in child.stderr
    assert len(child.stderr) < 1000


def test_wrong_options_are_answered_without_an_interpreter_or_opencv() -> None:
    """A missing model, a wrong region or a wrong size of raw frames is answered before anything heavy is imported."""
    code = """
import sys
from device.__main__ import main
for arguments in (["classify", "--model", "nosuch", "a.npy"], ["watch", "0", "--roi", "1,2"],
                  ["watch", "0", "--model", "nosuch"], ["watch", "nosuch.mp4"],
                  ["watch", "-", "--raw-size", "4by4"], ["serve", "0.0.0.0:80"]):
    try:
        assert main(arguments) == 2
    except SystemExit as ended:
        assert ended.code == 2
assert sys.modules.keys().isdisjoint({"ai_edge_litert", "cv2", "tflite_runtime"})
"""
    child = run_python("-c", code)
    assert (child.returncode, child.stderr.count("error: ")) == (0, 6), child.stderr


def test_version() -> None:
    """The version is the package's."""
    assert device("--version").stdout == f"rowstream {device_package.__version__}\n"


def test_nobody_reads_the_answers(closed_pipe: tuple[Path, int]) -> None:
    """A reader that has enough, as `head` has, ends the program quietly."""
    crops, pipe = closed_pipe
    child = device("classify", "--model", ROWS2D, crops, stdout=pipe)
    assert (child.returncode, child.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("crops", [1, 3000])
def test_full_disk(tmp_path: Path, crops: int) -> None:
    """Answers that cannot be written end the program with 2 and the reason."""
    np.save(tmp_path / "crops.npy", np.zeros((crops, 28, 28), np.uint8))
    with Path("/dev/full").open("wb") as full:
        child = device("classify", "--model", ROWS2D, tmp_path / "crops.npy", stdout=full.fileno())
    assert (child.returncode, child.stderr) == (2, "error: [Errno 28] No space left on device\n")


@pytest.mark.parametrize("command", ["watch", "serve"])
def test_without_opencv_a_command_says_what_to_install(bare_site: Callable[..., Path], command: str) -> None:
    """Where OpenCV is not installed, the commands that need it name it and Pillow."""
    child = device(command, "0", "--model", ROWS2D, site=bare_site("numpy", "ai-edge-litert"))
    watch_needs = f"watch needs OpenCV and Pillow: {pip_install('opencv-python-headless', 'pillow')}"
    message = f"error: {watch_needs if command == 'watch' else page_needs()}\n"
    assert (child.returncode, child.stderr) == (2, message)


@pytest.mark.thorough
def test_an_interrupted_command_ends_with_130(tmp_path: Path) -> None:
    """Ctrl-C ends a command with the status that shells expect, and without a traceback."""
    np.save(tmp_path / "crops.npy", np.zeros((100_000, 28, 28), np.uint8))
    command = [sys.executable, "-m", "device", "classify", "--by-line", "--model", ROWS2D, tmp_path / "crops.npy"]
    with subprocess.Popen([*map(str, command)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (130, b"")
