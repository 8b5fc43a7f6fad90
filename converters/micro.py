"""Runs a flatbuffer on TFLite Micro, the runtime for microcontrollers, as built for this machine.

In a child process, because it ends the process where a kernel cannot be prepared. It has no notion of signatures, and
runs the first graph alone.

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

import numpy as np

from device.quantisation import Int8

_ARENA_BYTES = 4_000_000
_ARENA_USED = re.compile(r"Arena allocation total (\d+) bytes")
_PACKAGES = Path(__file__).resolve().parent.parent


class MicroError(RuntimeError):
    """TFLite Micro does not run a file; the message gives its last words."""


@dataclass(frozen=True)
class MicroRun:
    """What TFLite Micro made of inputs: logits `<int8>[n, classes]`, and the bytes of memory that it used."""

    logits: Int8
    arena_bytes: int


def run_on_micro(content: bytes, pixels: Int8) -> MicroRun:
    """Returns what the first graph gives for inputs `<int8>[n, 28, 28]`.

    Raises:
        MicroError: the runtime refuses the file, or ends.
    """
    with tempfile.TemporaryDirectory(prefix="rowstream-") as folder:
        model, inputs = Path(folder) / "model.tflite", Path(folder) / "pixels.npy"
        model.write_bytes(content)
        np.save(inputs, pixels)
        command = [sys.executable, "-m", "converters.micro", str(model), str(inputs)]
        child = subprocess.run(command, cwd=_PACKAGES, capture_output=True, text=True, check=False)
    used = _ARENA_USED.search(child.stdout + child.stderr)
    if child.returncode or used is None:
        last_line = (child.stdout + child.stderr).strip().rpartition("\n")[2]
        raise MicroError(f"TFLite Micro ended with status {child.returncode}: {last_line}")
    logits = json.loads(child.stdout.strip().rpartition("\n")[2])
    return MicroRun(np.array(logits, np.int8), int(used[1]))


def main(model: Path, inputs: Path) -> None:
    """Prints the logits as JSON, after the runtime's own report of its memory."""
    from tflite_micro.python.tflite_micro import runtime  # noqa: PLC0415  # not on every machine; the parent needs none

    interpreter = runtime.Interpreter.from_bytes(model.read_bytes(), arena_size=_ARENA_BYTES)
    shape = tuple(interpreter.get_input_details(0)["shape"])
    logits = []
    for pixels in np.load(inputs):
        interpreter.set_input(pixels.reshape(shape), 0)
        interpreter.invoke()
        logits.append(interpreter.get_output(0)[0].tolist())
    interpreter.print_allocations()
    sys.stdout.write(f"\n{json.dumps(logits)}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
