"""The operations of a lowered network, besides convolutions (`converters.lowering.convolution`).

Each is called with a tensor whose first axis is the batch of one, and its second, up to the last LSTM, is time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import tensorflow as tf

from converters.lowering.lstm import UnrolledLSTM
from device.arrays import Float32

Function = Callable[[tf.Tensor], tf.Tensor]


class Operation(Protocol):
    """What a layer of the network computes at inference; `name` is the layer's."""

    @property
    def name(self) -> str: ...

    def __call__(self, x: tf.Tensor) -> tf.Tensor: ...


@dataclass(frozen=True)
class Pointwise:
    """A function of each row by itself, which knows nothing of time."""

    name: str
    function: Function

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        return self.function(x)


@dataclass(frozen=True)
class Pooling:
    """Pooling by windows of `size` rows; `tiles` says that windows neither overlap nor are padded."""

    name: str
    function: Function
    size: int
    tiles: bool

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        return self.function(x)


@dataclass(frozen=True)
class Reordering:
    """A new shape or order of the same values, or of some of them."""

    name: str
    function: Function
    moves_time: bool
    swaps_rows_and_columns: bool = False

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        return self.function(x)


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
    """Two unrolled LSTMs over the same sequence, the second from its end; their features side by side.

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
    """An unrolled LSTM over `[1, steps, features]`: `[1, units]`, or `[1, steps, units]` where it returns sequences."""

    name: str
    unrolled: UnrolledLSTM

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        hidden = self.unrolled(tf.reshape(x, x.shape[1:]))
        return hidden[tf.newaxis] if self.unrolled.return_sequences else hidden
