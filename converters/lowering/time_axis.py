"""How a lowered network divides its rows into time steps, and whether it needs rows before they arrive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from converters.lowering.convolution import Convolution
from converters.lowering.lower import Node, Shape
from converters.lowering.operations import BothWays, Pooling, Recurrence, Reordering


class NotStreamableError(ValueError):
    """A network cannot be computed while lines arrive; the message names the layer and the reason."""


def refuse_looking_ahead(nodes: Sequence[Node]) -> None:
    """Raises NotStreamableError, with what to change, at the first convolution that needs a row before it arrives."""
    for node in nodes:
        operation = node.operation
        if isinstance(operation, (BothWays, Recurrence)):
            return
        if isinstance(operation, Convolution):
            refuse_padding(operation)


def refuse_padding(operation: Convolution, *, enough: bool = True) -> None:
    """Raises NotStreamableError if a window ends behind the rows of its stride, or there are not `enough` windows."""
    (above, below), stride, reach = operation.padding[0], operation.strides[0], operation.reach
    # A window may end at the last row of its stride, not behind it: that row has not arrived.
    if not reach - stride < above <= reach or not enough:
        expected = f"Expected {reach} rows of padding above and 0 below"
        advice = 'Use padding="causal" in Conv1D, and in Conv2D padding="valid" behind ZeroPadding2D'
        received = f"Received: {above} and {below}"
        raise NotStreamableError(f"{operation.name}: looks ahead along time. {expected}. {received}. {advice}")


def time_steps(nodes: Sequence[Node], shapes: Mapping[int, Shape]) -> tuple[bool, int]:
    """Returns whether the network has a recurrent layer, and its time steps: else the rows of its last map.

    Raises NotStreamableError if it has none.
    """
    for node in nodes:
        if isinstance(node.operation, (BothWays, Recurrence)):
            return True, shapes[node.inputs[0]][1]
    maps = [shapes[node.outputs[0]] for node in nodes if isinstance(node.operation, (Convolution, Pooling))]
    if not maps or maps[-1][1] == 1:
        raise NotStreamableError("the network has no recurrent layer, so it has no time steps")
    return False, maps[-1][1]


def rows_of_a_step(operation: Reordering, rows: int, whole: Shape, shape: Shape) -> int:
    """Returns how many rows of a new shape `[1, rows, ...]` a step of `rows` gives: as many, or one for each few.

    `whole` is the shape of the whole input before. Raises NotStreamableError if the new rows mix steps.
    """
    few, left = divmod(whole[1], shape[1])
    # A single row would be the whole input, and a repeated vector has no rows to join.
    joins = shape[1] > 1 and prod(shape) == prod(whole)
    if left or (few > 1 and (rows % few or not joins)):
        raise NotStreamableError(f"{operation.name}: mixes time steps")
    return rows // few


def windows_of(operation: Convolution, rows: int) -> int:
    """Returns how many windows so many rows have."""
    return (rows + sum(operation.padding[0]) - operation.reach - 1) // operation.strides[0] + 1
