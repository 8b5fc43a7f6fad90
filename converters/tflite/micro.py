"""Runs a flatbuffer on TFLite Micro, the runtime for microcontrollers, built for this machine.

In a child process, because the runtime aborts if a kernel cannot be prepared. It knows no signatures and runs the first
graph: `step` of a file that streams, otherwise `classify`. It plans memory for every graph, so a file for a
microcontroller should hold only the one that runs.

Source: https://github.com/tensorflow/tflite-micro, python/tflite_micro/runtime.py and docs/memory_management.md.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from converters.tflite.editing import drop_unread_buffers
from converters.tflite.flatbuffer import dump, load
from converters.tflite.graph import Graph, read_graphs
from converters.workspace import ROOT
from device.arrays import Int8
from device.signatures import LOGITS, STATE_SUFFIX
from device.step_loop import KeyedModel, StateKeys, StepLoop

_ARENA_BYTES = 4_000_000
_ARENA_USED = re.compile(r"Arena allocation total (\d+) bytes")


class MicroError(RuntimeError):
    """TFLite Micro cannot run a file; the message has its exit status and last line."""


@dataclass(frozen=True)
class MicroRun:
    """A run on TFLite Micro: logits `<int8>[n, classes]`, and the bytes of memory that it used."""

    logits: Int8
    arena_bytes: int


class _MicroModel(KeyedModel):
    """A model whose keys are the indices of the first graph's inputs and outputs: the runtime knows no names."""

    def __init__(self, interpreter: Any, graph: Graph, lines: int, output: str) -> None:
        inputs, outputs = list(graph.inputs), list(graph.outputs)
        indices = [(inputs.index(name), outputs.index(name + STATE_SUFFIX)) for name in graph.states]
        states = [StateKeys(before, after, _zero(interpreter, before)) for before, after in indices]
        super().__init__(states, lines, outputs.index(output))
        self._interpreter = interpreter

    def set_input(self, key: int, value: Int8) -> None:
        self._interpreter.set_input(value, key)

    def output(self, key: int) -> Int8:
        values: Int8 = self._interpreter.get_output(key)
        return values

    def run(self) -> None:
        self._interpreter.invoke()


def _zero(interpreter: Any, index: int) -> Int8:
    """Returns real zero for an input."""
    details = interpreter.get_input_details(index)
    (zero_point,) = details["quantization_parameters"]["zero_points"]
    return np.full(details["shape"], zero_point, details["dtype"])


def arena_used_bytes(report: str) -> int | None:
    """Returns the bytes of arena that the runtime's memory report names; None if there is no report."""
    used = _ARENA_USED.search(report)
    return int(used[1]) if used else None


def graph_alone(content: bytes, index: int = 0) -> bytes:
    """Returns the flatbuffer with one graph, the first unless told, and the constants of that graph alone."""
    model = load(content)
    model.subgraphs = model.subgraphs[index : index + 1]
    model.signatureDefs = [entry for entry in model.signatureDefs or () if entry.subgraphIndex == index]
    for entry in model.signatureDefs:
        entry.subgraphIndex = 0
    drop_unread_buffers(model)
    return dump(model)


def signature_alone(content: bytes, signature: str) -> bytes | None:
    """Returns the flatbuffer with the graph of one signature; None if it lacks that."""
    found = [graph.index for graph in read_graphs(content) if graph.signature == signature]
    return graph_alone(content, found[0]) if found else None


def run_on_micro(content: bytes, inputs: Int8, output: str = LOGITS, arena_bytes: int = _ARENA_BYTES) -> MicroRun:
    """Returns an output of a file's first graph for inputs `<int8>[n, ...]`, with lines in the order of time.

    The graph takes the lines of a whole crop, or of a time step together with the states of the step before. The logits
    are those after the last line. Raises MicroError if the runtime refuses the file, needs more memory than an arena of
    `arena_bytes` has, or ends the process.
    """
    with tempfile.TemporaryDirectory(prefix="rowstream-") as folder:
        model, given = Path(folder) / "model.tflite", Path(folder) / "inputs.npy"
        model.write_bytes(content)
        np.save(given, inputs)
        command = [sys.executable, "-m", "converters.tflite.micro", str(model), str(given), output, str(arena_bytes)]
        child = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    used = arena_used_bytes(child.stdout + child.stderr)
    if child.returncode or used is None:
        last_line = (child.stdout + child.stderr).strip().rpartition("\n")[2]
        raise MicroError(f"TFLite Micro ended with status {child.returncode}: {last_line}")
    logits = json.loads(child.stdout.strip().rpartition("\n")[2])
    return MicroRun(np.array(logits, np.int8), used)


def main(model: Path, inputs: Path, output: str, arena_bytes: int) -> None:
    """Prints the runtime's memory report, then the logits as JSON."""
    from tflite_micro.python.tflite_micro import runtime  # noqa: PLC0415  # not on every machine, and only used here

    content = model.read_bytes()
    interpreter = runtime.Interpreter.from_bytes(content, arena_size=arena_bytes)
    graph = read_graphs(content)[0]
    (lines,) = (index for index, name in enumerate(graph.inputs) if name not in graph.states)
    shape = interpreter.get_input_details(lines)["shape"]
    loop = StepLoop(_MicroModel(interpreter, graph, lines, output))
    logits = []
    for crop in np.load(inputs):
        loop.reset()
        logits.append([loop.step(step)[0].tolist() for step in crop.reshape(-1, *shape)][-1])
    interpreter.print_allocations()
    sys.stdout.write(f"\n{json.dumps(logits)}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
