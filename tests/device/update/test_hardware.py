"""Tests of `device.update.hardware`."""

from __future__ import annotations

import platform
import struct

import pytest

from device.update.hardware import processor


@pytest.mark.parametrize(
    ("machine", "pointer_bytes", "name"),
    [
        ("x86_64", 8, "x86_64"),
        ("AMD64", 8, "x86_64"),
        ("arm64", 8, "aarch64"),
        ("aarch64", 8, "aarch64"),
        ("aarch64", 4, "armv7l"),
        ("armv8l", 4, "armv7l"),
        ("armv7l", 4, "armv7l"),
        ("x86_64", 4, "i686"),
        ("riscv64", 8, "riscv64"),
    ],
)
def test_the_processor_is_that_of_this_python(
    machine: str, pointer_bytes: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kernels of 32 bits round in their own way, also where the kernel of the system has 64."""
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(struct, "calcsize", lambda _: pointer_bytes)
    assert processor() == name
