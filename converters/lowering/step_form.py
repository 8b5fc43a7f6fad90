"""Derives the step form of a network: one time step, with explicit states.

A step takes as many lines as the network consumes at a time, and the states that the step before returned: a
convolution keeps the rows that its next window needs, a recurrent layer its states, a mean over all rows the rows so
far. All states start at zero. After the last line the outputs equal those of the whole input. A network that would need
lines before they arrive is refused, with the reason.

Source: Rybakov et al., Streaming Keyword Spotting on Mobile Devices, 2020, section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import singledispatch
from itertools import islice
from typing import Literal

import tensorflow as tf

from converters.lowering.convolution import Convolution
from converters.lowering.lower import Lowered, Node, Shape
from converters.lowering.operations import (
    BothWays,
    Dense,
    EachStep,
    LastStep,
    Merge,
    Operation,
    Pointwise,
    Pooling,
    Recurrence,
    Reordering,
    Summary,
    Tensors,
    as_tuple,
)
from converters.lowering.time_axis import (
    NotStreamableError,
    refuse_looking_ahead,
    refuse_padding,
    rows_of_a_step,
    time_steps,
    windows_of,
)

Advance = Callable[[Tensors, Tensors], tuple[Tensors, Tensors]]


@dataclass(frozen=True)
class StepStage:
    """An operation's step form: its states `{name: shape}`, and how it advances by a step.

    `keeps_time` tells for each output whether its second axis is still time.
    """

    states: Mapping[str, Shape]
    advance: Advance
    keeps_time: tuple[bool, ...]


@dataclass(frozen=True)
class _Connected:
    stage: StepStage
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class StepForm:
    """A network's step form: the shape of its lines, `rows` or `columns`, and its stages in order.

    `unrolled_steps` are those that the whole input has operators of its own for: none without a recurrent layer.
    `per_step` names the outputs that answer each step by itself, `[1, rows, ...]`.
    """

    lines: Shape
    steps: int
    unrolled_steps: int
    time_axis: Literal["rows", "columns"]
    stages: tuple[_Connected, ...]
    outputs: Mapping[str, int]
    per_step: tuple[str, ...]

    @property
    def states(self) -> Mapping[str, Shape]:
        """The states of all stages `{name: shape}`, in order."""
        return {name: shape for each in self.stages for name, shape in each.stage.states.items()}

    def __call__(self, lines: tf.Tensor, states: Sequence[tf.Tensor]) -> tuple[dict[str, tf.Tensor], list[tf.Tensor]]:
        """Returns the outputs after these lines, by name, and the states for the next step."""
        remaining, values = iter(states), {0: lines}
        after: list[tf.Tensor] = []
        for each in self.stages:
            inputs = tuple(values[number] for number in each.inputs)
            outputs, own = each.stage.advance(inputs, tuple(islice(remaining, len(each.stage.states))))
            values |= zip(each.outputs, outputs, strict=True)
            after.extend(own)
        return {name: values[number] for name, number in self.outputs.items()}, after


@dataclass(frozen=True)
class Position:
    """Where an operation stands: its index, and the shapes of its inputs for the whole input and for one step."""

    index: int
    whole: tuple[Shape, ...]
    part: tuple[Shape, ...]
    over_time: tuple[bool, ...]
    ahead: bool  # of every recurrent layer, if there is one
    outputs: int

    @property
    def rows(self) -> int:
        """How many rows come in at each step."""
        return self.part[0][1]


def step_form(network: Lowered) -> StepForm:
    """Returns the step form of a lowered network; raises NotStreamableError if it needs lines before they arrive."""
    nodes, shape, swapped = network.nodes, network.shapes[0], _swapped(network)
    shapes = dict(network.shapes)
    if swapped:
        shape = (shape[0], shape[2], shape[1], *shape[3:])
        nodes = tuple(replace(node, inputs=_renumbered(node, network)) for node in nodes[1:])
        shapes[0] = shape
    refuse_looking_ahead(nodes)
    recurrent, steps = time_steps(nodes, shapes)
    if shape[1] % steps:
        raise NotStreamableError(f"{shape[1]} lines do not divide into {steps} time steps")
    lines = (1, shape[1] // steps, *shape[2:])
    stages, over_time = _stages(nodes, shapes, lines)
    per_step = tuple(name for name, number in network.outputs.items() if over_time[number])
    unrolled = steps if recurrent else 0
    return StepForm(lines, steps, unrolled, "columns" if swapped else "rows", stages, network.outputs, per_step)


def _stages(
    nodes: Sequence[Node], shapes: Mapping[int, Shape], lines: Shape
) -> tuple[tuple[_Connected, ...], Mapping[int, bool]]:
    parts, over_time = {0: lines}, {0: True}
    stages: list[_Connected] = []
    first = next((index for index, node in enumerate(nodes) if isinstance(node.operation, Recurrence)), 0)
    for index, node in enumerate(nodes):
        whole, part = (tuple(known[number] for number in node.inputs) for known in (shapes, parts))
        timely = tuple(over_time[number] for number in node.inputs)
        position = Position(index, whole, part, timely, index < first, len(node.outputs))
        # Behind the last recurrent layer there is no time axis: operations there see one step.
        stage = (
            _stage(node.operation, position)
            if any(timely)
            else _stateless(node.operation, *[False] * len(node.outputs))
        )
        outputs, _ = stage.advance(_zeros(part), _zeros(stage.states.values()))
        parts |= {number: tuple(each.shape) for number, each in zip(node.outputs, outputs, strict=True)}
        over_time |= zip(node.outputs, stage.keeps_time, strict=True)
        stages.append(_Connected(stage, node.inputs, node.outputs))
    return tuple(stages), over_time


def _swapped(network: Lowered) -> bool:
    readers = [node.operation for node in network.readers(0)]
    return len(readers) == 1 and isinstance(readers[0], Reordering) and readers[0].swaps_rows_and_columns


def _renumbered(node: Node, network: Lowered) -> tuple[int, ...]:
    (swapped,) = network.readers(0)[0].outputs
    return tuple(0 if number == swapped else number for number in node.inputs)


def _zeros(shapes: Iterable[Shape]) -> Tensors:
    return tuple(map(tf.zeros, shapes))


@singledispatch
def _stage(operation: Operation, position: Position) -> StepStage:
    del position
    raise NotStreamableError(f"{operation.name}: needs all time steps at once")


@_stage.register
def _(operation: Convolution, position: Position) -> StepStage:
    (above, _), *columns = operation.padding
    if position.rows % operation.strides[0]:
        raise NotStreamableError(f"{operation.name}: {position.rows} rows a step do not divide by its stride")
    rows = position.whole[0][1]
    refuse_padding(operation, enough=windows_of(operation, rows) * operation.strides[0] == rows)
    unpadded = replace(operation, padding=((0, 0), *columns))
    return _with_rows_before(unpadded, above, position, keeps_time=True)


@_stage.register
def _(operation: Pooling, position: Position) -> StepStage:
    if not operation.tiles or position.rows % operation.size:
        windows = f"windows of {operation.size} straddle steps of {position.rows} rows"
        raise NotStreamableError(f"{operation.name}: {windows}")
    return _stateless(operation, True)


@_stage.register
def _(operation: Recurrence, position: Position) -> StepStage:
    if operation.unrolled.go_backwards:
        raise NotStreamableError(f"{operation.name}: reads time backwards")
    if position.rows != 1:
        raise NotStreamableError(f"{operation.name}: Expected one row a step. Received: {position.rows}")
    cell = operation.unrolled.cell

    def projected(x: tf.Tensor) -> tf.Tensor:
        return cell.project(tf.reshape(x, (1, -1, *x.shape[3:])))

    def advance(inputs: Tensors, states: Tensors) -> tuple[Tensors, Tensors]:
        after = cell.advance(projected(*inputs), states)
        hidden = after[0][tf.newaxis] if operation.return_sequences else after[0]
        return (hidden, *(after if operation.return_states else ())), after

    shapes = cell.state_shapes(projected(tf.zeros(position.part[0])))
    named = {f"{name}{position.index}": shape for name, shape in shapes.items()}
    return StepStage(named, advance, (operation.return_sequences, *([False] * len(shapes) * operation.return_states)))


@_stage.register
def _(operation: BothWays, position: Position) -> StepStage:
    del position
    raise NotStreamableError(f"{operation.name}: reads time both ways")


@_stage.register
def _(operation: Reordering, position: Position) -> StepStage:
    (whole,) = position.whole
    shape = tuple(operation(tf.zeros(whole)).shape)
    if operation.moves_time:
        raise NotStreamableError(f"{operation.name}: mixes time steps")
    if len(shape) == 2:  # no time is left
        return _over_all_rows(operation, position)
    rows = rows_of_a_step(operation, position.rows, whole, shape)
    return _stateless(lambda x: tf.reshape(x, (1, rows, *shape[2:])), True)


@_stage.register
def _(operation: Summary, position: Position) -> StepStage:
    return _over_all_rows(operation, position)


@_stage.register
def _(operation: LastStep, position: Position) -> StepStage:
    del position
    return _stateless(operation, False)


@_stage.register
def _(operation: Merge, position: Position) -> StepStage:
    rows = {part[1] for part, over_time in zip(position.part, position.over_time, strict=True) if over_time}
    if not all(position.over_time) or len(rows) > 1:
        raise NotStreamableError(f"{operation.name}: merges what a step gives with what only the whole input gives")
    return _stateless(operation, True)


@_stage.register(Pointwise)
@_stage.register(Dense)
@_stage.register(EachStep)
def _(operation: Pointwise | Dense | EachStep, position: Position) -> StepStage:
    return _stateless(operation, *[True] * position.outputs)


def _stateless(function: Callable[..., tf.Tensor | Tensors], *keeps_time: bool) -> StepStage:
    """Returns the stage of a function of a step alone, which has an output for each of `keeps_time`."""

    def advance(inputs: Tensors, _: Tensors) -> tuple[Tensors, Tensors]:
        return as_tuple(function(*inputs)), ()

    return StepStage({}, advance, keeps_time)


def _over_all_rows(operation: Operation, position: Position) -> StepStage:
    """Returns the stage of an operation that needs all rows: it keeps those so far, and zeros for those before them."""
    if position.ahead:
        raise NotStreamableError(f"{operation.name}: mixes time steps")
    return _with_rows_before(operation, position.whole[0][1] - position.rows, position, keeps_time=False)


def _with_rows_before(
    function: Callable[..., tf.Tensor | Tensors], rows: int, position: Position, *, keeps_time: bool
) -> StepStage:
    """Returns the stage of a function of a step and of so many rows before it, which are its state."""
    if not rows:
        return _stateless(function, keeps_time)

    def advance(inputs: Tensors, states: Tensors) -> tuple[Tensors, Tensors]:
        seen = tf.concat([*states, *inputs], axis=1)
        return as_tuple(function(seen)), (seen[:, -rows:],)

    return StepStage({f"rows{position.index}": (1, rows, *position.part[0][2:])}, advance, (keeps_time,))
