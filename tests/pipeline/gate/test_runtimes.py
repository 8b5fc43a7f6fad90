"""Tests of the runtimes' wheels by platform."""

from __future__ import annotations

from pathlib import Path

import pytest

from device.interpreter import RUNTIMES
from pipeline.gate.runtimes import HAS_WHEEL, Platform, is_installed, this_platform

LINUX, ARM, MAC, WINDOWS = ("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("win32", "AMD64")
ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("system", "python", "runtimes"),
    [
        (LINUX, (3, 10), ["ai-edge-litert", "tflite-runtime", "tflite-micro"]),
        (LINUX, (3, 11), ["ai-edge-litert", "tflite-runtime", "tflite-micro"]),
        (LINUX, (3, 12), ["ai-edge-litert", "tflite-micro"]),
        (ARM, (3, 11), ["ai-edge-litert", "tflite-runtime"]),
        (ARM, (3, 13), ["ai-edge-litert"]),
        (MAC, (3, 11), ["ai-edge-litert"]),
        (WINDOWS, (3, 11), ["ai-edge-litert"]),
    ],
)
def test_each_platform_has_wheels_of_some_runtimes(
    system: tuple[str, str], python: tuple[int, int], runtimes: list[str]
) -> None:
    """tflite-runtime ends with Python 3.11 and is for Linux; tflite-micro is for Linux on x86-64."""
    assert [name for name, has_wheel in HAS_WHEEL.items() if has_wheel(Platform(*system, python))] == runtimes


def test_the_table_agrees_with_pyproject() -> None:
    """The conditions in the table are those under which `pyproject.toml` requires the runtimes."""
    requirements = (ROOT / "pyproject.toml").read_text()
    assert "\"tflite-runtime==2.14.0; python_version < '3.12' and sys_platform == 'linux'\"" in requirements
    assert "sys_platform == 'linux' and platform_machine == 'x86_64'\"" in requirements.partition('"tflite-micro==')[2]
    assert '"ai-edge-litert==2.3.0"' in requirements


def test_knows_the_runtimes_of_the_device() -> None:
    """Every runtime of the device is in the table."""
    assert set(RUNTIMES) < set(HAS_WHEEL)


def test_what_has_a_wheel_here_is_installed() -> None:
    """With the locked requirements, a runtime is installed exactly if it has a wheel for this platform."""
    here = this_platform()
    assert {name: is_installed(name) for name in HAS_WHEEL} == {name: has(here) for name, has in HAS_WHEEL.items()}


def test_a_platform_is_written_in_words() -> None:
    """Messages name a platform by Python version, system and processor."""
    assert str(Platform("darwin", "arm64", (3, 12))) == "Python 3.12, darwin arm64"
