"""Builds `rowstream-device`, the wheel for devices: `device/` as the package `rowstream`.

The same files give the same bytes: hatchling sorts what it packs, and dates it by SOURCE_DATE_EPOCH or a fixed day.

Sources: https://packaging.python.org/en/latest/specifications/pyproject-toml/ and
https://reproducible-builds.org/specs/source-date-epoch/.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import device
from device.files.toml_tables import entry, loads
from device.files.whole_file import write_whole
from pipeline.release.bundle import copy_device

NAME = "rowstream-device"
PACKAGE = "rowstream"
EXTRAS = ("camera", "serve", "mqtt", "update")
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")

_DESCRIPTION = "Runs TFLite models of Rowstream on a device: images and sequences, whole or line by line, and a camera."
# Of the project itself, these hold for the wheel, too.
_SHARED = ("license", "license-files", "keywords")
_README = Path(__file__).with_name("templates") / "device.md"


class BuildError(RuntimeError):
    """The wheel could not be built; the message is the end of the builder's log."""


def build_wheel(into: Path) -> Sequence[Path]:
    """Builds the wheel and the source distribution into a folder, in place of earlier ones, and returns their paths.

    Raises BuildError if that fails.
    """
    with tempfile.TemporaryDirectory(prefix="rowstream-wheel-") as temporary:
        project, built = Path(temporary, "project"), Path(temporary, "built")
        _fill(project)
        # Without isolation nothing is downloaded, and the builder is the locked one.
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(built), str(project)]
        child = subprocess.run(command, capture_output=True, text=True, check=False)
        if child.returncode:
            raise BuildError(f"Expected a wheel. {(child.stderr or child.stdout).strip()[-2000:]}")
        paths = [into / path.name for path in sorted(built.iterdir())]
        for path in paths:
            write_whole(path, (built / path.name).read_bytes())
    return paths


def _fill(project: Path) -> None:
    copy_device(project, PACKAGE)
    shutil.copy(_README, project / "README.md")
    described = loads((Path(device.__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    write_whole(project / "pyproject.toml", wheel_project(described))


def wheel_project(described: Mapping[str, Any]) -> str:
    """Returns the wheel's pyproject.toml; dependencies, licence and links are those in the project's own."""
    extras: Mapping[str, Sequence[str]] = described["optional-dependencies"]
    classifiers = [each for each in described["classifiers"] if not each.startswith("Programming Language")]
    tables = {
        "build-system": {"requires": ["hatchling>=1.27"], "build-backend": "hatchling.build"},
        "project": {
            "name": NAME,
            "version": device.__version__,
            "description": _DESCRIPTION,
            "readme": "README.md",
            **{name: described[name] for name in _SHARED},
            "requires-python": f">={PYTHONS[0]}",
            "classifiers": sorted([*classifiers, *(f"Programming Language :: Python :: {each}" for each in PYTHONS)]),
            "dependencies": extras["device"],
        },
        "project.urls": described["urls"],
        "project.optional-dependencies": {name: extras[name] for name in EXTRAS},
        "project.scripts": {PACKAGE: f"{PACKAGE}.__main__:main"},
        "tool.hatch.build.targets.wheel": {"packages": [PACKAGE], "core-metadata-version": "2.4"},
    }
    return "\n".join(
        f"[{table}]\n{''.join(entry(*each) for each in values.items())}" for table, values in tables.items()
    )
