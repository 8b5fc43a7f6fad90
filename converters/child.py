"""The child process of a conversion: unroll, write float TFLite, calibrate, quantise.

Run by `converters.convert`, not by hand.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from converters.convert import Workspace
from converters.graph import read_graphs
from converters.lower import InferenceNetwork
from converters.quantise import quantise
from converters.ranges import Range, measured_ranges
from converters.roles import tied_ranges

# Scale 1/255 and zero point -128: quantising a pixel is then `pixel - 128`, exactly.
_PIXELS = Range(0.0, 1.0)


def main(workspace: Workspace) -> None:
    """Converts the network in `workspace`, saying at each step which it is."""
    workspace.step.write_text("unroll")
    network = InferenceNetwork(keras.models.load_model(workspace.network))
    workspace.step.write_text("write float TFLite")
    float_tflite = _float_tflite(network)
    workspace.float_tflite.write_bytes(float_tflite)
    workspace.step.write_text("calibrate and quantise")
    workspace.int8_tflite.write_bytes(_int8_tflite(float_tflite, np.load(workspace.calibration)))


def _float_tflite(network: InferenceNetwork) -> bytes:
    # By way of a SavedModel: `from_concrete_functions` can write a file without its weights and say nothing.
    with tempfile.TemporaryDirectory() as saved_model:
        tf.saved_model.save(network, saved_model, signatures={"classify": network.classify})
        converter = tf.lite.TFLiteConverter.from_saved_model(saved_model, signature_keys=["classify"])
        return bytes(converter.convert())


def _int8_tflite(float_tflite: bytes, calibration: npt.NDArray[np.float32]) -> bytes:
    graphs = read_graphs(float_tflite)
    (classify,) = graphs
    measured = measured_ranges(float_tflite, classify, ({"crop": crop[np.newaxis]} for crop in calibration))
    return quantise(float_tflite, tied_ranges(graphs, measured, {classify.inputs["crop"].name: _PIXELS}))


if __name__ == "__main__":
    main(Workspace(Path(sys.argv[1])))
