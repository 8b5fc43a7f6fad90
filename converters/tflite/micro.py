"""Runs a flatbuffer on TFLite Micro, the runtime for microcontrollers, as built for this machine.

In a child process, because it ends the process where a kernel cannot be prepared. It has no notion of signatures, and
runs the first graph: `step` of a file that streams, else `classify`. Yet it plans memory for every graph of a file, so
that a file for a microcontroller is best cut to the one that runs.

Source: https://github.com/tensorflow/tflite-micro, python/tflite_micro/runtime.py and docs/memory_management.md.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from converters.tflite.flatbuffer import dump, load
from converters.tflite.graph import Graph, read_graphs
from converters.workspace import ROOT
from device.arrays import Int8
from device.signatures import STATE_SUFFIX

_ARENA_BYTES = 4_000_000
_ARENA_USED = re.compile(r"Arena allocation total (\d+) bytes")


class MicroError(RuntimeError):
    """TFLite Micro does not run a file; the message gives its last words."""


@dataclass(frozen=True)
class MicroRun:
    """What TFLite Micro made of inputs: logits `<int8>[n, classes]`, and the bytes of memory that it used."""

    logits: Int8
    arena_bytes: int


@dataclass(frozen=True)
class _Places:
    """Where the first graph's inputs and outputs stand among them: the runtime knows no names."""

    lines: int
    logits: int
    states: tuple[tuple[int, int], ...]


def first_graph_alone(content: bytes) -> bytes:
    """Returns the flatbuffer without its other graphs, and without what only they read."""
    model = load(content)
    model.subgraphs = model.subgraphs[:1]
    model.signatureDefs = [entry for entry in model.signatureDefs or () if entry.subgraphIndex == 0]
    readers = [*model.subgraphs[0].tensors, *(model.metadata or ())]
    kept = sorted({0, *(reader.buffer for reader in readers)})
    for reader in readers:
        reader.buffer = kept.index(reader.buffer)
    model.buffers = [model.buffers[index] for index in kept]
    return dump(model)


def run_on_micro(content: bytes, pixels: Int8) -> MicroRun:
    """Returns what a file's first graph gives for crops `<int8>[n, 28, 28]`.

    A crop's lines lie in the order of time. The graph gets as many at once as it takes, all of them or a time step's,
    with the states of the step before; the last step's logits count.

    Raises:
        MicroError: the runtime refuses the file, or ends.
    """
    with tempfile.TemporaryDirectory(prefix="rowstream-") as folder:
        model, inputs = Path(folder) / "model.tflite", Path(folder) / "pixels.npy"
        model.write_bytes(content)
        np.save(inputs, pixels)
        command = [sys.executable, "-m", "converters.tflite.micro", str(model), str(inputs)]
        child = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    used = _ARENA_USED.search(child.stdout + child.stderr)
    if child.returncode or used is None:
        last_line = (child.stdout + child.stderr).strip().rpartition("\n")[2]
        raise MicroError(f"TFLite Micro ended with status {child.returncode}: {last_line}")
    logits = json.loads(child.stdout.strip().rpartition("\n")[2])
    return MicroRun(np.array(logits, np.int8), int(used[1]))


def main(model: Path, inputs: Path) -> None:
    """Prints the logits as JSON, after the runtime's own report of its memory."""
    from tflite_micro.python.tflite_micro import runtime  # noqa: PLC0415  # not on every machine; the parent needs none

    content = model.read_bytes()
    interpreter = runtime.Interpreter.from_bytes(content, arena_size=_ARENA_BYTES)
    places = _places(read_graphs(content)[0])
    logits = [_logits(interpreter, places, crop) for crop in np.load(inputs)]
    interpreter.print_allocations()
    sys.stdout.write(f"\n{json.dumps(logits)}\n")


def _places(graph: Graph) -> _Places:
    inputs, outputs = list(graph.inputs), list(graph.outputs)
    (lines,) = set(inputs) - set(graph.states)
    states = tuple((inputs.index(name), outputs.index(name + STATE_SUFFIX)) for name in graph.states)
    return _Places(inputs.index(lines), outputs.index("logits"), states)


def _logits(interpreter: Any, places: _Places, crop: Int8) -> list[int]:
    for state, _ in places.states:
        interpreter.set_input(_at_zero(interpreter.get_input_details(state)), state)
    for lines in crop.reshape(-1, *interpreter.get_input_details(places.lines)["shape"]):
        interpreter.set_input(lines, places.lines)
        interpreter.invoke()
        # All are read before any is set: here inputs and outputs share memory.
        after = [interpreter.get_output(out) for _, out in places.states]
        for (state, _), handed_on in zip(places.states, after, strict=True):
            interpreter.set_input(handed_on, state)
    logits: list[int] = interpreter.get_output(places.logits)[0].tolist()
    return logits


def _at_zero(details: Mapping[str, Any]) -> Int8:
    (zero_point,) = details["quantization_parameters"]["zero_points"]
    return np.full(details["shape"], zero_point, np.int8)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
