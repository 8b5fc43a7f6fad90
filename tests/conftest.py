"""What several test files share: real digits, released models, and bare environments to run the device's side in."""

from __future__ import annotations

import gzip
import hashlib
import importlib.metadata
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pytest

from pipeline.data.mnist import embedded_splits

if TYPE_CHECKING:  # tests that need neither do not wait for them
    import keras

    from converters.convert import Conversion
    from tests.support.sabotage import Good

ROOT = Path(__file__).parents[1]
MODELS = ROOT / "models"

# One process holds one runtime: two of them disturb each other. Tests run their own on the first, children on either.
EITHER_RUNTIME = (
    "ai-edge-litert",
    pytest.param(
        "tflite-runtime",
        marks=pytest.mark.skipif(
            sys.version_info >= (3, 12) or sys.platform != "linux", reason="tflite-runtime has no wheel for this Python"
        ),
    ),
)

Digits = tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]


def run_python(
    *arguments: str | Path, folder: Path = ROOT, site: Path | None = None, stdout: int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    """Runs Python with the arguments in `folder`; only the packages linked in `site` are there, where it is given."""
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


@pytest.fixture(scope="session", autouse=True)
def _heed_interrupts() -> None:
    # Whoever runs the tests may ignore Ctrl-C (a shell that starts them in the background does); children inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def digits() -> Digits:
    """Three hundred real digits `<uint8>[300, 28, 28]`, thirty or so of each class in order, and what they show."""
    test = embedded_splits().test
    return test.crops[::15], test.labels[::15]


@pytest.fixture(scope="session", params=["rows2d", "cols2d", "conv1d", "rows"])
def variant(request: pytest.FixtureRequest) -> str:
    """Each released model's name."""
    return str(request.param)


@pytest.fixture
def model_copy(tmp_path: Path) -> Path:
    """A folder with a released model that a test may break."""
    folder = tmp_path / "rows2d"
    folder.mkdir()
    for name in ("manifest.json", "model.int8.tflite"):
        shutil.copy(MODELS / "rows2d" / name, folder)
    return folder


@pytest.fixture
def bare_site(tmp_path: Path) -> Callable[..., Path]:
    """Links installed distributions into a folder that holds nothing else, as a fresh environment would."""

    def link(*distributions: str) -> Path:
        site = tmp_path / "site"
        site.mkdir()
        for name in distributions:
            distribution = importlib.metadata.distribution(name)
            for entry in {file.parts[0] for file in distribution.files or ()} - {".."}:
                (site / entry).symlink_to(str(distribution.locate_file(entry)))
        return site

    return link


@dataclass(frozen=True)
class SmallMnist:
    """A folder laid out as MNIST is, with 6,640 and 100 embedded digits, and its files' SHA-256, unpacked."""

    folder: Path
    sha256: Mapping[str, str]


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    """The folder with MNIST's four gzipped IDX files."""
    named = os.environ.get("ROWSTREAM_DATA")
    if not named:
        reason = "ROWSTREAM_DATA names no folder with MNIST's four gzipped IDX files"
        if os.environ.get("ROWSTREAM_REQUIRE_DATA"):
            pytest.fail(f"{reason}, though ROWSTREAM_REQUIRE_DATA demands one")
        pytest.skip(reason)
    return Path(named)


@pytest.fixture(scope="session")
def small_mnist(tmp_path_factory: pytest.TempPathFactory) -> SmallMnist:
    """The least that can be cut as MNIST is: 6,000 images to validate, and more to train than calibrate."""
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
    """A folder with fonts of two families that nothing else has: matplotlib's, renamed inside."""
    folder = tmp_path_factory.mktemp("fonts")
    for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSerif.ttf"):
        content = Path(mpl.get_data_path(), "fonts", "ttf", name).read_bytes()
        for encoding in ("ascii", "utf-16-be"):
            content = content.replace("DejaVu".encode(encoding), "Others".encode(encoding))
        (folder / name.replace("DejaVu", "Others")).write_bytes(content)
    return folder


TfliteWriter = Callable[..., bytes]


@pytest.fixture(scope="session")
def write_tflite() -> TfliteWriter:
    """Writes functions of one tensor of one shape to a float flatbuffer, each under the signature that names it."""
    import tensorflow as tf  # noqa: PLC0415  # its seconds are not for tests that need none

    def write(
        shape: tuple[int | None, ...],
        tracked: Any = None,
        *,
        allow_custom_ops: bool = False,
        **functions: Callable[[Any], Any],
    ) -> bytes:
        module = tf.Module()
        module.tracked = tracked
        crop = tf.TensorSpec(shape, tf.float32, name="crop")
        for name, function in functions.items():
            logits = partial(_named_logits, function)
            setattr(module, name, tf.function(logits, input_signature=[crop], autograph=False))
        with tempfile.TemporaryDirectory() as folder:
            tf.saved_model.save(module, folder, signatures={name: getattr(module, name) for name in functions})
            converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(functions))
            converter.allow_custom_ops = allow_custom_ops
            return bytes(converter.convert())

    return write


def _named_logits(function: Callable[[Any], Any], crop: Any) -> dict[str, Any]:
    return {"logits": function(crop)}


@dataclass(frozen=True)
class Converted:
    """A network, the crops it was calibrated on, and what the conversion gave."""

    network: keras.Sequential
    crops: npt.NDArray[np.float32]
    conversion: Conversion


@pytest.fixture(scope="session")
def converted_small() -> Converted:
    """Two convolutions, of which one looks ahead, two LSTMs of four steps, and three logits, on crops of 8 x 8."""
    import keras  # noqa: PLC0415  # its seconds are not for tests that need none
    from keras import layers  # noqa: PLC0415

    from converters.convert import convert  # noqa: PLC0415

    keras.utils.set_random_seed(7)
    network = keras.Sequential(
        [
            layers.Input((8, 8, 1), name="crop"),
            layers.ZeroPadding2D(((2, 0), (1, 1))),
            layers.Conv2D(4, 3, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPool2D(2),
            layers.Conv2D(3, 3, padding="same", activation="relu", name="ahead"),
            layers.Reshape((4, 12)),
            layers.LSTM(5, return_sequences=True),
            layers.LSTM(6),
            layers.Dense(3, name="logits"),
        ]
    )
    crops = np.random.default_rng(7).random((16, 8, 8, 1), np.float32)
    return Converted(network, crops, convert(network, crops))


@pytest.fixture(scope="session")
def converted_rows2d() -> Converted:
    """The default variant with the weights it is released with, calibrated on real digits."""
    from converters.convert import convert  # noqa: PLC0415  # its seconds are not for tests that need none
    from pipeline.training.networks import build  # noqa: PLC0415
    from pipeline.variants import VARIANTS  # noqa: PLC0415

    network = build(VARIANTS["rows2d"])
    network.load_weights(MODELS / "rows2d" / "float.weights.h5")
    crops = embedded_splits().calibration.crops[:64, ..., np.newaxis] / np.float32(255)
    return Converted(network, crops, convert(network, crops))


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Good:
    """A model that passes the gate: trained weights, released on half of the embedded images."""
    from tests.support.sabotage import Good, limits_for_this_python, released  # noqa: PLC0415  # TensorFlow's seconds

    folder = tmp_path_factory.mktemp("good")
    embedded = embedded_splits()
    splits = replace(embedded, test=embedded.test[::2])
    return Good(released(folder / "conv1d", splits), splits, limits_for_this_python(folder))


@pytest.fixture
def good_copy(good: Good, tmp_path: Path) -> Path:
    """A folder with that model, to be broken."""
    return Path(shutil.copytree(good.folder, tmp_path / "conv1d"))
