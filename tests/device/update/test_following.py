"""Tests of `watch`, `serve` and `classify` on a device with signed releases: they read with the current one."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device.__main__ import main
from device.update.home import Home
from device.update.trial import Start, trial_of
from tests.conftest import MODELS, ROOT, Digits
from tests.device.update.test_attacks import Fleet
from tests.support.scenes import page
from tests.support.served import RAW, served

PATIENCE_S = 120


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path)


class Watched:
    """A `watch --one` that reads raw frames from a pipe."""

    def __init__(self, process: subprocess.Popen[bytes], frame: bytes) -> None:
        self.process, self.frame = process, frame

    def read(self) -> dict[str, Any]:
        """The answer to one frame more."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(self.frame)
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def trusted(self) -> float:
        """The probability that its release gives the frame, after as many frames as end a trial."""
        first, *_ = (self.read()["probability"] for _ in range(10))
        return float(first)


def install_newer(fleet: Fleet) -> None:
    fleet.publish("0.2.0", model="conv1d")
    assert fleet.install() == 0


@contextmanager
def watching(home: Path, digits: Digits) -> Iterator[Watched]:
    command = [sys.executable, "-m", "device", "watch", "-", "--raw-size", "640x240", "--one"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "ROWSTREAM_HOME": str(home)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield Watched(process, page(digits, (3,)).tobytes())
        finally:
            process.kill()


@pytest.mark.slow
def test_a_stream_of_frames_goes_on_while_a_release_is_installed(fleet: Fleet, digits: Digits) -> None:
    """Every frame is answered, in order: by the old release up to one frame, and by the new one from the next on."""
    fleet.publish("0.2.0", model="conv1d")
    with watching(fleet.home, digits) as watched:
        answers = [watched.read()]
        installing = threading.Thread(target=fleet.install)
        installing.start()
        while installing.is_alive():
            answers.append(watched.read())
        answers += [watched.read() for _ in range(12)]
        watched.process.send_signal(signal.SIGTERM)
        watched.process.wait(PATIENCE_S)
        assert watched.process.stderr is not None
        log = watched.process.stderr.read().decode()
    assert fleet.current() != fleet.before
    assert [answer["frame"] for answer in answers] == list(range(len(answers)))
    assert {answer["label"] for answer in answers} == {"3"}
    probabilities = [answer["probability"] for answer in answers]
    old, new = probabilities[0], probabilities[-1]
    changed = probabilities.index(new)
    assert old != new
    assert probabilities == [old] * changed + [new] * (len(answers) - changed)
    assert "changed over to rowstream-conv1d 0.2.0" in log
    # Of the twelve frames after the installation, ten are enough.
    assert trial_of(Home(fleet.home)) is None


@pytest.mark.thorough
def test_killed_starts_bring_back_the_release_before(fleet: Fleet, digits: Digits) -> None:
    """A service that dies three times with a new release reads with the earlier one at its fourth start."""
    with watching(fleet.home, digits) as watched:
        old = watched.trusted()
    install_newer(fleet)
    seen = []
    for _ in range(4):
        with watching(fleet.home, digits) as watched:
            seen.append(watched.read()["probability"] == old)
            watched.process.kill()
    assert seen == [False, False, False, True]
    assert fleet.current() == fleet.before


@pytest.mark.slow
def test_a_release_that_cannot_be_loaded_is_left_while_reading(fleet: Fleet, digits: Digits) -> None:
    """Reading goes on with the earlier release, which is current again after three frames."""
    with watching(fleet.home, digits) as watched:
        old = watched.trusted()
        install_newer(fleet)
        # The disk fails after the installation.
        (fleet.home / "releases" / fleet.current() / "model.int8.tflite").write_bytes(b"")
        assert [watched.read()["probability"] for _ in range(5)] == [old] * 5
    assert fleet.current() == fleet.before


@pytest.mark.thorough
def test_a_page_changes_over(fleet: Fleet, digits: Digits) -> None:
    """`serve` answers with the newer release, and says so."""
    crop = digits[0][3].tobytes()
    with served("--home", fleet.home, model=None) as server:
        before = server.classify(crop, RAW).json
        assert server.ask("/model").json["release"] == "0.1.0"
        install_newer(fleet)
        assert server.ask("/model").json["release"] == "0.2.0"
        after = server.classify(crop, RAW).json
        assert (before["label"], before["probability"] == after["probability"]) == (after["label"], False)
        for _ in range(9):
            server.classify(crop, RAW)
        assert trial_of(Home(fleet.home)) is None
        assert server.ended() == (0, server.log.read_text())


@pytest.mark.slow
def test_a_start_on_an_address_in_use_has_not_failed(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    """It says nothing of the release, which three failed starts would roll back."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert main(["serve", address, "--home", str(fleet.home)]) == 2
    assert "Address already in use" in capsys.readouterr().err
    trial = trial_of(Home(fleet.home))
    assert trial is not None
    assert trial.failed_starts == 0


@pytest.mark.slow
def test_classify_reads_with_the_current_release(
    fleet: Fleet, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a model it is the current release of --home, or of ROWSTREAM_HOME; it counts for no trial."""
    np.save(tmp_path / "crop.npy", np.zeros((28, 28), np.uint8))
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    assert main(["classify", "crop.npy", "--home", str(fleet.home)]) == 0
    named = json.loads(capsys.readouterr().out)
    monkeypatch.setenv("ROWSTREAM_HOME", str(fleet.home))
    assert main(["classify", "crop.npy"]) == 0
    assert json.loads(capsys.readouterr().out)["probability"] == named["probability"]
    trial = trial_of(Home(fleet.home))
    assert trial is not None
    assert (trial.failed_starts, trial.readings) == (0, 0)
    assert main(["classify", "crop.npy", "--home", str(fleet.home), "--model", str(MODELS / "rows2d")]) == 2
    assert capsys.readouterr().err == "error: Expected --home or a model. Received both\n"


def test_a_page_beside_a_source_counts_no_start(tmp_path: Path) -> None:
    """A start that does not count leaves the trial as it is."""
    (tmp_path / "releases" / "a").mkdir(parents=True)
    home = Home(tmp_path)
    home.switch("a")
    start = Start(home, counts=False)
    start.count_reading()
    start.end()
    assert not home.trial("a").exists()
