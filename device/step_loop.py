"""Runs a model's `step` over a sequence, with the states that it hands from one step to the next.

States are handed back raw, as they came out. At the start of every sequence each is real zero.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy.typing as npt

from .signatures import LINES, LOGITS, STATE_SUFFIX

Array = npt.NDArray[Any]


class StepModel(Protocol):
    """A model's `step`, with its states."""

    def begin(self) -> None:
        """Sets every state to real zero."""

    def carry(self) -> None:
        """Sets every state to what came out for it in the last run."""

    def set_lines(self, lines: Array) -> None:
        """Sets the lines of one time step, as the model takes them."""

    def run(self) -> None:
        """Runs the model once."""

    def logits(self) -> Array:
        """Returns the logits of the last run, valid until the next."""


class StepLoop:
    """A model's `step` over a sequence."""

    def __init__(self, model: StepModel) -> None:
        self._model = model
        self.reset()

    def reset(self) -> None:
        """Begins a sequence: the next step gets every state at real zero."""
        self._at_start, self._states_are_set = True, False

    def set_states(self) -> None:
        """Hands the states of the step before to the next one, ahead of its lines; `step` does so if needed."""
        if self._states_are_set:
            return
        if self._at_start:
            self._model.begin()
        else:
            self._model.carry()
        self._at_start, self._states_are_set = False, True

    def step(self, lines: Array) -> Array:
        """Takes the lines of one time step, as the model takes them; returns its logits, valid until the next step."""
        self.set_states()
        self._model.set_lines(lines)
        self.run()
        return self._model.logits()

    def run(self) -> None:
        """Takes a time step on lines that the model has already."""
        if not self._states_are_set:
            self.set_states()
        self._model.run()
        self._states_are_set = False


@dataclass(frozen=True, eq=False)
class StateKeys:
    """A state: the key by which it goes in, the one by which it comes out, and its real zero."""

    input: Any
    output: Any
    zero: Array


class KeyedModel(ABC):
    """A `StepModel` whose inputs and outputs have keys."""

    def __init__(self, states: Sequence[StateKeys], lines: Any = LINES, logits: Any = LOGITS) -> None:
        """Takes the keys of the states, of the input that takes lines, and of the logits."""
        self._states = tuple(states)
        self._lines, self._logits = lines, logits

    @abstractmethod
    def set_input(self, key: Any, value: Array) -> None:
        """Sets an input."""

    @abstractmethod
    def output(self, key: Any) -> Array:
        """Returns an output, or a copy if inputs may share its memory."""

    @abstractmethod
    def run(self) -> None:
        """Runs the model once on the inputs as they are set."""

    def begin(self) -> None:
        """Sets every state to real zero."""
        for state in self._states:
            self.set_input(state.input, state.zero)

    def carry(self) -> None:
        """Sets every state to what came out for it in the last run."""
        # All are read before any is set: a runtime may let inputs and outputs share memory.
        values = [self.output(state.output) for state in self._states]
        for state, value in zip(self._states, values, strict=True):
            self.set_input(state.input, value)

    def set_lines(self, lines: Array) -> None:
        """Sets the lines of one time step, as the model takes them."""
        self.set_input(self._lines, lines)

    def logits(self) -> Array:
        """Returns the logits of the last run."""
        return self.output(self._logits)


class SignatureModel(KeyedModel):
    """A model over a signature runner, whose keys are names."""

    def __init__(self, signature: Any, states: Sequence[StateKeys], logits: str = LOGITS) -> None:
        super().__init__(states, logits=logits)
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
