"""What a device has: its processor and its TFLite runtimes."""

from __future__ import annotations

import importlib.util
import platform
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..advice import install_runtime
from ..contract.manifest_upgrade import format_fault
from ..interpreter import RUNTIMES
from .refused import ReleaseRefusedError
from .release import ReleaseRecord

_PROCESSORS: Mapping[str, str] = MappingProxyType({"AMD64": "x86_64", "arm64": "aarch64", "armv8l": "armv7l"})
# What a 64-bit kernel is called, and the programs of 32 bits that it runs.
_NARROW: Mapping[str, str] = MappingProxyType({"aarch64": "armv7l", "x86_64": "i686"})

_NARROW_BYTES = 4


@dataclass(frozen=True)
class Hardware:
    """The processor, as `processor` names it, and the TFLite runtime that runs models."""

    processor: str
    runtime: str | None

    def check(self, record: ReleaseRecord) -> None:
        """Raises ReleaseRefusedError if a release is for other devices or has a manifest of another format."""
        if record.processors and self.processor not in record.processors:
            expected = f"Expected a release for {self.processor}"
            raise ReleaseRefusedError(f"{expected}. Received one for {', '.join(record.processors)}")
        if self.runtime is None:
            raise ReleaseRefusedError(f"Expected a TFLite interpreter. Found none: {install_runtime(None)}")
        if self.runtime not in record.runtimes:
            expected = f"Expected a release for {self.runtime}"
            raise ReleaseRefusedError(f"{expected}. Received one for {', '.join(record.runtimes)}")
        fault = format_fault(record.manifest_format)
        if fault:
            raise ReleaseRefusedError(fault)


def hardware(runtime: str | None) -> Hardware:
    """Returns this device's; `runtime` is one of `RUNTIMES`, and None the first that is installed."""
    installed = (name for name, package in RUNTIMES.items() if importlib.util.find_spec(package))
    return Hardware(processor(), runtime or next(installed, None))


def processor() -> str:
    """Returns the kind of processor that this Python is built for, as `platform.machine()` names it on Linux.

    `armv7l` is that of a 32-bit Python, also on a 64-bit kernel, as Raspberry Pi OS has it.
    """
    machine = platform.machine()
    name = _PROCESSORS.get(machine, machine)
    return _NARROW.get(name, name) if struct.calcsize("P") == _NARROW_BYTES else name
