"""The TFLite runtimes: which have a wheel for a platform, as `pyproject.toml` says, and how to run a file in each."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from converters.tflite.operator_versions import MICRO
from converters.workspace import ROOT
from device.contract.manifest import Runtime
from device.interpreter import RUNTIMES
from pipeline.data.data_form import Inputs


@dataclass(frozen=True)
class Platform:
    """A platform, by `sys.platform`, `platform.machine()` and the Python version."""

    system: str
    machine: str
    python: tuple[int, int]

    def __str__(self) -> str:
        return f"Python {'.'.join(map(str, self.python))}, {self.system} {self.machine}"


HAS_WHEEL: Mapping[str, Callable[[Platform], bool]] = MappingProxyType(
    {
        "ai-edge-litert": lambda _: True,
        "tflite-runtime": lambda on: on.system == "linux" and on.python < (3, 12),
        MICRO: lambda on: on.system == "linux" and on.machine == "x86_64",
    }
)
_MODULES = {**RUNTIMES, MICRO: "tflite_micro"}


def this_platform() -> Platform:
    """Returns the platform that this process runs on."""
    return Platform(sys.platform, platform.machine(), sys.version_info[:2])


def is_installed(runtime: str) -> bool:
    """Returns whether a runtime's package can be imported."""
    return importlib.util.find_spec(_MODULES[runtime]) is not None


def runtime_here(name: str) -> Runtime:
    """Returns a runtime with its version in this environment."""
    return Runtime(name, importlib.metadata.version(name))


def classify_in_child(folder: Path, runtime: str, inputs: Inputs, *options: str) -> subprocess.CompletedProcess[str]:
    """Runs `device classify` on inputs `[n, ...]`, in a process of its own, as on a device.

    Two runtimes in one process disturb each other.
    """
    with tempfile.TemporaryDirectory(prefix="rowstream-") as temporary:
        sample = Path(temporary) / "inputs.npy"
        np.save(sample, inputs)
        return device_in_child("classify", runtime, *options, "--model", folder.resolve(), sample)


def device_in_child(command: str, runtime: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs one of the device's commands with a runtime, in a process of its own."""
    line = [sys.executable, "-m", "device", command, "--runtime", runtime, *map(str, arguments)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
