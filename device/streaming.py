"""Computes while lines arrive: the model's `step`, with the states it hands from one step to the next.

States are raw int8, handed back as they came: each comes out with the scale and zero point with which it goes in. At
the start of a crop all are real zero, hence at their zero points, whatever the crop before left behind.

`step` is run as the interpreter's primary graph, whose tensors are allocated once; a signature runner resizes and
allocates them in every call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import numpy as np

from .arrays import Int8, UInt8
from .manifest import Manifest, TensorContract
from .pixels import SIDE
from .quantisation import quantise_pixels
from .signatures import LINES, STATE_SUFFIX


class Reader(Protocol):
    """Takes a crop's lines one by one, gives logits."""

    def push(self, line: UInt8) -> Int8 | None:
        """Takes a line `<uint8>[28]`; returns logits `<int8>[10]` where the line completes a time step, else None."""

    def reset(self) -> None:
        """Forgets the lines so far: the next one is the first of a new crop."""


class Stream:
    """Reads by the model's `step`: each time step's lines are computed as soon as they are there."""

    def __init__(self, interpreter: Any, manifest: Manifest) -> None:
        """Takes an interpreter for itself: one that also serves a signature runner refuses to run its primary graph.

        Raises:
            ValueError: `step` is not the primary graph.
            RuntimeError: its tensors cannot be allocated.
        """
        inputs, outputs = _primary_places(interpreter)
        interpreter.allocate_tensors()
        self._interpreter = interpreter
        self._input, self._output = inputs[LINES], outputs[manifest.output.name]
        self._start = tuple((inputs[state.name], _at_zero(state)) for state in manifest.states)
        self._handed_on = tuple((inputs[state.name], outputs[state.name + STATE_SUFFIX]) for state in manifest.states)
        self._lines = np.empty((1, manifest.lines_per_step, SIDE, 1), np.uint8)
        self._rows = tuple(self._lines[0, :, :, 0])
        self.reset()

    def reset(self) -> None:
        """Has the next line begin a crop, with every state at its start."""
        self._waiting = 0
        self._at_start = True

    def push(self, line: UInt8) -> Int8 | None:
        """See `Reader`."""
        if not self._waiting:
            # Ahead of a step's first line, not behind its last: somebody may wait for the answer.
            self._set_states()
        self._rows[self._waiting][:] = line
        self._waiting += 1
        if self._waiting < len(self._rows):
            return None
        self._waiting = 0
        self._interpreter.set_tensor(self._input, quantise_pixels(self._lines))
        self._interpreter.invoke()
        logits: Int8 = self._interpreter.get_tensor(self._output)[0]
        return logits

    def _set_states(self) -> None:
        if self._at_start:
            for state, zero in self._start:
                self._interpreter.set_tensor(state, zero)
        else:
            # All are read before any is set: a runtime may let inputs and outputs share memory.
            after = [self._interpreter.get_tensor(out) for _, out in self._handed_on]
            for (state, _), handed_on in zip(self._handed_on, after, strict=True):
                self._interpreter.set_tensor(state, handed_on)
        self._at_start = False


class Collector:
    """Reads by `classify`, once all lines are there: for a file that does not stream."""

    def __init__(self, classify: Callable[[UInt8], Int8], manifest: Manifest) -> None:
        """Takes what gives the logits of a whole crop `<uint8>[28, 28]`."""
        self._classify = classify
        self._lines = np.empty((SIDE, SIDE), np.uint8)
        self._crop = self._lines if manifest.time_axis == "rows" else self._lines.T
        self.reset()

    def reset(self) -> None:
        """Forgets the lines."""
        self._received = 0

    def push(self, line: UInt8) -> Int8 | None:
        """See `Reader`."""
        self._lines[self._received] = line
        self._received += 1
        return self._classify(self._crop) if self._received == SIDE else None


def _primary_places(interpreter: Any) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """The places of the tensors that go into `step` and come out of it, by name."""
    step = interpreter.get_signature_runner("step")
    inputs, outputs = step.get_input_details(), step.get_output_details()
    received = _tensors((*interpreter.get_input_details(), *interpreter.get_output_details()))
    if _tensors((*inputs.values(), *outputs.values())) != received:
        raise ValueError(f"Expected step as the file's primary graph. Received: a graph of {sorted(received)}")
    return _places(inputs), _places(outputs)


def _places(details: Mapping[str, Mapping[str, Any]]) -> Mapping[str, int]:
    return {name: int(tensor["index"]) for name, tensor in details.items()}


def _tensors(details: Iterable[Mapping[str, Any]]) -> set[tuple[int, str]]:
    return {(tensor["index"], tensor["name"]) for tensor in details}


def _at_zero(state: TensorContract) -> Int8:
    return np.full(state.shape, state.quantisation.zero_point, np.int8)
