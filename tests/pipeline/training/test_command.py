"""Tests of the command `python -m pipeline train`, in child processes, on a folder cut as MNIST is."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipeline.conftest import SmallMnist
from tests.support.checkout import ROOT

# The command with the small folder's hashes in place of MNIST's, and a small training mix.
CHILD = """
import functools, json, sys
import pipeline.data.mnist
import pipeline.synthesis.training_set
from pipeline.__main__ import main
pipeline.data.mnist.SHA256 = json.loads(sys.argv[1])
few = {"photographed": 64, "negatives": 64, "epoch_images": 1_280}
pipeline.synthesis.training_set.TrainingMix = functools.partial(pipeline.synthesis.training_set.TrainingMix, **few)
sys.exit(main(["train", "rows", "--data", sys.argv[2], "--fonts", sys.argv[3]]))
"""


def until(line: str, training: subprocess.Popen[str]) -> Iterator[str]:
    assert training.stderr is not None
    for written in training.stderr:
        yield written
        if line in written:
            return


def child(small: SmallMnist, fonts: Path, folder: Path) -> subprocess.Popen[str]:
    """`train rows` in `folder`."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", CHILD, json.dumps(dict(small.sha256)), str(small.folder), str(fonts)]
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)


def interrupted(line: str, small: SmallMnist, fonts: Path, folder: Path) -> tuple[str, int]:
    """Runs `train rows`, presses Ctrl-C at a line of its log; returns the whole log and the status."""
    with child(small, fonts, folder) as training:
        log = "".join(until(line, training))
        training.send_signal(signal.SIGINT)
        log += training.communicate()[1]
    return log, training.returncode


@pytest.mark.thorough
@pytest.mark.slow
def test_ctrl_c_ends_training_and_the_next_resumes(small_mnist: SmallMnist, font_folder: Path, tmp_path: Path) -> None:
    """Ctrl-C exits 130 without a traceback; the next `train` loads the training set and the last whole epoch."""
    log, status = interrupted("epoch 2 of 60", small_mnist, font_folder, tmp_path)
    assert (status, "Traceback" in log) == (130, False)
    assert "Photographing 64 digits, drawing 64 negatives" in log
    assert (tmp_path / "build" / "rows" / "train" / "run" / "last.keras").is_file()
    assert [path.suffix for path in (tmp_path / "build" / "training_set").iterdir()] == [".npz"]
    log, status = interrupted("validation accuracy", small_mnist, font_folder, tmp_path)
    assert (status, "Traceback" in log, "Photographing" in log) == (130, False, False)
    assert re.findall(r"epoch (\d+) of 60", log)[0] in {"2", "3"}


@pytest.mark.thorough
def test_a_second_training_of_a_variant_exits_2_while_the_first_lives(
    small_mnist: SmallMnist, font_folder: Path, tmp_path: Path
) -> None:
    """The message names the first's process. After that process is killed, training starts."""
    with child(small_mnist, font_folder, tmp_path) as first:
        list(until("Photographing", first))
        with child(small_mnist, font_folder, tmp_path) as second:
            _, log = second.communicate()
        first.kill()
    assert second.returncode == 2
    message = f"error: build/rows/train: Expected no other process. Received: process {first.pid} is writing there"
    assert log.splitlines()[-1] == message
    log, status = interrupted("validation accuracy", small_mnist, font_folder, tmp_path)
    assert (status, "Expected no other process" in log) == (130, False)


def test_training_without_fonts_exits_2(small_mnist: SmallMnist, tmp_path: Path) -> None:
    """A folder without fonts is refused in one line, before anything is trained."""
    with child(small_mnist, tmp_path, tmp_path) as training:
        _, log = training.communicate()
    assert training.returncode == 2
    assert log.splitlines()[-1] == "error: Expected at least one font that draws digits. Found none"
    assert list(tmp_path.iterdir()) == []
