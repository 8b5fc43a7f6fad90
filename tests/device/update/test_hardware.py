"""Tests of `device.update.hardware`."""

from __future__ import annotations

import dataclasses
import platform
import re
import struct

import pytest

from device.update.hardware import Hardware, processor
from device.update.refused import ReleaseRefusedError
from device.update.release import ReleaseRecord


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


RECORD = ReleaseRecord("m", "1.0.0", 3, "m.tflite", ("aarch64",), ("ai-edge-litert",), 1_000, ())


def test_a_release_for_this_processor_and_runtime_is_taken() -> None:
    """One without processors is for any."""
    Hardware("aarch64", "ai-edge-litert").check(RECORD)
    Hardware("x86_64", "ai-edge-litert").check(dataclasses.replace(RECORD, processors=()))


@pytest.mark.parametrize(
    ("hardware", "message"),
    [
        (Hardware("x86_64", "ai-edge-litert"), "Expected a release for x86_64. Received one for aarch64"),
        (
            Hardware("aarch64", "tflite-runtime"),
            "Expected a release for tflite-runtime. Received one for ai-edge-litert",
        ),
        (Hardware("aarch64", None), "Expected a TFLite interpreter. Found none: "),
    ],
)
def test_a_release_for_other_devices_is_refused(hardware: Hardware, message: str) -> None:
    """The reason names both; without an interpreter, what to install."""
    with pytest.raises(ReleaseRefusedError, match=f"^{re.escape(message)}"):
        hardware.check(RECORD)
