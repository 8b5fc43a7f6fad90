"""A model's outputs: the row that their logits form after each time step, and the answers in it.

A row `<int8>[width]` has the logits of all outputs, one after another in the manifest's order. A file that does not
stream has one row, in which an output with answers for each time step has all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from ..arrays import Int8
from .manifest import Manifest, ManifestError, OutputContract, TensorContract
from .predictions import StepsPrediction, decoder, steps_prediction

Answer: TypeAlias = Callable[[Int8, int, float], Any]


class Output:
    """An output: where its logits are in a row, and what they say.

    Attributes:
        name: its name.
        per_step: whether it has an answer for each time step.
        each_step: whether each row has the answer of its own time step.
        columns: where its logits are in a row.
        in_step: its contract as an output of `step`.
        decoder: turns the logits of one answer into it.
        answer: turns logits `<int8>[classes]`, or `[steps, classes]`, of an input or its first lines into the answer.
    """

    def __init__(self, contract: OutputContract, manifest: Manifest, start: int) -> None:
        """Takes where its logits begin in a row; raises ManifestError for a shape that has no answers."""
        _check_shape(contract, manifest)
        self.name, self.per_step, self._contract = contract.name, contract.per_step, contract
        self.each_step = contract.per_step and bool(manifest.states)
        shape = contract.shape[2:] if self.each_step else contract.shape[1:]
        self.columns = slice(start, start + math.prod(shape))
        step_shape = (1, 1, *shape) if self.each_step else contract.shape
        self.in_step = TensorContract(contract.name, step_shape, contract.quantisation)
        self.decoder = decoder(contract)
        self.answer: Answer = self._steps_answer if contract.per_step else self.decoder.answer
        self._row_shape = shape

    def logits(self, row: Int8) -> Int8:
        """Returns its logits in a row: `<int8>[classes]`, or `[steps, classes]` if a file does not stream."""
        return row[self.columns].reshape(self._row_shape)

    def _steps_answer(self, logits: Int8, lines_read: int, started: float) -> StepsPrediction:
        count = len(logits)
        # Without streaming, each answer needs all lines.
        lines = [lines_read * (index + 1) // count if self.each_step else lines_read for index in range(count)]
        steps = [self.decoder.answer(*step, started) for step in zip(logits, lines, strict=True)]
        best = [int(index) for index in logits.argmax(axis=1)]
        return steps_prediction(self._contract, steps, best, lines_read, started)


def read_outputs(manifest: Manifest) -> tuple[Output, ...]:
    """Returns the outputs in the manifest's order; raises ManifestError for a shape that has no answers."""
    return tuple(_outputs(manifest))


def _outputs(manifest: Manifest) -> Iterator[Output]:
    start = 0
    for contract in manifest.outputs:
        output = Output(contract, manifest, start)
        start = output.columns.stop
        yield output


def joined(outputs: Sequence[Output], rows: Sequence[Int8]) -> dict[str, Int8]:
    """Returns the logits `<int8>[1, ...]` of each output of an input from the rows after its time steps."""
    whole = {}
    for output in outputs:
        logits = np.stack([output.logits(row) for row in rows]) if output.each_step else output.logits(rows[-1])
        whole[output.name] = logits[np.newaxis]
    return whole


def whole_rows(outputs: Sequence[Output], whole: Mapping[str, Int8]) -> Int8:
    """Returns the rows `<int8>[n, width]` that the logits of an input form: the last, or all if all are known."""
    each = [whole[output.name][0] for output in outputs]
    if all(output.each_step for output in outputs):
        return np.asarray(np.concatenate(each, axis=1))
    last = [logits[-1] if output.each_step else logits for output, logits in zip(outputs, each, strict=True)]
    return np.asarray(np.concatenate([logits.reshape(-1) for logits in last])[np.newaxis])


def _check_shape(contract: OutputContract, manifest: Manifest) -> None:
    shape = contract.shape
    expected = "[1, steps, classes]" if contract.per_step else "[1, classes]"
    if len(shape) != (3 if contract.per_step else 2) or shape[0] != 1 or min(shape) < 1:
        raise ManifestError(f"Expected {contract.name} of shape {expected}. Received: {[*shape]}")
    if contract.per_step and manifest.states and shape[1] != manifest.steps:
        raise ManifestError(f"Expected {contract.name} with {manifest.steps} steps. Received: {[*shape]}")
