"""Fixtures with converted networks and small float flatbuffers. TensorFlow is imported when a test asks for one."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.support.checkout import MODELS
from tests.support.made_once import made_once

if TYPE_CHECKING:
    import keras

    from converters.convert import Conversion
    from converters.workspace import Request

TfliteWriter = Callable[..., bytes]


@dataclass(frozen=True)
class Converted:
    """A network, the crops it was calibrated on, and the result of the conversion."""

    network: keras.Sequential
    crops: npt.NDArray[np.float32]
    conversion: Conversion


@pytest.fixture(scope="session")
def converted_small(tmp_path_factory: pytest.TempPathFactory) -> Converted:
    """Two convolutions, one of which looks ahead, two LSTMs of four steps, and three logits, on crops of 8 x 8."""
    import keras  # noqa: PLC0415  # takes seconds, which only the tests that use it should wait for
    from keras import layers  # noqa: PLC0415

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
    return Converted(network, crops, _converted_once(tmp_path_factory, network, crops, "small"))


@pytest.fixture(scope="session")
def converted_rows2d(tmp_path_factory: pytest.TempPathFactory) -> Converted:
    """The default variant with its released weights, calibrated on real digits."""
    from pipeline.data.mnist import embedded_splits  # noqa: PLC0415  # takes seconds, which only its tests should wait for
    from pipeline.training.networks import build  # noqa: PLC0415
    from pipeline.variants import VARIANTS  # noqa: PLC0415

    network = build(VARIANTS["rows2d"])
    network.load_weights(MODELS / "rows2d" / "float.weights.h5")
    crops = embedded_splits().calibration.crops[:64, ..., np.newaxis] / np.float32(255)
    return Converted(network, crops, _converted_once(tmp_path_factory, network, crops, "rows2d"))


def _converted_once(
    factory: pytest.TempPathFactory, network: keras.Sequential, crops: npt.NDArray[np.float32], name: str
) -> Conversion:
    return read_conversion(made_once(factory, f"converted_{name}", lambda empty: convert_into(empty, network, crops)))


def convert_into(
    folder: Path,
    network: keras.Model,
    calibration: npt.NDArray[np.float32],
    request: Request | None = None,
) -> None:
    """Writes what `convert` returns into a folder, but in this process: another would import TensorFlow for seconds.

    Without a request it takes pixels in 0..1 and gives int8.
    """
    from converters import child  # noqa: PLC0415  # takes seconds
    from converters.workspace import Request, Workspace  # noqa: PLC0415

    workspace = Workspace(folder)
    network.save(workspace.network)
    np.save(workspace.calibration, calibration)
    workspace.request = request or Request((0.0, 1.0), keep_head=False, precision="int8")
    child.main(workspace)


def read_conversion(folder: Path) -> Conversion:
    from converters.convert import Conversion  # noqa: PLC0415  # takes seconds
    from converters.tflite.graph import read_graphs  # noqa: PLC0415
    from converters.workspace import Workspace  # noqa: PLC0415

    int8_tflite = (folder / "int8.tflite").read_bytes()
    return Conversion(
        (folder / "float.tflite").read_bytes(),
        int8_tflite,
        {graph.signature: graph for graph in read_graphs(int8_tflite)},
        Workspace(folder).facts,
    )


@pytest.fixture(scope="session")
def write_tflite() -> TfliteWriter:
    """Writes functions of one tensor to a float flatbuffer, each as the signature it is passed as."""
    import tensorflow as tf  # noqa: PLC0415  # takes seconds, which only the tests that use it should wait for

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
