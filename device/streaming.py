"""Computes while lines arrive: by the model's `step`, or by `classify` once all lines are there.

`step` runs as the interpreter's primary graph, whose tensors are allocated once, and is fed and read in their memory. A
signature runner resizes and allocates them in every call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from .arrays import Int8
from .contract.inputs import Input, InputForm
from .contract.manifest import Manifest, TensorContract
from .signatures import LINES, STATE_SUFFIX, STEP
from .step_loop import Array, StateKeys, StepLoop


class Reader(Protocol):
    """Takes an input's lines one by one, and gives logits."""

    def push(self, line: Input) -> Int8 | None:
        """Takes a line; returns the logits of all outputs `<int8>[width]` if it completes a time step, else None.

        The logits are valid until the next time step. A line of numbers holds no NaN.
        """

    def reset(self) -> None:
        """Forgets the lines so far: the next line is the first of a new input."""


class Stream:
    """Reads by the model's `step`: computes each time step as soon as its lines are there."""

    def __init__(self, interpreter: Any, manifest: Manifest) -> None:
        """Takes an interpreter for itself: one that also serves a signature runner refuses to run its primary graph.

        Raises ValueError if `step` is not the primary graph, RuntimeError if the interpreter cannot run it.
        """
        inputs, outputs = primary_graph(interpreter)
        states = [_state_keys(state, inputs, outputs) for state in manifest.states]
        self._loop = StepLoop(PrimaryGraph(interpreter, states, inputs[LINES], outputs[manifest.output.name]))
        self._outputs: list[Int8] = [outputs[output.name].reshape(-1) for output in manifest.outputs]
        self._logits = self._outputs[0] if len(self._outputs) == 1 else None
        self._input = _bytes(inputs[LINES])
        form = InputForm(manifest)
        self._step_bytes = form.step_bytes
        self._lines_per_step = manifest.lines_per_step
        self._lines: list[bytes] = []

    def reset(self) -> None:
        self._lines.clear()
        self._loop.reset()

    def push(self, line: Input) -> Int8 | None:
        lines = self._lines
        if not lines:
            # States are set before a step's first line, not after its last: nobody waits for the answer then.
            self._loop.set_states()
        lines.append(line.tobytes())
        if len(lines) < self._lines_per_step:
            return None
        self._input[:] = self._step_bytes(b"".join(lines))
        lines.clear()
        self._loop.run()
        return np.concatenate(self._outputs) if self._logits is None else self._logits


class Collector:
    """Reads by `classify`, once all lines are there: for a file that does not stream."""

    def __init__(self, classify: Callable[[Input], Int8], manifest: Manifest) -> None:
        """Takes what gives the logits of all outputs `<int8>[width]` of a whole input."""
        self._classify = classify
        form = InputForm(manifest)
        self._lines = np.empty((manifest.lines, *form.line_shape), form.dtype)
        self._input = np.moveaxis(self._lines, 0, form.along)
        self.reset()

    def reset(self) -> None:
        self._received = 0

    def push(self, line: Input) -> Int8 | None:
        self._lines[self._received] = line
        self._received += 1
        return self._classify(self._input) if self._received == len(self._lines) else None


class PrimaryGraph:
    """A `StepModel` over an interpreter's primary graph, in the memory of its tensors."""

    def __init__(self, interpreter: Any, states: Sequence[StateKeys], lines: Array, logits: Array) -> None:
        """Takes the memory of the states, of the input that takes lines, and of the logits."""
        self.run: Callable[[], None] = _invoke(interpreter)
        self._zeros = tuple((_bytes(state.input), state.zero.tobytes()) for state in states)
        self._carried = tuple((_bytes(state.input), _bytes(state.output)) for state in states)
        self._lines, self._logits = lines, logits

    def begin(self) -> None:
        for into, zero in self._zeros:
            into[:] = zero

    def carry(self) -> None:
        for into, out in self._carried:
            into[:] = out

    def set_lines(self, lines: Array) -> None:
        self._lines[...] = lines

    def logits(self) -> Array:
        return self._logits


class _Memory:
    """A tensor's memory, for an array that stays while the model runs; the interpreter's own views must not.

    It is where it is once tensors are allocated, until they are resized or allocated again, which nothing does here.
    """

    def __init__(self, interpreter: Any, index: int) -> None:
        self._interpreter = interpreter  # its owner
        self.__array_interface__ = interpreter.tensor(index)().__array_interface__


def _invoke(interpreter: Any) -> Callable[[], None]:
    """Returns what runs the primary graph, in the words of both runtimes' Python: `invoke` without its check.

    In each call `invoke` first looks for arrays that the interpreter owns. It has found none, and nobody else has this
    interpreter to make one. Where a runtime has another Python inside, `invoke` itself does the same.
    """
    native = getattr(interpreter, "_interpreter", None)
    invoke: Callable[[], None] = getattr(native, "Invoke", interpreter.invoke)
    return invoke


def _bytes(array: Array) -> memoryview:
    """Returns the memory of an array, byte by byte: for a few hundred bytes numpy's own copies take longer."""
    return array.view(np.uint8).reshape(-1).data


def primary_graph(interpreter: Any) -> tuple[Mapping[str, Array], Mapping[str, Array]]:
    """Returns the memory of the tensors that go into `step` and come out of it, by name."""
    details = _primary_details(interpreter)
    interpreter.allocate_tensors()
    # Some kernels settle where their results are only as they run.
    interpreter.invoke()
    inputs, outputs = (
        {name: np.asarray(_Memory(interpreter, tensor["index"])) for name, tensor in part.items()} for part in details
    )
    if any(np.may_share_memory(into, out) for into in inputs.values() for out in outputs.values()):
        raise ValueError("Expected a runtime that keeps inputs and outputs apart. Received: one that lets them overlap")
    return inputs, outputs


def _primary_details(interpreter: Any) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    step = interpreter.get_signature_runner(STEP)
    inputs, outputs = step.get_input_details(), step.get_output_details()
    received = _tensors((*interpreter.get_input_details(), *interpreter.get_output_details()))
    if _tensors((*inputs.values(), *outputs.values())) != received:
        raise ValueError(f"Expected step as the file's primary graph. Received: a graph of {sorted(received)}")
    return inputs, outputs


def _tensors(details: Iterable[Mapping[str, Any]]) -> set[tuple[int, str]]:
    return {(tensor["index"], tensor["name"]) for tensor in details}


def _state_keys(state: TensorContract, inputs: Mapping[str, Array], outputs: Mapping[str, Array]) -> StateKeys:
    real_zero = np.full(state.shape, state.quantisation.zero_point, state.type)
    return StateKeys(inputs[state.name], outputs[state.name + STATE_SUFFIX], real_zero)
