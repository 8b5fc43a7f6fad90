"""Runs a model's `step` over a sequence, with the states that it hands from one step to the next.

States are handed back raw, as they came out. At the start of every sequence each is real zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy.typing as npt

from .signatures import LINES, LOGITS, STATE_SUFFIX

Array = npt.NDArray[Any]


class StepModel(Protocol):
    """A model whose inputs are set, which is run, and whose outputs are read, each by a key of its own kind."""

    def set_input(self, key: Any, value: Array) -> None:
        """Sets an input."""

    def run(self) -> None:
        """Runs the model once on the inputs as they are set."""

    def output(self, key: Any) -> Array:
        """Returns an output: a copy, or its memory if no input shares it."""


@dataclass(frozen=True, eq=False)
class StateKeys:
    """A state: where it goes in, where it comes out, and its real zero."""

    input: Any
    output: Any
    zero: Array


class StepLoop:
    """A model's `step` and its states."""

    def __init__(self, model: StepModel, states: Sequence[StateKeys], lines: Any = LINES, logits: Any = LOGITS) -> None:
        """Takes the keys of the states, of the input that takes lines, and of the logits."""
        self._model = model
        self._states = tuple(states)
        self._lines, self._logits = lines, logits
        self.reset()

    def reset(self) -> None:
        """Begins a sequence: the next step gets every state at real zero."""
        self._at_start, self._states_are_set = True, False

    def set_states(self) -> None:
        """Hands the states of the step before to the next one, ahead of its lines; `step` does so if needed."""
        if self._states_are_set:
            return
        # All are read before any is set: a runtime may let inputs and outputs share memory.
        values = [state.zero if self._at_start else self._model.output(state.output) for state in self._states]
        for state, value in zip(self._states, values, strict=True):
            self._model.set_input(state.input, value)
        self._at_start, self._states_are_set = False, True

    def step(self, lines: Array) -> Array:
        """Takes the lines of one time step, as the model takes them; returns its logits, valid until the next step."""
        self.set_states()
        self._model.set_input(self._lines, lines)
        return self.run()

    def run(self) -> Array:
        """Does as `step`, on lines that the model has already."""
        self.set_states()
        self._model.run()
        self._states_are_set = False
        return self._model.output(self._logits)


class SignatureModel:
    """A `StepModel` over a signature runner, whose keys are names."""

    def __init__(self, signature: Any) -> None:
        self._signature = signature
        self.inputs: dict[str, Array] = {}
        self._outputs: Mapping[str, Array] = {}

    def set_input(self, key: str, value: Array) -> None:
        self.inputs[key] = value

    def run(self) -> None:
        self._outputs = self._signature(**self.inputs)

    def output(self, key: str) -> Array:
        return self._outputs[key]


def named_states(zeros: Mapping[str, Array]) -> tuple[StateKeys, ...]:
    """Returns the keys of states by their names, for a `SignatureModel`; `zeros` has each one's real zero."""
    return tuple(StateKeys(name, name + STATE_SUFFIX, zero) for name, zero in zeros.items())
