"""Fixtures for the pipeline's rooms: data laid out as MNIST is, fonts, and a model that passes the gate."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pipeline.data.mnist import embedded_splits
from tests.support.made_once import made_once

if TYPE_CHECKING:
    from tests.support.sabotage import Good


@dataclass(frozen=True)
class SmallMnist:
    """A folder laid out as MNIST is, with 6,640 and 100 embedded digits, and its unpacked files' SHA-256 by name."""

    folder: Path
    sha256: Mapping[str, str]


@pytest.fixture(scope="session")
def small_mnist(tmp_path_factory: pytest.TempPathFactory) -> SmallMnist:
    """The smallest data that splits as MNIST does: 6,000 images to validate on, and more to train on than calibrate."""
    drawn = embedded_splits().test[np.random.default_rng(0).integers(0, 4_488, 6_740)]
    arrays = {
        "train-images-idx3-ubyte": drawn.crops[:6_640],
        "train-labels-idx1-ubyte": drawn.labels[:6_640],
        "t10k-images-idx3-ubyte": drawn.crops[6_640:],
        "t10k-labels-idx1-ubyte": drawn.labels[6_640:],
    }
    folder = tmp_path_factory.mktemp("small_mnist")
    sha256 = {}
    for name, array in arrays.items():
        content = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
        (folder / f"{name}.gz").write_bytes(gzip.compress(content, 1))
        sha256[name] = hashlib.sha256(content).hexdigest()
    return SmallMnist(folder, sha256)


@pytest.fixture(scope="session")
def font_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with fonts of two families found nowhere else: matplotlib's own, renamed inside."""
    import matplotlib as mpl  # noqa: PLC0415  # takes a second, which only the tests of fonts should wait for

    folder = tmp_path_factory.mktemp("fonts")
    for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSerif.ttf"):
        content = Path(mpl.get_data_path(), "fonts", "ttf", name).read_bytes()
        for encoding in ("ascii", "utf-16-be"):
            content = content.replace("DejaVu".encode(encoding), "Others".encode(encoding))
        (folder / name.replace("DejaVu", "Others")).write_bytes(content)
    return folder


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Good:
    """A model that passes the gate: trained weights, released on half of the embedded images."""
    from tests.support.sabotage import Good, limits_for_few_images, make_good, remember_good  # noqa: PLC0415  # imports TensorFlow

    embedded = embedded_splits()
    splits = replace(embedded, test=embedded.test[::2])
    folder = made_once(tmp_path_factory, "good", lambda empty: make_good(empty, splits))
    remember_good(folder, splits)
    return Good(folder / "conv1d", splits, limits_for_few_images(tmp_path_factory.mktemp("limits")))


@pytest.fixture
def good_copy(good: Good, tmp_path: Path) -> Path:
    """A folder with a copy of that model, for a test to break."""
    return Path(shutil.copytree(good.folder, tmp_path / "conv1d"))
