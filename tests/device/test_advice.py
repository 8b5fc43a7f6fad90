"""Tests of `device.advice`; `make test-device` runs the commands as they are printed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from device.advice import faster_runtime, install_runtime, pip_install, replace_package

PIP = f"{sys.executable} -m pip"
# What is added where numpy 1 is installed, as it is beside tflite-runtime.
BOUND = ' "numpy<2"' if np.__version__.startswith("1.") else ""


def test_installs_into_this_python_and_keeps_numpy_1() -> None:
    """The command names the Python that lacks the packages, and numpy's bound where numpy 1 is installed."""
    assert pip_install("opencv-python-headless", "pillow") == f"{PIP} install opencv-python-headless pillow{BOUND}"


def test_litert_is_installed_on_64_bits() -> None:
    """Without a choice, LiteRT is installed, or tflite-runtime where it is asked for, always with numpy 1."""
    assert install_runtime(None) == f"{PIP} install ai-edge-litert{BOUND}"
    assert install_runtime("ai-edge-litert") == f"{PIP} install ai-edge-litert{BOUND}"
    assert install_runtime("tflite-runtime") == f'{PIP} install tflite-runtime==2.14.0 "numpy<2"'


def test_litert_is_advised_in_the_place_of_its_predecessor() -> None:
    """Of tflite-runtime on 64 bits the advice is LiteRT; of LiteRT there is none."""
    advice = f"tflite-runtime is several times slower than ai-edge-litert: {PIP} install ai-edge-litert{BOUND}"
    assert faster_runtime("tflite-runtime") == advice
    assert faster_runtime("ai-edge-litert") == ""


@pytest.mark.skipif(sys.platform != "linux", reason="32-bit Python on Linux alone has no wheel of LiteRT")
def test_on_32_bits_there_is_no_faster_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    """32-bit Arm has tflite-runtime alone, which is what is installed there."""
    monkeypatch.setattr(sys, "maxsize", 2**31 - 1)
    assert faster_runtime("tflite-runtime") == ""
    assert install_runtime(None) == install_runtime("tflite-runtime")


def test_a_package_is_replaced_without_a_question() -> None:
    """One package makes room for another in one line."""
    old, new = "opencv-python-headless", "opencv-python"
    assert replace_package(old, new) == f"{PIP} uninstall --yes {old} && {PIP} install {new}{BOUND}"


@pytest.mark.skipif(sys.platform == "win32", reason="the link stands for Python in sh")
def test_a_python_in_a_folder_with_a_space_is_quoted(tmp_path: Path) -> None:
    """A shell runs the command from a folder whose name has a space."""
    link = tmp_path / "my device" / "python"
    link.parent.mkdir()
    link.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    link.chmod(0o755)
    code = (
        f"import sys; sys.executable = {str(link)!r}; from device.advice import pip_install; print(pip_install('pip'))"
    )
    command = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert command == f'"{link}" -m pip install pip{BOUND}\n'
    shell = [str(shutil.which("sh")), "-c", command.replace("install pip", "--version", 1).partition(BOUND or "\n")[0]]
    assert subprocess.run(shell, capture_output=True, text=True, check=True).stdout.startswith("pip ")
