"""The child process of a conversion: unroll, write float TFLite, calibrate, quantise.

Run by `converters.convert`, not by hand.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from converters.lowering.lower import InferenceNetwork
from converters.lowering.step_form import StepForm
from converters.quantisation.quantise import quantise
from converters.quantisation.ranges import Range, measured_ranges, step_inputs
from converters.quantisation.roles import tied_ranges
from converters.tflite.flatbuffer import dump, load
from converters.tflite.graph import read_graphs
from converters.workspace import Workspace
from device.arrays import UnitCrops
from device.signatures import STATE_SUFFIX

# Scale 1/255 and zero point -128: quantising a pixel is then `pixel - 128`, exactly.
_PIXELS = Range(0.0, 1.0)


def main(workspace: Workspace) -> None:
    """Converts the network in `workspace`, saying at each step which it is."""
    workspace.step.write_text("unroll")
    network = InferenceNetwork(keras.models.load_model(workspace.network))
    workspace.reason.write_text(network.reason)
    workspace.step.write_text("write float TFLite")
    float_tflite = _float_tflite(network)
    workspace.float_tflite.write_bytes(float_tflite)
    workspace.step.write_text("calibrate and quantise")
    int8_tflite = _int8_tflite(float_tflite, np.load(workspace.calibration), network.step_form)
    workspace.int8_tflite.write_bytes(int8_tflite)


def _float_tflite(network: InferenceNetwork) -> bytes:
    # By way of a SavedModel: `from_concrete_functions` can write a file without its weights and say nothing.
    with tempfile.TemporaryDirectory() as saved_model:
        tf.saved_model.save(network, saved_model, signatures=dict(network.signatures))
        converter = tf.lite.TFLiteConverter.from_saved_model(saved_model, signature_keys=list(network.signatures))
        return _with_step_first(_with_own_names(bytes(converter.convert())))


def _with_own_names(content: bytes) -> bytes:
    """The flatbuffer with each tensor named once: the quantiser knows tensors of all graphs by name alone."""
    model = load(content)
    for index, graph in enumerate(model.subgraphs[1:], start=1):
        for tensor in graph.tensors:
            tensor.name = f"{index}/".encode() + tensor.name
    return dump(model)


def _with_step_first(content: bytes) -> bytes:
    """The flatbuffer with `step`, where there is one, as its primary graph: the converter orders graphs by name."""
    model = load(content)
    steps = {entry.subgraphIndex for entry in model.signatureDefs if entry.signatureKey == b"step"}
    # All else stays in order: what control flow refers to by number stands behind the signatures' graphs.
    order = sorted(range(len(model.subgraphs)), key=lambda index: index not in steps)
    model.subgraphs = [model.subgraphs[index] for index in order]
    for entry in model.signatureDefs:
        entry.subgraphIndex = order.index(entry.subgraphIndex)
    model.signatureDefs.sort(key=lambda entry: entry.subgraphIndex)
    return dump(model)


def _int8_tflite(float_tflite: bytes, calibration: UnitCrops, form: StepForm | None) -> bytes:
    graphs = read_graphs(float_tflite)
    measured: dict[str, Range] = {}
    for graph in graphs:
        crops = ({"crop": crop[np.newaxis]} for crop in calibration)
        steps = step_inputs(float_tflite, form, calibration) if form is not None else iter(())
        measured |= measured_ranges(float_tflite, graph, crops if graph.signature == "classify" else steps)
    (pixels,) = (graph.inputs["crop"].name for graph in graphs if graph.signature == "classify")
    states = [
        (graph.inputs[name].name, graph.outputs[name + STATE_SUFFIX].name) for graph in graphs for name in graph.states
    ]
    return quantise(float_tflite, tied_ranges(graphs, measured, {pixels: _PIXELS}, states))


if __name__ == "__main__":
    main(Workspace(Path(sys.argv[1])))
