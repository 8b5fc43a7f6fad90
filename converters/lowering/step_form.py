"""Derives the step form of a network: one time step, with explicit states.

A step takes as many lines as the network consumes at a time, and the states that the step before returned: a
convolution keeps the rows that its next window needs, an LSTM its hidden and its cell state. All states start at zero.
After the last line of a crop the logits equal those of the whole crop. A network that would need lines before they
arrive is refused, with the reason.

Source: Rybakov et al., Streaming Keyword Spotting on Mobile Devices, 2020, section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import singledispatch
from itertools import islice

import tensorflow as tf

from converters.lowering.convolution import Convolution
from converters.lowering.lstm import Function
from converters.lowering.operations import BothWays, Dense, Operation, Pointwise, Pooling, Recurrence, Reordering

States = tuple[tf.Tensor, ...]
Advance = Callable[[tf.Tensor, States], tuple[tf.Tensor, States]]


class NotStreamableError(ValueError):
    """A network cannot be computed while lines arrive; the message names the layer and the reason."""


@dataclass(frozen=True)
class StepStage:
    """An operation's step form: its states `{name: shape}`, and how it advances by a step."""

    states: Mapping[str, tuple[int, ...]]
    advance: Advance


@dataclass(frozen=True)
class StepForm:
    """A network's step form: the shape of its lines, `rows` or `columns`, and its stages in order."""

    lines: tuple[int, ...]
    time_axis: str
    stages: tuple[StepStage, ...]

    @property
    def states(self) -> Mapping[str, tuple[int, ...]]:
        """The states of all stages `{name: shape}`, in order."""
        return {name: shape for stage in self.stages for name, shape in stage.states.items()}

    def __call__(self, lines: tf.Tensor, states: Sequence[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Returns the logits after these lines, and the states for the next step."""
        remaining, x = iter(states), lines
        out: list[tf.Tensor] = []
        for stage in self.stages:
            x, after = stage.advance(x, tuple(islice(remaining, len(stage.states))))
            out.extend(after)
        return x, out


@dataclass(frozen=True)
class Position:
    """Where an operation stands: its index, and example inputs for the whole image and for one step."""

    index: int
    whole: tf.Tensor
    part: tf.Tensor

    @property
    def rows(self) -> int:
        """How many rows come in at each step."""
        return int(self.part.shape[1])


def step_form(operations: Sequence[Operation], crop: tuple[int, ...]) -> StepForm:
    """Returns the step form of lowered operations on a crop of shape `[1, rows, columns, channels]`.

    Raises NotStreamableError if an operation needs lines before they arrive.
    """
    first = next(iter(operations), None)
    swapped = isinstance(first, Reordering) and first.swaps_rows_and_columns
    kept = operations[1:] if swapped else operations
    whole = tf.zeros((crop[0], crop[2], crop[1], *crop[3:]) if swapped else crop)
    steps = _steps(kept, whole)
    if whole.shape[1] % steps:
        raise NotStreamableError(f"{whole.shape[1]} lines do not divide into {steps} time steps")
    part = lines = tf.zeros((1, whole.shape[1] // steps, *whole.shape[2:]))
    stages: list[StepStage] = []
    over_time = True
    for index, operation in enumerate(kept):
        stage = _stage(operation, Position(index, whole, part)) if over_time else _stateless(operation)
        # Behind the last LSTM there is no time axis: operations there see one step.
        over_time = over_time and not (isinstance(operation, Recurrence) and not operation.unrolled.return_sequences)
        whole = operation(whole)
        part, _ = stage.advance(part, tuple(map(tf.zeros, stage.states.values())))
        stages.append(stage)
    if over_time:
        raise NotStreamableError("the network ends in a sequence, not in the logits of a crop")
    return StepForm(tuple(lines.shape), "columns" if swapped else "rows", tuple(stages))


def _steps(operations: Sequence[Operation], image: tf.Tensor) -> int:
    x = image
    for operation in operations:
        if isinstance(operation, (BothWays, Recurrence)):
            return int(x.shape[1])
        x = operation(x)
    raise NotStreamableError("the network has no LSTM, so it has no time steps")


@singledispatch
def _stage(operation: Operation, position: Position) -> StepStage:
    del position
    raise NotStreamableError(f"{operation.name}: {type(operation).__name__} has no step form")


@_stage.register
def _(operation: Convolution, position: Position) -> StepStage:
    reach = operation.dilations[0] * (len(operation.kernel) - 1)
    (above, below), *columns = operation.padding
    if (above, below) != (reach, 0):
        expected = f"Expected {reach} rows of padding above and 0 below"
        raise NotStreamableError(f"{operation.name}: looks ahead along time. {expected}. Received: {above} and {below}")
    if position.rows % operation.strides[0]:
        raise NotStreamableError(f"{operation.name}: {position.rows} rows a step do not divide by its stride")
    unpadded = replace(operation, padding=((0, 0), *columns))
    if not reach:
        return _stateless(unpadded)

    def advance(x: tf.Tensor, states: States) -> tuple[tf.Tensor, States]:
        seen = tf.concat([*states, x], axis=1)
        return unpadded(seen), (seen[:, -reach:],)

    return StepStage({f"rows{position.index}": (1, reach, *position.part.shape[2:])}, advance)


@_stage.register
def _(operation: Pooling, position: Position) -> StepStage:
    if not operation.tiles or position.rows % operation.size:
        windows = f"windows of {operation.size} straddle steps of {position.rows} rows"
        raise NotStreamableError(f"{operation.name}: {windows}")
    return _stateless(operation)


@_stage.register
def _(operation: Recurrence, position: Position) -> StepStage:
    if operation.unrolled.go_backwards:
        raise NotStreamableError(f"{operation.name}: reads time backwards")
    if position.rows != 1:
        raise NotStreamableError(f"{operation.name}: Expected one row a step. Received: {position.rows}")
    cell = operation.unrolled.cell

    def advance(x: tf.Tensor, states: States) -> tuple[tf.Tensor, States]:
        h, c = cell.advance(cell.project(tf.reshape(x, (1, -1))), *states)
        return h[tf.newaxis] if operation.unrolled.return_sequences else h, (h, c)

    return StepStage({f"h{position.index}": (1, cell.units), f"c{position.index}": (1, cell.units)}, advance)


@_stage.register
def _(operation: BothWays, position: Position) -> StepStage:
    del position
    raise NotStreamableError(f"{operation.name}: reads time both ways")


@_stage.register
def _(operation: Reordering, position: Position) -> StepStage:
    shape = operation(position.whole).shape
    keeps_time = len(shape) > 2 and shape[1] == position.whole.shape[1]  # batch, time, features
    if operation.moves_time or not keeps_time:
        raise NotStreamableError(f"{operation.name}: mixes time steps")
    return _stateless(lambda x: tf.reshape(x, (1, position.rows, *shape[2:])))


@_stage.register(Pointwise)
@_stage.register(Dense)
def _(operation: Pointwise | Dense, position: Position) -> StepStage:
    del position
    return _stateless(operation)


def _stateless(function: Function) -> StepStage:
    return StepStage({}, lambda x, _: (function(x), ()))
