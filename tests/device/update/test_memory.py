"""Tests of what an installation takes of the memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.device.update.test_attacks import Fleet
from tests.support.checkout import run_python

PEAK = """
import resource, subprocess, sys
subprocess.run([sys.executable, "-m", "device", *sys.argv[1:]], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif("sys.platform != 'linux'", reason="elsewhere the peak is in other units")
def test_an_installation_fits_a_small_device(tmp_path: Path) -> None:
    """Neither the installation of a release of 380 KB nor its self-test takes more than 80 MiB."""
    fleet = Fleet(tmp_path)
    arguments = ("install", fleet.source, "--home", tmp_path / "other", "--root", fleet.root)
    assert float(run_python("-c", PEAK, *arguments).stdout) < 80
