"""The operations of a lowered network; convolutions are in `converters.lowering.convolution`.

Each takes tensors whose first axis is a batch of one. Up to the last recurrent layer the second axis is time: the rows
of an image, or the steps of a sequence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import tensorflow as tf

from converters.lowering.cells import Unrolled
from converters.lowering.convolution import Function
from device.arrays import Float32

Tensors = tuple[tf.Tensor, ...]


class Operation(Protocol):
    """What a layer computes at inference; `name` is the layer's."""

    @property
    def name(self) -> str: ...

    def __call__(self, *inputs: tf.Tensor) -> tf.Tensor | Tensors: ...


def as_tuple(result: tf.Tensor | Tensors) -> Tensors:
    """Returns the outputs of an operation, of which one alone comes without a tuple."""
    return result if isinstance(result, tuple) else (result,)


@dataclass(frozen=True)
class _Applied:
    name: str
    function: Callable[..., tf.Tensor]

    def __call__(self, *inputs: tf.Tensor) -> tf.Tensor:
        return self.function(*inputs)


class Pointwise(_Applied):
    """A function of each row by itself."""


class Merge(_Applied):
    """A function of the same row of several inputs."""


class Activation(Pointwise):
    """A function of each number by itself; or, if it is `softmax`, of the numbers along the last axis."""


@dataclass(frozen=True)
class Pooling(_Applied):
    """Pooling by windows of `size` rows; `tiles` is true if windows neither overlap nor are padded.

    `turned` is the same of maps whose rows and columns are swapped.
    """

    size: int
    tiles: bool
    turned: Callable[[], Pooling] | None = None


@dataclass(frozen=True)
class Reordering(_Applied):
    """A new shape or order of the same values, or of some of them."""

    moves_time: bool
    swaps_rows_and_columns: bool = False


class Summary(_Applied):
    """A function of all rows together, such as their mean."""


class LastStep(_Applied):
    """The last row alone."""


class Whole(_Applied):
    """A function of all rows together that returns rows again."""


@dataclass(frozen=True)
class Dense:
    """A product with weights `kernel <float32>[features, units]` along the last axis."""

    name: str
    kernel: Float32
    bias: Float32
    activation: Function

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        return self.activation(tf.matmul(x, self.kernel) + self.bias)


class EachStep(_Applied):
    """A function of each time step by itself: `[1, steps, ...]` as a batch of steps.

    Source: Keras, TimeDistributed.
    """

    def __call__(self, *inputs: tf.Tensor) -> tf.Tensor:
        (x,) = inputs
        return self.function(tf.reshape(x, x.shape[1:]))[tf.newaxis]


@dataclass(frozen=True)
class Recurrence:
    """An unrolled recurrent layer: `[1, steps, ...]` to `[1, ...]`, or to `[1, steps, ...]` if it returns sequences.

    With `return_states` the last states follow.
    """

    name: str
    unrolled: Unrolled
    return_sequences: bool
    return_states: bool = False

    @property
    def n_sequences(self) -> int:
        """How many of its outputs are sequences, ahead of the others."""
        return int(self.return_sequences)

    def __call__(self, x: tf.Tensor) -> tf.Tensor | Tensors:
        outputs, states = self.unrolled(x)
        hidden = _in_time(outputs) if self.return_sequences else outputs[-1]
        return (hidden, *states) if self.return_states else hidden


@dataclass(frozen=True)
class BothWays:
    """Two unrolled recurrent layers over the same sequence, the second from its end, with their outputs merged.

    `merge` takes both outputs; without it both are returned. With `return_states` the last states of both follow.

    Source: Schuster, Paliwal, Bidirectional Recurrent Neural Networks, 1997.
    """

    name: str
    forwards: Unrolled
    backwards: Unrolled
    return_sequences: bool
    return_states: bool = False
    merge: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = field(default=None)

    @property
    def n_sequences(self) -> int:
        """How many of its outputs are sequences, ahead of the others."""
        return self.return_sequences * (2 if self.merge is None else 1)

    def __call__(self, x: tf.Tensor) -> tf.Tensor | Tensors:
        (ahead, states), (back, states_back) = self.forwards(x), self.backwards(x)
        if self.return_sequences:
            first, second = _in_time(ahead), _in_time(back[::-1])
        else:
            first, second = ahead[-1], back[-1]
        outputs = (first, second) if self.merge is None else (self.merge(first, second),)
        after = (*states, *states_back) if self.return_states else ()
        return (*outputs, *after) if len(outputs) + len(after) > 1 else outputs[0]


def _in_time(outputs: Sequence[tf.Tensor]) -> tf.Tensor:
    """Returns the outputs `[n, ...]` of all steps as `[n, steps, ...]`."""
    return tf.concat(outputs, axis=0)[tf.newaxis] if outputs[0].shape[0] == 1 else tf.stack(outputs, axis=1)
