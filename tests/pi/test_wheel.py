"""Tests that the wheel for devices runs on emulated machines of 64 and 32 bits."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import MODELS, Digits
from tests.support.pi.emulator import Target
from tests.support.wheels import built_wheel


@pytest.fixture
def installed(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that pip installed the wheel into; the emulated system has no pip."""
    options = ("--quiet", "--no-deps", "--no-index", "--no-compile", "--target", str(tmp_path / "site"))
    command = [sys.executable, "-m", "pip", "install", *options, str(built_wheel(tmp_path_factory))]
    subprocess.run(command, check=True)
    return tmp_path / "site"


@pytest.mark.parametrize("target", ["pi4 ai-edge-litert", "armhf tflite-runtime"], indirect=True)
def test_installed_wheel_reads_a_digit(target: Target, installed: Path, digits: Digits, tmp_path: Path) -> None:
    """From the wheel alone, the command finds the first golden crop answered as it should be, and reads digits."""
    np.save(tmp_path / "crops.npy", digits[0][[0, 90, 210]])
    arguments = ("classify", "--model", MODELS / "rows2d", tmp_path / "crops.npy")
    read = target.python(["-m", "rowstream", *arguments], folder=installed)
    labels = [json.loads(line)["label"] for line in read.stdout.splitlines()]
    assert labels == [str(digits[1][index]) for index in (0, 90, 210)]
