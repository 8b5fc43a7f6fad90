"""Computes while lines arrive: the model's `step`, with the states it hands from one step to the next.

States are raw int8, handed back as they came: each comes out with the scale and zero point with which it goes in. At
the start of a crop all are real zero, hence at their zero points, whatever the crop before left behind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from .manifest import Manifest, TensorContract
from .pixels import SIDE
from .quantisation import Int8, quantise_pixels

# A state that goes into `step` as NAME comes out as NAME_out.
STATE_SUFFIX = "_out"
# The input of `step` that takes the lines, rows or columns.
LINES = "rows"


class Reader(Protocol):
    """Takes a crop's lines one by one, gives logits."""

    def push(self, line: npt.NDArray[np.uint8]) -> Int8 | None:
        """Takes a line `<uint8>[28]`; returns logits `<int8>[10]` where the line completes a time step, else None."""

    def reset(self) -> None:
        """Forgets the lines so far: the next one is the first of a new crop."""


class Stream:
    """Reads by the model's `step`: each time step's lines are computed as soon as they are there."""

    def __init__(self, step: Any, manifest: Manifest) -> None:
        """Wraps an interpreter's signature runner for `step`."""
        self._step = step
        self._output = manifest.output.name
        self._start = {state.name: _at_zero(state) for state in manifest.states}
        self._handed_on = tuple((state.name, state.name + STATE_SUFFIX) for state in manifest.states)
        self._lines = np.empty((1, manifest.lines_per_step, SIDE, 1), np.uint8)
        self._rows = tuple(self._lines[0, :, :, 0])
        self.reset()

    def reset(self) -> None:
        """Brings every state to its start."""
        self._waiting = 0
        self._inputs = dict(self._start)

    def push(self, line: npt.NDArray[np.uint8]) -> Int8 | None:
        """See `Reader`."""
        self._rows[self._waiting][:] = line
        self._waiting += 1
        if self._waiting < len(self._rows):
            return None
        self._waiting = 0
        self._inputs[LINES] = quantise_pixels(self._lines)
        after = self._step(**self._inputs)
        for name, out in self._handed_on:
            self._inputs[name] = after[out]
        logits: Int8 = after[self._output][0]
        return logits


class Collector:
    """Reads by `classify`, once all lines are there: for a file that does not stream."""

    def __init__(self, classify: Callable[[npt.NDArray[np.uint8]], Int8], manifest: Manifest) -> None:
        """Takes what gives the logits of a whole crop `<uint8>[28, 28]`."""
        self._classify = classify
        self._lines = np.empty((SIDE, SIDE), np.uint8)
        self._crop = self._lines if manifest.time_axis == "rows" else self._lines.T
        self.reset()

    def reset(self) -> None:
        """Forgets the lines."""
        self._received = 0

    def push(self, line: npt.NDArray[np.uint8]) -> Int8 | None:
        """See `Reader`."""
        self._lines[self._received] = line
        self._received += 1
        return self._classify(self._crop) if self._received == SIDE else None


def step_contracts(states: Sequence[TensorContract]) -> tuple[TensorContract, ...]:
    """Returns what `step` must give out for the states that go in."""
    return tuple(TensorContract(state.name + STATE_SUFFIX, state.shape, state.quantisation) for state in states)


def _at_zero(state: TensorContract) -> Int8:
    return np.full(state.shape, state.quantisation.zero_point, np.int8)
