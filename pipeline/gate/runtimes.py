"""Which TFLite runtimes have a wheel for a platform, as the markers in `pyproject.toml` say."""

from __future__ import annotations

import importlib.util
import platform
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from converters.tflite.operator_versions import MICRO
from device.interpreter import RUNTIMES


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
