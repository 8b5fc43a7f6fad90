"""The checkout under test: where its files are, and Python run in it as a child process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "models"
# Whether tests marked `thorough` run, and the others on more images: in CI, once.
THOROUGH = bool(os.environ.get("ROWSTREAM_THOROUGH"))
# Whether all run, on all images: before a release, and each week.
EXHAUSTIVE = os.environ.get("ROWSTREAM_THOROUGH") == "all"


def exhaustive(*cases: object) -> list[object]:
    """Returns cases of a test that run only if all tests do."""
    return [pytest.param(case, marks=pytest.mark.exhaustive) for case in cases]


# Two TFLite runtimes in one process disturb each other. The tests use the first; child processes use either.
EITHER_RUNTIME = (
    "ai-edge-litert",
    pytest.param(
        "tflite-runtime",
        marks=pytest.mark.skipif(
            sys.version_info >= (3, 12) or sys.platform != "linux", reason="tflite-runtime has no wheel for this Python"
        ),
    ),
)


def run_python(
    *arguments: str | Path, folder: Path = ROOT, site: Path | None = None, stdout: int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    """Runs Python with the arguments in `folder`. If `site` is given, only the packages linked there are importable."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    flags = []
    if site is not None:
        environment["PYTHONPATH"] = str(site)
        flags = ["-S", "-s"]
    return subprocess.run(
        [sys.executable, *flags, *map(str, arguments)],
        cwd=folder,
        env=environment,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=600,
    )
