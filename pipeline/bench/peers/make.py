"""Makes a peer's file of a model's float network: `python -m pipeline.bench.peers.make FORM MODEL_DIR OUT EPOCHS`.

Calibration inputs and, for a network that is trained instead, training inputs are in the folder of `OUT`. In a child
process, so that a converter that crashes loses its own row alone.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import keras
import numpy as np

from converters.convert import convert
from converters.tflite.micro import signature_alone
from device.arrays import Float32
from device.signatures import CLASSIFY, STEP
from pipeline.bench.baselines import fused, keras_unrolled, looped
from pipeline.bench.peers.small_networks import NETWORKS, read_training, trained
from pipeline.bench.read_inputs import CALIBRATION, TRAINING
from pipeline.folders import ModelFolder
from pipeline.training.networks import load_network

Maker = Callable[[keras.Model, Float32], bytes]


def _onnx(name: str) -> Maker:
    def made(network: keras.Model, calibration: Float32) -> bytes:
        module = importlib.import_module("pipeline.bench.peers.onnx_file")
        content: bytes = getattr(module, name)(network, calibration)
        return content

    return made


_MAKERS: Mapping[str, Maker] = MappingProxyType(
    {
        # What the range of an image's pixels would change is int8 alone.
        "float": lambda network, calibration: convert(network, calibration, None).float_tflite,
        "unrolled-float": lambda network, calibration: keras_unrolled(network, calibration, "float"),
        "unrolled-dynamic": lambda network, calibration: keras_unrolled(network, calibration, "dynamic range"),
        "unrolled-int8": keras_unrolled,
        "fused-int8": fused,
        "looped-float": looped,
        "onnx-float": _onnx("onnx_float"),
        "onnx-int8": _onnx("onnx_int8"),
    }
)


def main(form: str, model: ModelFolder, out: Path, epochs: int) -> None:
    """Writes a form of a model's network, or of another that is trained, to `out`."""
    if form == "classify":
        whole = signature_alone(model.int8_tflite.read_bytes(), CLASSIFY)
        if whole is None:
            raise ValueError(f"Expected a file with {CLASSIFY}. Received: one with {STEP} alone")
        out.write_bytes(whole)
        return
    calibration = np.load(out.with_name(CALIBRATION))
    if form in NETWORKS:
        network = trained(form, read_training(out.with_name(TRAINING)), epochs)
        out.write_bytes((fused if form == "mnist_lstm" else keras_unrolled)(network, calibration))
        return
    network = load_network(model.path.name, model)
    if form == "keras":
        network.save(out)
        return
    out.write_bytes(_MAKERS[form](network, calibration))


if __name__ == "__main__":
    main(sys.argv[1], ModelFolder(Path(sys.argv[2])), Path(sys.argv[3]), int(sys.argv[4]))
