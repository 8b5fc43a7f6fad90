"""Fixtures for every room. Keep its imports light: a test of one pure module must not wait for TensorFlow."""

from __future__ import annotations

import gc
import importlib.metadata
import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tests.support.checkout import EITHER_RUNTIME, EXHAUSTIVE, MODELS, ROOT, THOROUGH, run_python
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


# Of the cases of a sampled test, one in so many runs.
_SAMPLED = 10


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what is not asked for, and puts files with slow tests first, so that no process ends late."""
    if not EXHAUSTIVE:
        left_out = [item for item in items if item.get_closest_marker("exhaustive")] if THOROUGH else _left_out(items)
        config.hook.pytest_deselected(items=left_out)
        chosen = set(items) - set(left_out)
        items[:] = [item for item in items if item in chosen]
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish() -> None:
    """Exempts what was imported from garbage collection, which each conversion asks for: TensorFlow is large."""
    gc.collect()
    gc.freeze()


def _left_out(items: list[pytest.Item]) -> list[pytest.Item]:
    cases: Counter[str] = Counter()
    left_out = []
    for item in items:
        if item.get_closest_marker("sampled"):
            test = item.nodeid.partition("[")[0]
            cases[test] += 1
            if cases[test] % _SAMPLED != 1:
                left_out.append(item)
        elif item.get_closest_marker("thorough") or item.get_closest_marker("exhaustive"):
            left_out.append(item)
    return left_out


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


_UNROLLED = ["rows2d", "cols2d", "conv1d", "rows", "fast"]


@pytest.fixture(scope="session", params=[*_UNROLLED, "tiny"])
def variant(request: pytest.FixtureRequest) -> str:
    """The name of each released model."""
    return str(request.param)


@pytest.fixture(scope="session", params=_UNROLLED)
def unrolled(request: pytest.FixtureRequest) -> str:
    """The name of each released model whose file has both signatures."""
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
