"""Derives the step form of a network: one time step, with everything it must remember as explicit states.

A step takes as many lines of the image as the network consumes at a time, and the states that the step before gave out:
a convolution remembers the rows that its next window still needs, an LSTM its hidden and its cell state. All of them
begin at zero. Given the lines of a crop in turn, the last step's logits are those of the whole crop.

Not an approximation: what cannot be computed without lines that have yet to arrive is refused, with the reason.

Source: Rybakov et al., Streaming Keyword Spotting on Mobile Devices, 2020, section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import singledispatch

import tensorflow as tf

from converters.lowering.convolution import Convolution
from converters.lowering.operations import BothWays, Dense, Operation, Pointwise, Pooling, Recurrence, Reordering

States = tuple[tf.Tensor, ...]
Advance = Callable[[tf.Tensor, States], tuple[tf.Tensor, States]]


class NotStreamableError(ValueError):
    """A network cannot be computed while lines arrive; the message names the layer and the reason."""


@dataclass(frozen=True)
class StepStage:
    """An operation's step form: what it remembers, by name and shape, and how it advances."""

    states: Mapping[str, tuple[int, ...]]
    advance: Advance


@dataclass(frozen=True)
class StepForm:
    """A network's step form: the shape of the lines it takes, the axis they lie along, and its stages in order."""

    lines: tuple[int, ...]
    time_axis: str
    stages: tuple[StepStage, ...]

    @property
    def states(self) -> Mapping[str, tuple[int, ...]]:
        """All stages' states `{name: shape}`, in order."""
        return {name: shape for stage in self.stages for name, shape in stage.states.items()}

    def __call__(self, lines: tf.Tensor, states: Sequence[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Returns the logits so far and the states to hand to the next step."""
        remaining, x = list(states), lines
        out: list[tf.Tensor] = []
        for stage in self.stages:
            mine = tuple(remaining.pop(0) for _ in stage.states)
            x, after = stage.advance(x, mine)
            out.extend(after)
        return x, out


@dataclass(frozen=True)
class Place:
    """Where an operation stands: its position, and an example of what comes in, of the whole image and of one step."""

    index: int
    whole: tf.Tensor
    part: tf.Tensor

    @property
    def rows(self) -> int:
        """Rows that come in at each step."""
        return int(self.part.shape[1])


def step_form(operations: Sequence[Operation], crop: tuple[int, ...]) -> StepForm:
    """Returns the step form of lowered operations on a crop of shape `[1, rows, columns, channels]`.

    Raises:
        NotStreamableError: an operation needs lines that have yet to arrive.
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
        stage = _stage(operation, Place(index, whole, part)) if over_time else _stateless(operation)
        # Behind the last LSTM there is no time: what is computed there sees one step alone.
        over_time = over_time and not (isinstance(operation, Recurrence) and not operation.unrolled.return_sequences)
        whole = operation(whole)
        part, _ = stage.advance(part, tuple(map(tf.zeros, stage.states.values())))
        stages.append(stage)
    if over_time:
        raise NotStreamableError("the network ends in a sequence, not in an answer")
    return StepForm(tuple(lines.shape), "columns" if swapped else "rows", tuple(stages))


def _steps(operations: Sequence[Operation], image: tf.Tensor) -> int:
    x = image
    for operation in operations:
        if isinstance(operation, (BothWays, Recurrence)):
            return int(x.shape[1])
        x = operation(x)
    raise NotStreamableError("the network has no LSTM, hence no time steps")


@singledispatch
def _stage(operation: Operation, place: Place) -> StepStage:
    raise NotStreamableError(f"{operation.name}: nothing here says how operation {place.index} is computed in steps")


@_stage.register
def _(operation: Convolution, place: Place) -> StepStage:
    reach = operation.dilations[0] * (len(operation.kernel) - 1)
    (above, below), *columns = operation.padding
    if (above, below) != (reach, 0):
        raise NotStreamableError(
            f"{operation.name}: looks ahead along time. Expected {reach} rows of padding above and 0 below. "
            f"Received: {above} and {below}"
        )
    if place.rows % operation.strides[0]:
        raise NotStreamableError(f"{operation.name}: {place.rows} rows a step do not divide by its stride")
    unpadded = replace(operation, padding=((0, 0), *columns))
    if not reach:
        return _stateless(unpadded)

    def advance(x: tf.Tensor, states: States) -> tuple[tf.Tensor, States]:
        seen = tf.concat([*states, x], axis=1)
        return unpadded(seen), (seen[:, -reach:],)

    return StepStage({f"rows{place.index}": (1, reach, *place.part.shape[2:])}, advance)


@_stage.register
def _(operation: Pooling, place: Place) -> StepStage:
    if not operation.tiles or place.rows % operation.size:
        raise NotStreamableError(f"{operation.name}: windows of {operation.size} straddle steps of {place.rows} rows")
    return _stateless(operation)


@_stage.register
def _(operation: Recurrence, place: Place) -> StepStage:
    if operation.unrolled.go_backwards:
        raise NotStreamableError(f"{operation.name}: reads time backwards")
    if place.rows != 1:
        raise NotStreamableError(f"{operation.name}: Expected one row a step. Received: {place.rows}")
    cell = operation.unrolled.cell

    def advance(x: tf.Tensor, states: States) -> tuple[tf.Tensor, States]:
        h, c = cell.advance(cell.project(tf.reshape(x, (1, -1))), *states)
        return h[tf.newaxis] if operation.unrolled.return_sequences else h, (h, c)

    return StepStage({f"h{place.index}": (1, cell.units), f"c{place.index}": (1, cell.units)}, advance)


@_stage.register
def _(operation: BothWays, place: Place) -> StepStage:
    del place
    raise NotStreamableError(f"{operation.name}: reads time both ways")


@_stage.register
def _(operation: Reordering, place: Place) -> StepStage:
    shape = operation(place.whole).shape
    keeps_time = len(shape) > 2 and shape[1] == place.whole.shape[1]  # batch, time, features
    if operation.moves_time or not keeps_time:
        raise NotStreamableError(f"{operation.name}: mixes time steps")
    return _stateless(lambda x: tf.reshape(x, (1, place.rows, *shape[2:])))


@_stage.register(Pointwise)
@_stage.register(Dense)
def _(operation: Pointwise | Dense, place: Place) -> StepStage:
    del place
    return _stateless(operation)


def _stateless(function: Callable[[tf.Tensor], tf.Tensor]) -> StepStage:
    return StepStage({}, lambda x, _: (function(x), ()))
