"""The child process of `converters.convert`: unroll, write float TFLite, calibrate, quantise."""

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
from converters.quantisation.round_alike import round_alike
from converters.tflite.flatbuffer import dump, load
from converters.tflite.graph import read_graphs
from converters.workspace import Workspace
from device.arrays import UnitCrops
from device.signatures import CLASSIFY, CROP, STATE_SUFFIX, STEP

# Scale 1/255 and zero point -128: quantising a pixel is then `pixel - 128`, exactly.
_PIXELS = Range(0.0, 1.0)


def main(workspace: Workspace) -> None:
    """Converts the network in `workspace`, and writes the name of each step before it begins."""
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
    # Through a SavedModel: `from_concrete_functions` can write a file without its weights, and raises no error.
    with tempfile.TemporaryDirectory() as saved_model:
        tf.saved_model.save(network, saved_model, signatures=dict(network.signatures))
        converter = tf.lite.TFLiteConverter.from_saved_model(saved_model, signature_keys=list(network.signatures))
        return named_and_ordered(bytes(converter.convert()))


def named_and_ordered(content: bytes) -> bytes:
    """Returns the flatbuffer with unique tensor names, and with `step`, if present, as its primary graph.

    The quantiser finds tensors of all graphs by name; the converter sorts graphs by name.
    """
    model = load(content)
    for index, graph in enumerate(model.subgraphs[1:], start=1):
        for tensor in graph.tensors:
            tensor.name = f"{index}/".encode() + tensor.name
    steps = {entry.subgraphIndex for entry in model.signatureDefs if entry.signatureKey == STEP.encode()}
    # The sort is stable: graphs that control flow refers to by index stay behind those of the signatures.
    order = sorted(range(len(model.subgraphs)), key=lambda index: index not in steps)
    model.subgraphs = [model.subgraphs[index] for index in order]
    for entry in model.signatureDefs:
        entry.subgraphIndex = order.index(entry.subgraphIndex)
    model.signatureDefs.sort(key=lambda entry: entry.subgraphIndex)
    return dump(model)


def _int8_tflite(float_tflite: bytes, calibration: UnitCrops, form: StepForm | None) -> bytes:
    graphs = {graph.signature: graph for graph in read_graphs(float_tflite)}
    classify = graphs[CLASSIFY]
    measured = measured_ranges(float_tflite, classify, ({CROP: crop[np.newaxis]} for crop in calibration))
    states: list[tuple[str, str]] = []
    if form is not None:
        step = graphs[STEP]
        measured |= measured_ranges(float_tflite, step, step_inputs(float_tflite, form, calibration))
        states = [(step.inputs[name].name, step.outputs[name + STATE_SUFFIX].name) for name in step.states]
    ranges = tied_ranges(tuple(graphs.values()), measured, {classify.inputs[CROP].name: _PIXELS}, states)
    return round_alike(quantise(float_tflite, ranges))


if __name__ == "__main__":
    main(Workspace(Path(sys.argv[1])))
