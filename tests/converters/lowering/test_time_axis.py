"""Tests of `converters.lowering.time_axis`: which rows make a step, and which come too late."""

from __future__ import annotations

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from converters.lowering.cells import SimpleCell, Unrolled
from converters.lowering.convolution import Convolution
from converters.lowering.lower import Node
from converters.lowering.operations import BothWays, Operation, Pointwise, Pooling, Recurrence, Reordering
from converters.lowering.time_axis import (
    NotStreamableError,
    refuse_looking_ahead,
    refuse_padding,
    rows_of_a_step,
    time_steps,
    windows_of,
)

ADVICE = 'Use padding="causal" in Conv1D, and in Conv2D padding="valid" behind ZeroPadding2D'
ONE = np.ones((1, 1), np.float32)
CELL = Unrolled(SimpleCell(ONE, ONE, ONE[0], keras.activations.linear))
RECURRENCE, BOTH_WAYS = Recurrence("r", CELL, return_sequences=True), BothWays("b", CELL, CELL, return_sequences=True)
POINTWISE, POOLING = Pointwise("p", tf.identity), Pooling("m", tf.identity, 2, tiles=True)


def convolution(window: int, above: int, below: int = 0, *, stride: int = 1, dilation: int = 1) -> Convolution:
    """A convolution `odd` over so many rows, and over five columns that are padded on both sides."""
    kernel, padding = np.zeros((window, 5, 1, 1), np.float32), ((above, below), (2, 2))
    return Convolution("odd", kernel, np.zeros(1, np.float32), (stride, 1), (dilation, 1), padding, tf.identity)


def chain(*operations: Operation) -> list[Node]:
    """Operations of which each reads what the one before gives, from value 0 on."""
    return [Node(operation, (index,), (index + 1,)) for index, operation in enumerate(operations)]


CAUSAL = [
    convolution(1, 0),
    convolution(3, 2),
    convolution(3, 4, dilation=2),
    convolution(3, 1, stride=2),
    convolution(3, 2, stride=2),
    convolution(3, 0, stride=3),
    convolution(2, 0, stride=2),
    convolution(3, 2, 5),
]
LOOKING_AHEAD = [
    convolution(3, 1),
    convolution(3, 0),
    convolution(3, 3),
    convolution(3, 3, dilation=2),
    convolution(3, 5, dilation=2),
    convolution(3, 0, stride=2),
    convolution(3, 3, stride=2),
    convolution(1, 1),
]


@pytest.mark.parametrize("each", CAUSAL)
def test_a_window_ends_with_the_rows_of_its_stride(each: Convolution) -> None:
    """A window of three needs two rows above, or one or two with a stride of two, whose last row it may end at."""
    refuse_padding(each)
    refuse_looking_ahead(chain(POINTWISE, each))


@pytest.mark.parametrize("each", LOOKING_AHEAD)
def test_a_window_that_ends_later_looks_ahead(each: Convolution) -> None:
    """With fewer rows above it ends behind its stride, and with more the rows of a step begin too early."""
    with pytest.raises(NotStreamableError, match=r"^odd: looks ahead along time\."):
        refuse_padding(each)
    with pytest.raises(NotStreamableError, match=r"^odd: looks ahead along time\."):
        refuse_looking_ahead(chain(POINTWISE, each))


def test_the_refusal_says_which_padding_to_use() -> None:
    """A window of three rows, two apart, reaches over four: those are the rows that it needs above."""
    message = "odd: looks ahead along time. Expected 4 rows of padding above and 0 below. Received: 3 and 1. "
    with pytest.raises(NotStreamableError, match=f"^{re.escape(message + ADVICE)}$"):
        refuse_padding(convolution(3, 3, 1, dilation=2))


def test_windows_must_be_enough() -> None:
    """A convolution with the padding of a causal one looks ahead if it has too few windows for its rows."""
    refuse_padding(convolution(3, 2), enough=True)
    with pytest.raises(NotStreamableError, match=r"Expected 2 rows of padding above and 0 below\. Received: 2 and 0\."):
        refuse_padding(convolution(3, 2), enough=False)


@pytest.mark.parametrize("recurrent", [RECURRENCE, BOTH_WAYS])
def test_behind_a_recurrent_layer_nothing_is_refused_beforehand(recurrent: Operation) -> None:
    """What counts there depends on the rows that come out of it."""
    refuse_looking_ahead(chain(convolution(3, 2), recurrent, convolution(3, 0)))
    with pytest.raises(NotStreamableError):
        refuse_looking_ahead(chain(convolution(3, 0), recurrent, convolution(3, 2)))


@pytest.mark.parametrize("recurrent", [RECURRENCE, BOTH_WAYS])
def test_the_steps_are_those_of_the_first_recurrent_layer(recurrent: Operation) -> None:
    """Its input has so many rows, whatever the maps ahead of it and behind it have."""
    nodes = chain(convolution(3, 2), recurrent, POINTWISE, RECURRENCE, POOLING)
    shapes = {0: (1, 9, 5, 1), 1: (1, 8, 5), 2: (1, 7, 5), 3: (1, 6, 5), 4: (1, 5, 5), 5: (1, 4, 5)}
    assert time_steps(nodes, shapes) == (True, 8)


@pytest.mark.parametrize(
    ("operations", "steps"),
    [
        ((POINTWISE, convolution(3, 2), POINTWISE), 7),
        ((convolution(3, 2), POOLING, POINTWISE), 7),
        ((POOLING, convolution(3, 2), convolution(3, 2)), 6),
        ((POINTWISE, POINTWISE, POOLING), 6),
        ((POOLING, POINTWISE, POINTWISE), 8),
    ],
)
def test_without_one_they_are_the_rows_of_the_last_map(operations: tuple[Operation, ...], steps: int) -> None:
    """That is what the last convolution or pooling gives."""
    shapes = {0: (1, 9, 5, 1), 1: (1, 8, 5, 1), 2: (1, 7, 5, 1), 3: (1, 6, 5, 1)}
    assert time_steps(chain(*operations), shapes) == (False, steps)


@pytest.mark.parametrize(
    ("operations", "rows"),
    [
        ((), (8,)),
        ((POINTWISE,), (8, 8)),
        ((convolution(3, 2),), (8, 1)),
        ((POOLING,), (8, 1)),
        ((convolution(3, 2), POOLING), (8, 8, 1)),
    ],
)
def test_a_single_row_is_no_step(operations: tuple[Operation, ...], rows: tuple[int, ...]) -> None:
    """Without a map, or where the last has a single row, there are no steps."""
    message = "^the network has no recurrent layer, so it has no time steps$"
    with pytest.raises(NotStreamableError, match=message):
        time_steps(chain(*operations), {number: (1, each, 5, 1) for number, each in enumerate(rows)})


@pytest.mark.parametrize(
    ("rows", "whole", "shape", "expected"),
    [
        (1, (1, 8, 6), (1, 8, 3, 2), 1),
        (2, (1, 8, 6), (1, 8, 6, 1), 2),
        (2, (1, 8, 6), (1, 4, 12), 1),
        (4, (1, 8, 6), (1, 4, 12), 2),
        (4, (1, 8, 6), (1, 2, 24), 1),
        (3, (1, 6, 2, 2), (1, 2, 12), 1),
        (1, (1, 1, 6), (1, 1, 2, 3), 1),
    ],
)
def test_rows_keep_their_number_or_are_joined(
    rows: int, whole: tuple[int, ...], shape: tuple[int, ...], expected: int
) -> None:
    """Where eight rows become four, a step of two gives one."""
    assert rows_of_a_step(Reordering("odd", tf.identity, moves_time=False), rows, whole, shape) == expected


@pytest.mark.parametrize(
    ("rows", "whole", "shape"),
    [
        pytest.param(8, (1, 8, 6), (1, 1, 48), id="one row of all"),
        pytest.param(1, (1, 8, 6), (1, 4, 12), id="half a row of a step"),
        pytest.param(3, (1, 6, 6), (1, 3, 12), id="a row and a half of a step"),
        pytest.param(1, (1, 8, 6), (1, 16, 3), id="rows taken apart"),
        pytest.param(4, (1, 8, 6), (1, 6, 8), id="rows that do not divide"),
        pytest.param(2, (1, 8, 6), (1, 4, 6), id="rows left out"),
        pytest.param(2, (1, 4), (1, 2, 4), id="a vector repeated"),
    ],
)
def test_other_new_rows_mix_steps(rows: int, whole: tuple[int, ...], shape: tuple[int, ...]) -> None:
    """They are refused by the name of the layer."""
    with pytest.raises(NotStreamableError, match=r"^odd: mixes time steps$"):
        rows_of_a_step(Reordering("odd", tf.identity, moves_time=False), rows, whole, shape)


@pytest.mark.parametrize(
    ("each", "rows", "windows"),
    [
        (convolution(3, 0), 8, 6),
        (convolution(3, 2), 8, 8),
        (convolution(3, 1, 1), 8, 8),
        (convolution(3, 0, dilation=2), 8, 4),
        (convolution(3, 0, stride=2), 8, 3),
        (convolution(3, 1, stride=2), 8, 4),
        (convolution(2, 0, stride=3), 8, 3),
        (convolution(3, 0), 3, 1),
    ],
)
def test_windows(each: Convolution, rows: int, windows: int) -> None:
    """Eight rows have six windows of three, three in strides of two, and eight with two rows above."""
    assert windows_of(each, rows) == windows
    found = each(tf.zeros((1, rows, 5, 1)))
    assert found.shape[1] == windows
