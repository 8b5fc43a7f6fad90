"""The emulated Raspberry Pis: these tests run by `make test-pi` alone."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from pipeline.data.mnist import embedded_splits, load
from pipeline.folders import MODELS, ModelFolder
from pipeline.release.bundle import bundle
from tests.support.pi.emulator import Target
from tests.support.pi.machines import MACHINES

_FOLDER = os.environ.get("ROWSTREAM_PI")
collect_ignore_glob = [] if _FOLDER else ["test_*.py"]
# Machines of one kind of processor, and a runtime that they have.
_64_BITS = ("pi4", "pi5", "zero2w")
KINDS = [(_64_BITS, "ai-edge-litert"), (_64_BITS, "tflite-runtime"), (("armhf",), "tflite-runtime")]


@pytest.fixture(scope="session")
def prepared() -> Path:
    """The folder with roots and wheels."""
    folder = Path(_FOLDER or "").resolve()
    not_run = folder / "not-run.txt"
    if not_run.exists():
        pytest.skip(f"not run: {not_run.read_text().strip()}")
    return folder


@pytest.fixture(params=[f"{machine} {runtime}" for machines, runtime in KINDS for machine in machines])
def target(request: pytest.FixtureRequest, prepared: Path) -> Target:
    """Each machine, with each runtime that it has."""
    machine, runtime = request.param.split()
    return Target(prepared, MACHINES[machine], runtime)


@pytest.fixture(params=KINDS, ids=lambda kind: f"{len(kind[0])}-{kind[1]}")
def alike(request: pytest.FixtureRequest, prepared: Path) -> tuple[Target, ...]:
    """The machines of each kind, with each runtime that they have."""
    machines, runtime = request.param
    return tuple(Target(prepared, MACHINES[machine], runtime) for machine in machines)


@pytest.fixture(scope="session")
def bundled(variant: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of each released model, as a user copies it to the device."""
    return bundle(ModelFolder(MODELS / variant), tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="session")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Test digits and crops of noise, ROWSTREAM_PI_CROPS and ROWSTREAM_PI_NOISE of them."""
    digits, noisy = (int(os.environ.get(f"ROWSTREAM_PI_{name}", "300")) for name in ("CROPS", "NOISE"))
    data = os.environ.get("ROWSTREAM_DATA")
    images = (load(Path(data)) if data else embedded_splits()).test.crops[:digits]
    noise = np.random.default_rng(0).integers(0, 256, (noisy, 28, 28)).astype(np.uint8)
    path = tmp_path_factory.mktemp("crops") / "crops.npy"
    np.save(path, np.concatenate([images, noise]))
    return path
