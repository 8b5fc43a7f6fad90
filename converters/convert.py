"""Converts a trained network to a float and an int8 TFLite flatbuffer, in a child process.

A converter that crashes ends the child process alone; the caller gets an error that names the step.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import keras
import numpy as np

from converters.tflite.graph import Graph, read_graphs
from converters.tflite.structure import check_structure
from converters.workspace import ROOT, Workspace
from device.arrays import Float32

log = logging.getLogger(__name__)


class ConversionError(RuntimeError):
    """A step of the conversion failed; the message names the step and the cause."""


@dataclass(frozen=True)
class Conversion:
    """A network as a float and an int8 flatbuffer, and the int8 graphs by signature.

    The signatures are `classify` and, if the network can be computed while lines arrive, `step`. Otherwise
    `not_streamable` names the layer and the reason.
    """

    float_tflite: bytes
    int8_tflite: bytes
    graphs: Mapping[str, Graph]
    not_streamable: str


def convert(network: keras.Sequential, calibration: Float32) -> Conversion:
    """Returns the flatbuffers of a network `crop <float32>[n, 28, 28, 1] → logits <float32>[n, 10]`, or other sizes.

    The activations' ranges are measured on `calibration`. Raises ValueError if it does not fit the network or is not in
    0..1, ConversionError if a step failed or crashed, StructureError if the int8 file has parts that must not ship.
    """
    _check_calibration(network, calibration)
    with tempfile.TemporaryDirectory(prefix="rowstream-") as folder:
        workspace = Workspace(Path(folder))
        network.save(workspace.network)
        np.save(workspace.calibration, calibration)
        run_child([sys.executable, "-m", "converters.child", folder], workspace)
        int8_tflite = workspace.int8_tflite.read_bytes()
        graphs = read_graphs(int8_tflite)
        check_structure(graphs)
        return Conversion(
            float_tflite=workspace.float_tflite.read_bytes(),
            int8_tflite=int8_tflite,
            graphs=MappingProxyType({graph.signature: graph for graph in graphs}),
            not_streamable=workspace.reason.read_text(),
        )


def _check_calibration(network: keras.Sequential, calibration: Float32) -> None:
    expected = f"Expected calibration inputs <float32>[n, {', '.join(map(str, network.input_shape[1:]))}] in 0..1"
    if calibration.dtype != np.float32 or calibration.shape[1:] != network.input_shape[1:] or not len(calibration):
        raise ValueError(f"{expected}. Received: shape={calibration.shape}, dtype={calibration.dtype}")
    if not (calibration.min() >= 0 and calibration.max() <= 1):
        raise ValueError(f"{expected}. Received: {calibration.min()}..{calibration.max()}")


def run_child(command: Sequence[str], workspace: Workspace) -> None:
    """Runs a conversion to its end; raises ConversionError, which names the step, if it fails."""
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ}
    child = subprocess.run(command, cwd=ROOT, env=quiet, capture_output=True, text=True, check=False)
    if child.returncode == 0:
        return
    log.debug("The conversion's stderr:\n%s", child.stderr)
    step = workspace.step.read_text() if workspace.step.is_file() else "start"
    raise ConversionError(f"The conversion failed at the step '{step}': {_reason(child)}")


def _reason(child: subprocess.CompletedProcess[str]) -> str:
    if child.returncode < 0:
        return f"the process ended with {signal.Signals(-child.returncode).name}"
    last_line = child.stderr.strip().rpartition("\n")[2]
    return last_line or f"exit status {child.returncode}"
