"""Runs Python on an emulated machine, with the wheels of one TFLite runtime."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.pi.machines import Machine

_LIMIT_S = 1_500
_COUNT = re.compile(r"INSTRUCTIONS (TOTAL )?(\d+)")


class EmulationError(RuntimeError):
    """A program ended with an error on the emulated machine; the message has the end of its stderr."""


@dataclass(frozen=True)
class Target:
    """A machine with a runtime, in the folder that was prepared for it."""

    folder: Path
    machine: Machine
    runtime: str

    def python(
        self,
        arguments: Sequence[str | Path],
        folder: Path,
        *,
        counting: bool = False,
        compiled: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Runs Python in a folder, with one thread and a clean environment; raises EmulationError if it fails.

        Compiled modules are read from `compiled` and written there; without it none are written.
        """
        child = subprocess.run(
            [*self._emulator(counting), "-s", *([] if compiled else ["-B"]), *map(str, arguments)],
            cwd=folder,
            env={**self._environment(), **({"PYTHONPYCACHEPREFIX": str(compiled)} if compiled else {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=_LIMIT_S,
        )
        if child.returncode:
            ended = f"{self.machine.name}, {self.runtime}: status {child.returncode}"
            raise EmulationError(f"{ended}: {child.stderr[-2000:]}")
        return child

    @property
    def _root(self) -> Path:
        return self.folder / f"root-{self.machine.name}"

    def _emulator(self, counting: bool) -> list[str]:
        is_64_bit = self.machine.architecture == "arm64"
        plugin = ["-plugin", str(self.folder / "instructions.so")] if counting else []
        # Debian's numpy finds its libraries through links that only a full installation has.
        libraries = [] if is_64_bit else ["-E", f"LD_LIBRARY_PATH={':'.join(map(str, self._libraries()))}"]
        emulator = "qemu-aarch64" if is_64_bit else "qemu-arm"
        root = str(self._root)
        return [emulator, "-cpu", self.machine.cpu, *plugin, *libraries, "-L", root, f"{root}/usr/bin/python3.11"]

    def _libraries(self) -> Sequence[Path]:
        folder = self._root / "usr" / "lib" / "arm-linux-gnueabihf"
        return folder / "blas", folder / "lapack"

    def _environment(self) -> Mapping[str, str]:
        sites = [self.folder / f"site-{self.runtime}-{self.machine.architecture}"]
        if self.machine.architecture == "armhf":
            sites.append(self._root / "usr" / "lib" / "python3" / "dist-packages")
        return {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": ":".join(map(str, sites)),
            "PYTHONHASHSEED": "0",
            "OPENBLAS_NUM_THREADS": "1",
        }


def total_instructions(stderr: str) -> int:
    """Returns how many instructions a program took, from what the plugin printed."""
    return next(int(count) for total, count in _COUNT.findall(stderr) if total)


def section_instructions(stderr: str) -> Mapping[str, int]:
    """Returns the instructions of each section that `on_device.py` measured, less those of an empty one."""
    sections: dict[str, int] = {}
    name, began = "", 0
    for line in stderr.splitlines():
        if line.startswith("SECTION "):
            name, began = line.removeprefix("SECTION "), 0
        elif (found := _COUNT.fullmatch(line)) and not found[1]:
            sections[name] = int(found[2]) - began
            began = int(found[2])
    empty = sections.pop("empty")
    return {name: count - empty for name, count in sections.items()}
