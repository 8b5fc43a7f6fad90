"""The wheel for devices, built once in a test run, and environments that have it."""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.release.wheel import build_wheel
from tests.support.made_once import made_once


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel, and a folder with the packages that it needs."""

    folder: Path
    needed: Path

    def run(self, command: str, *arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Runs a command of the environment, by default in its folder, which is no checkout."""
        return subprocess.run(
            [self.folder / "bin" / command, *arguments],
            cwd=cwd or self.folder,
            env={"PYTHONPATH": str(self.needed), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )


def built_wheel(factory: pytest.TempPathFactory) -> Path:
    """Returns the wheel, built once in a test run."""
    (wheel,) = made_once(factory, "wheel", build_wheel).glob("*.whl")
    return wheel


def install(wheel: Path, folder: Path, needed: Path) -> Installed:
    """Installs a wheel without its dependencies into a new environment, from this machine alone."""
    venv.create(folder, with_pip=False, symlinks=True)
    pip: Sequence[str] = ("-m", "pip", "--python", str(folder / "bin" / "python"))
    options = ("install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check")
    subprocess.run([sys.executable, *pip, *options, str(wheel)], check=True)
    return Installed(folder, needed)
