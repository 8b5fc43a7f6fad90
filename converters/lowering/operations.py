"""The operations of a lowered network; convolutions are in `converters.lowering.convolution`.

Each takes a tensor whose first axis is a batch of one. Up to the last LSTM its second axis is time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import tensorflow as tf

from converters.lowering.lstm import Function, UnrolledLSTM
from device.arrays import Float32


class Operation(Protocol):
    """What a layer computes at inference; `name` is the layer's."""

    @property
    def name(self) -> str: ...

    def __call__(self, x: tf.Tensor) -> tf.Tensor: ...


@dataclass(frozen=True)
class _Applied:
    name: str
    function: Function

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        return self.function(x)


@dataclass(frozen=True)
class Pointwise(_Applied):
    """A function of each row by itself."""


@dataclass(frozen=True)
class Pooling(_Applied):
    """Pooling by windows of `size` rows; `tiles` is true if windows neither overlap nor are padded."""

    size: int
    tiles: bool


@dataclass(frozen=True)
class Reordering(_Applied):
    """A new shape or order of the same values, or of some of them."""

    moves_time: bool
    swaps_rows_and_columns: bool = False


@dataclass(frozen=True)
class Dense:
    """A product with weights `kernel <float32>[features, units]` along the last axis."""

    name: str
    kernel: Float32
    bias: Float32
    activation: Function

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        return self.activation(tf.matmul(x, self.kernel) + self.bias)


@dataclass(frozen=True)
class BothWays:
    """Two unrolled LSTMs over the same sequence, the second from its end, with their features concatenated.

    Source: Schuster, Paliwal, Bidirectional Recurrent Neural Networks, 1997.
    """

    name: str
    forwards: UnrolledLSTM
    backwards: UnrolledLSTM

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        sequence = tf.reshape(x, x.shape[1:])
        ahead, back = self.forwards(sequence), self.backwards(sequence)
        if not self.forwards.return_sequences:
            return tf.concat([ahead, back], axis=1)
        in_order = tf.concat([back[t : t + 1] for t in reversed(range(back.shape[0]))], axis=0)
        return tf.concat([ahead, in_order], axis=1)[tf.newaxis]


@dataclass(frozen=True)
class Recurrence:
    """An unrolled LSTM: `[1, steps, features]` to `[1, units]`, or to `[1, steps, units]` if it returns sequences."""

    name: str
    unrolled: UnrolledLSTM

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        hidden = self.unrolled(tf.reshape(x, x.shape[1:]))
        return hidden[tf.newaxis] if self.unrolled.return_sequences else hidden
