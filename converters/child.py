"""The child process of `converters.convert`: unroll, write float TFLite, calibrate, quantise."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from converters.lowering.inference import InferenceNetwork
from converters.lowering.step_form import StepForm
from converters.lowering.unsupported import refuse_unsupported
from converters.quantisation.fidelity import RealOutputs
from converters.quantisation.precision import Measured, choose
from converters.quantisation.ranges import Range, measured_ranges, run_begins, step_inputs
from converters.quantisation.tables import set_aside
from converters.tflite.flatbuffer import dump, load
from converters.tflite.graph import read_graphs
from converters.tflite.lean import lean
from converters.tflite.operator_versions import not_allowed
from converters.tflite.squeezed import without_squeezed_operands
from converters.tflite.unfused import unfused
from converters.tflite.unread import without_unread_outputs
from converters.workspace import Workspace
from device.arrays import Float32
from device.signatures import CLASSIFY, CROP, STEP

# Longer trajectories than these, in time steps, measure no wider ranges; but so many inputs are always measured.
_CALIBRATION_STEPS = 2**17
_MIN_CALIBRATION_INPUTS = 100


def main(workspace: Workspace) -> None:
    """Converts the network in `workspace`, and writes the name of each step before it begins."""
    workspace.step.write_text("unroll")
    calibration = np.load(workspace.calibration)
    request = workspace.request
    keras_network = keras.models.load_model(workspace.network)
    shape, continuous = (1, *calibration.shape[1:]), request.runs is not None
    network = InferenceNetwork(
        keras_network,
        shape,
        keep_head=request.keep_head,
        continuous=continuous,
        unrolled_steps_max=request.unrolled_steps_max,
    )
    workspace.step.write_text("write float TFLite")
    float_tflite = write_float(network)
    workspace.float_tflite.write_bytes(float_tflite)
    workspace.step.write_text("calibrate and quantise")
    begins = run_begins(request.runs, len(calibration))
    measured = measure(float_tflite, calibration, network.step_form, begins)
    pixels = Range(*request.pixels) if request.pixels is not None else None
    run = RealOutputs(tuple(network.facts.heads), network.step_form, pixels, continuous=continuous)
    chosen = choose(Measured(float_tflite, measured, pixels, request.small), request.precision, run, calibration)
    workspace.int8_tflite.write_bytes(lean(chosen.tflite) if request.small else chosen.tflite)
    workspace.facts = replace(network.facts, precision=chosen.precision, signal_to_noise_db=chosen.signal_to_noise_db)


def write_float(network: InferenceNetwork) -> bytes:
    """Returns a network's float flatbuffer; raises NetworkRefusedError if int8 cannot compute some layers."""
    try:
        content = _written(network, network.signatures)
    except Exception:
        refuse_unsupported(network.lowered, _written_alone, _without_int8_kernel)
        raise
    if _without_int8_kernel(content):
        refuse_unsupported(network.lowered, _written_alone, _without_int8_kernel)
    return content


def _written(module: tf.Module, signatures: Mapping[str, Any]) -> bytes:
    # Through a SavedModel: `from_concrete_functions` can write a file without its weights, and raises no error.
    with tempfile.TemporaryDirectory() as saved_model:
        tf.saved_model.save(module, saved_model, signatures=dict(signatures))
        converter = tf.lite.TFLiteConverter.from_saved_model(saved_model, signature_keys=list(signatures))
        content = named_and_ordered(bytes(converter.convert()))
        return without_unread_outputs(unfused(without_squeezed_operands(content)))


def _written_alone(function: Any) -> bytes:
    module = tf.Module()
    module.function = function
    return _written(module, {CLASSIFY: function})


def _without_int8_kernel(float_tflite: bytes) -> tuple[str, ...]:
    """Returns the names of the operators that int8 has neither a kernel nor a table for."""
    placeholder = {"GELU"}
    return tuple(
        name for name in not_allowed(read_graphs(set_aside(float_tflite).float_tflite)) if name not in placeholder
    )


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


def measure(
    float_tflite: bytes, calibration: Float32, form: StepForm | None, begins: Collection[int]
) -> dict[str, Range]:
    """Returns the range of each activation by tensor name, over the calibration inputs `[n, ...]`.

    `begins` are the indices of those that start at states of zero.
    """
    graphs = {graph.signature: graph for graph in read_graphs(float_tflite)}
    measured: dict[str, Range] = {}
    if CLASSIFY in graphs:
        inputs = ({CROP: crop[np.newaxis]} for crop in calibration)
        measured |= measured_ranges(float_tflite, graphs[CLASSIFY], inputs)
    if form is not None:
        enough = max(_CALIBRATION_STEPS // form.steps, _MIN_CALIBRATION_INPUTS)
        steps = step_inputs(float_tflite, form, calibration[:enough], begins)
        measured |= measured_ranges(float_tflite, graphs[STEP], steps)
    return measured


if __name__ == "__main__":
    main(Workspace(Path(sys.argv[1])))
