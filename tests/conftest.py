"""Fixtures for every room. Keep its imports light: a test of one pure module must not wait for TensorFlow."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tests.support.checkout import EITHER_RUNTIME, MODELS, ROOT, THOROUGH, run_python
from tests.support.conversions import Converted, TfliteWriter, converted_rows2d, converted_small, write_tflite
from tests.support.example_models import example_models

__all__ = [
    "EITHER_RUNTIME",
    "MODELS",
    "ROOT",
    "Converted",
    "Digits",
    "TfliteWriter",
    "converted_rows2d",
    "converted_small",
    "example_models",
    "run_python",
    "write_tflite",
]

Digits = tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips thorough tests unless asked for, and puts files with slow ones first, so that no process ends late."""
    if not THOROUGH:
        for item in items:
            if item.get_closest_marker("thorough"):
                item.add_marker(pytest.mark.skip(reason="thorough: set ROWSTREAM_THOROUGH=1"))
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session", autouse=True)
def _heed_interrupts() -> None:
    # A shell that starts the tests in the background ignores Ctrl-C, and child processes inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def digits() -> Digits:
    """Three hundred real digits `<uint8>[300, 28, 28]`, about thirty of each class in order, and their labels."""
    from pipeline.data.mnist import embedded_splits  # noqa: PLC0415  # most tests need no data

    test = embedded_splits().test
    return np.asarray(test.crops[::15], np.uint8), test.labels[::15]


@pytest.fixture(scope="session", params=["rows2d", "cols2d", "conv1d", "rows"])
def variant(request: pytest.FixtureRequest) -> str:
    """The name of each released model."""
    return str(request.param)


@pytest.fixture
def model_copy(tmp_path: Path) -> Path:
    """A folder with a released model that a test may break."""
    folder = tmp_path / "rows2d"
    folder.mkdir()
    for name in ("golden.bin", "manifest.json", "model.int8.tflite"):
        shutil.copy(MODELS / "rows2d" / name, folder)
    return folder


@pytest.fixture
def bare_site(tmp_path: Path) -> Callable[..., Path]:
    """Link installed distributions into a folder with nothing else in it, like a fresh environment."""

    def link(*distributions: str) -> Path:
        site = tmp_path / "site"
        site.mkdir()
        for name in distributions:
            distribution = importlib.metadata.distribution(name)
            for entry in {file.parts[0] for file in distribution.files or ()} - {".."}:
                (site / entry).symlink_to(str(distribution.locate_file(entry)))
        return site

    return link


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    """The folder with MNIST's four gzipped IDX files."""
    named = os.environ.get("ROWSTREAM_DATA")
    if not named:
        reason = "ROWSTREAM_DATA names no folder with MNIST's four gzipped IDX files"
        if os.environ.get("ROWSTREAM_REQUIRE_DATA"):
            pytest.fail(f"{reason}, and ROWSTREAM_REQUIRE_DATA is set")
        pytest.skip(reason)
    return Path(named)
