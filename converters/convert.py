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

from converters.lowering.refusal import NetworkRefusedError
from converters.lowering.states_kept import keeps_states, with_states
from converters.quantisation.ranges import Range
from converters.tflite.graph import Graph, read_graphs
from converters.tflite.structure import check_structure
from converters.workspace import MAX_UNROLLED_STEPS, ROOT, NetworkFacts, Request, Wanted, Workspace
from device.arrays import Float32

PIXELS_0_TO_1 = Range(0.0, 1.0)

log = logging.getLogger(__name__)


class ConversionError(RuntimeError):
    """A step of the conversion failed; the message names the step and the cause."""


@dataclass(frozen=True)
class Conversion:
    """A network as a float and an int8 flatbuffer, and the int8 graphs by signature.

    The signatures are `classify` and, if the network can be computed while lines arrive, `step`; for a long sequence
    that can, `step` alone.
    """

    float_tflite: bytes
    int8_tflite: bytes
    graphs: Mapping[str, Graph]
    facts: NetworkFacts


def convert(  # noqa: PLR0913  # what to convert, what to measure it on, and four choices of how
    network: keras.Model,
    calibration: Float32 | Sequence[Float32],
    pixels: Range | None = PIXELS_0_TO_1,
    *,
    keep_head: bool = False,
    precision: Wanted = "int8",
    small: bool = False,
) -> Conversion:
    """Returns the flatbuffers of a network `input <float32>[n, ...] → outputs <float32>[n, ...]`.

    The activations' ranges are measured on `calibration`, inputs as the network takes them. `pixels` is the range of
    an image's pixels there; None for an input of other numbers, whose range is measured. A softmax or sigmoid at the
    end is taken off, for the device to apply, unless `keep_head` is true. With `precision` "int8+state16" recurrent
    cells compute in int16, with "auto" if int8 is not precise enough. A `small` file, for a microcontroller, holds
    `step` alone if the network streams, one scale for all weights of a matrix product, and no names of tensors.

    With a list of such arrays the network is continuous: it keeps its states from one input to the next, and the file
    holds `step` alone. The inputs of an array follow one another, the first from states of zero. Recurrent layers may
    be `stateful` then.

    Raises ValueError if the calibration inputs do not fit the network or `pixels`, ConversionError if a step failed or
    crashed, StructureError if the int8 file has parts that must not ship.
    """
    runs = None
    if not isinstance(calibration, np.ndarray):
        runs, calibration = tuple(map(len, calibration)), np.concatenate(calibration)
        network = with_states(network, kept=False) if keeps_states(network) else network
    _check_calibration(network, calibration, pixels)
    with tempfile.TemporaryDirectory(prefix="rowstream-") as folder:
        workspace = Workspace(Path(folder))
        network.save(workspace.network)
        np.save(workspace.calibration, calibration)
        ends = (pixels.low, pixels.high) if pixels is not None else None
        unrolled = 0 if small else MAX_UNROLLED_STEPS
        workspace.request = Request(ends, keep_head, precision, runs, unrolled, small)
        run_child([sys.executable, "-m", "converters.child", folder], workspace)
        int8_tflite = workspace.int8_tflite.read_bytes()
        graphs = read_graphs(int8_tflite)
        check_structure(graphs)
        return Conversion(
            float_tflite=workspace.float_tflite.read_bytes(),
            int8_tflite=int8_tflite,
            graphs=MappingProxyType({graph.signature: graph for graph in graphs}),
            facts=workspace.facts,
        )


def _check_calibration(network: keras.Model, calibration: Float32, pixels: Range | None) -> None:
    shape = network.input_shape[1:]
    within = f" in {pixels.low:g}..{pixels.high:g}" if pixels is not None else ""
    expected = f"Expected calibration inputs <float32>[n, {', '.join(map(str, shape))}]{within}"
    fits = len(shape) == calibration.ndim - 1 and all(
        size in (None, given) for size, given in zip(shape, calibration.shape[1:], strict=True)
    )
    if calibration.dtype != np.float32 or not fits or not len(calibration):
        raise ValueError(f"{expected}. Received: shape={calibration.shape}, dtype={calibration.dtype}")
    if not np.isfinite(calibration).all():
        raise ValueError(f"{expected}. Received: NaN or infinity")
    if pixels is not None and not (calibration.min() >= pixels.low and calibration.max() <= pixels.high):
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
    # A refusal has a line for each layer.
    _, refused, layers = child.stderr.strip().rpartition(f"{NetworkRefusedError.__name__}: ")
    if refused:
        return layers
    last_line = child.stderr.strip().rpartition("\n")[2]
    return last_line or f"exit status {child.returncode}"
