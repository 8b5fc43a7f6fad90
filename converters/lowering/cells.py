"""What a recurrent layer computes in one time step, with the input projection hoisted out of it.

Of a cell's two products only the recurrent one depends on the step before. The input projection of all steps is one
product ahead of them, `z = x K + b` with `x [steps, features]`, so the weights `K` are read once per input. Keras'
`unroll=True` keeps both products in every step; TFLite's fused UNIDIRECTIONAL_SEQUENCE_LSTM keeps its state between
calls.

A cell's first step is its `begin`: what `advance` gives for zero states, without the terms that are zero.

Sources: Hochreiter, Schmidhuber, Long Short-Term Memory, 1997; Gers et al., Learning to Forget, 2000 (forget gate);
Cho et al., Learning Phrase Representations using RNN Encoder-Decoder, 2014 (GRU); Shi et al., Convolutional LSTM
Network, 2015; hoisting: Appleyard et al., Optimizing Performance of Recurrent Neural Networks on GPUs, 2016, 3.1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import tensorflow as tf
from keras import layers

from converters.lowering.convolution import Convolution, own_padding
from converters.lowering.refusal import LayerRefusal
from device.arrays import Float32

Function = Callable[[tf.Tensor], tf.Tensor]
States = tuple[tf.Tensor, ...]


class Cell(Protocol):
    """A recurrent cell; its first state is also its output."""

    def project(self, sequence: tf.Tensor) -> tf.Tensor:
        """Returns the input projection of all steps, `[steps, ...]`, of a sequence `[steps, ...]`."""

    def state_shapes(self, z: tf.Tensor) -> Mapping[str, tuple[int, ...]]:
        """Returns the states' shapes by name, for the projection `z` of one step."""

    def begin(self, z: tf.Tensor) -> States:
        """Returns the states after the first step, whose projection is `z`."""

    def advance(self, z: tf.Tensor, states: States) -> States:
        """Returns the states after a step with projection `z`."""


@dataclass(frozen=True)
class _Dense:
    """What cells over vectors share: the product with the input."""

    kernel: Float32
    recurrent_kernel: Float32
    bias: Float32

    @property
    def units(self) -> int:
        return int(self.recurrent_kernel.shape[0])

    def project(self, sequence: tf.Tensor) -> tf.Tensor:
        return tf.matmul(sequence, self.kernel) + self.bias


def _begun_lstm(cell: LSTMCell | ConvLSTMCell, i: tf.Tensor, g: tf.Tensor, o: tf.Tensor) -> States:
    c = cell.recurrent_activation(i) * cell.activation(g)
    return cell.recurrent_activation(o) * cell.activation(c), c


def _advanced_lstm(cell: LSTMCell | ConvLSTMCell, gates: Sequence[tf.Tensor], c: tf.Tensor) -> States:
    i, f, g, o = gates
    c = cell.recurrent_activation(f) * c + cell.recurrent_activation(i) * cell.activation(g)
    return cell.recurrent_activation(o) * cell.activation(c), c


@dataclass(frozen=True)
class LSTMCell(_Dense):
    """An LSTM's weights, gates in Keras' order i, f, g, o along the last axis.

    `kernel <float32>[features, 4 units]`, `recurrent_kernel <float32>[units, 4 units]`, `bias <float32>[4 units]`.
    """

    activation: Function
    recurrent_activation: Function

    def state_shapes(self, z: tf.Tensor) -> Mapping[str, tuple[int, ...]]:
        del z
        return {"h": (1, self.units), "c": (1, self.units)}

    def begin(self, z: tf.Tensor) -> States:
        # Slices, not a split: nothing would read its forget gate, and the quantiser stops at an unread output.
        i, g, o = (z[:, gate * self.units : (gate + 1) * self.units] for gate in (0, 2, 3))
        return _begun_lstm(self, i, g, o)

    def advance(self, z: tf.Tensor, states: States) -> States:
        h, c = states
        return _advanced_lstm(self, tf.split(z + tf.matmul(h, self.recurrent_kernel), 4, axis=1), c)


@dataclass(frozen=True)
class GRUCell(_Dense):
    """A GRU's weights, gates in Keras' order z, r, h along the last axis.

    `kernel <float32>[features, 3 units]`, `recurrent_kernel <float32>[units, 3 units]`, `bias <float32>[3 units]`; and
    `reset_bias <float32>[units]`, the part of the candidate's bias that the reset gate scales. With `reset_after` that
    gate scales the candidate's product, otherwise the state ahead of it.
    """

    reset_bias: Float32
    activation: Function
    recurrent_activation: Function
    reset_after: bool

    def state_shapes(self, z: tf.Tensor) -> Mapping[str, tuple[int, ...]]:
        del z
        return {"h": (1, self.units)}

    def begin(self, z: tf.Tensor) -> States:
        update, reset, candidate = (z[:, gate * self.units : (gate + 1) * self.units] for gate in range(3))
        update = self.recurrent_activation(update)
        candidate = self.activation(self._with_reset_bias(candidate, lambda: self.recurrent_activation(reset)))
        return (candidate - update * candidate,)

    def advance(self, z: tf.Tensor, states: States) -> States:
        (h,) = states
        gates = z[:, : 2 * self.units] + tf.matmul(h, self.recurrent_kernel[:, : 2 * self.units])
        update, reset = (self.recurrent_activation(gate) for gate in tf.split(gates, 2, axis=1))
        weights, candidate = self.recurrent_kernel[:, 2 * self.units :], z[:, 2 * self.units :]
        candidate = self._with_reset_bias(candidate, lambda: reset)
        recurrent = reset * tf.matmul(h, weights) if self.reset_after else tf.matmul(reset * h, weights)
        candidate = self.activation(candidate + recurrent)
        # In this order the sum's first term is all there is in the first step.
        return ((candidate - update * candidate) + update * h,)

    def _with_reset_bias(self, candidate: tf.Tensor, reset: Callable[[], tf.Tensor]) -> tf.Tensor:
        return candidate + reset() * self.reset_bias if self.reset_bias.any() else candidate


@dataclass(frozen=True)
class SimpleCell(_Dense):
    """A simple recurrent cell: `kernel <float32>[features, units]`, `recurrent_kernel [units, units]`, `bias [units]`.

    Source: Elman, Finding Structure in Time, 1990.
    """

    activation: Function

    def state_shapes(self, z: tf.Tensor) -> Mapping[str, tuple[int, ...]]:
        del z
        return {"h": (1, self.units)}

    def begin(self, z: tf.Tensor) -> States:
        return (self.activation(z),)

    def advance(self, z: tf.Tensor, states: States) -> States:
        (h,) = states
        return (self.activation(z + tf.matmul(h, self.recurrent_kernel)),)


@dataclass(frozen=True)
class ConvLSTMCell:
    """An LSTM over maps, whose products are convolutions; gates in Keras' order i, f, g, o along the last axis."""

    input: Convolution
    recurrent: Convolution
    activation: Function
    recurrent_activation: Function

    def project(self, sequence: tf.Tensor) -> tf.Tensor:
        return self.input(sequence)

    def state_shapes(self, z: tf.Tensor) -> Mapping[str, tuple[int, ...]]:
        shape = (1, *z.shape[1:-1], z.shape[-1] // 4)
        return {"h": shape, "c": shape}

    def begin(self, z: tf.Tensor) -> States:
        filters = z.shape[-1] // 4
        i, g, o = (z[..., gate * filters : (gate + 1) * filters] for gate in (0, 2, 3))
        return _begun_lstm(self, i, g, o)

    def advance(self, z: tf.Tensor, states: States) -> States:
        h, c = states
        return _advanced_lstm(self, tf.split(z + self.recurrent(h), 4, axis=-1), c)


@dataclass(frozen=True)
class Unrolled:
    """A cell over a sequence, or over a batch of them, without a loop; the states start at zero in every call."""

    cell: Cell
    go_backwards: bool = field(default=False)

    def __call__(self, sequences: tf.Tensor) -> tuple[list[tf.Tensor], States]:
        """Returns the outputs `[n, ...]` of all steps, in the order of processing, and the last states.

        `sequences` are `<float32>[n, steps, ...]`. Raises ValueError if a size is not fixed.
        """
        if sequences.shape.rank is None or None in sequences.shape[:2]:
            raise ValueError(f"Expected sequences [n, steps, ...] of fixed length. Received: shape {sequences.shape}")
        n, length = sequences.shape[:2]
        # One sequence needs no axis of its own: the rows of its products are the steps.
        z = self.cell.project(tf.reshape(sequences, sequences.shape[1:]) if n == 1 else sequences)
        steps = range(length)
        first, *later = reversed(steps) if self.go_backwards else steps
        with tf.name_scope("step0"):
            states = self.cell.begin(z[first : first + 1] if n == 1 else z[:, first])
        outputs = [states[0]]
        for step, t in enumerate(later, start=1):
            with tf.name_scope(f"step{step}"):
                states = self.cell.advance(z[t : t + 1] if n == 1 else z[:, t], states)
            outputs.append(states[0])
        return outputs, states


def lower_cell(cell: layers.Layer) -> Cell:
    """Returns what a built Keras cell computes; raises LayerRefusal for another kind of cell."""
    lower = _CELLS.get(type(cell))
    if lower is None:
        known = ", ".join(each.__name__ for each in _CELLS)
        raise LayerRefusal(f"a cell of the kind {type(cell).__name__} is not known. Use one of {known}")
    return lower(cell)


def lower_convolutional_cell(layer: layers.ConvLSTM1D | layers.ConvLSTM2D, size: tuple[int, ...]) -> Cell:
    """Returns what a built ConvLSTM computes in a step, of maps `[1, *size, channels]`."""
    cell = layer.cell
    padding = own_padding(cell.padding, cell.kernel_size, cell.strides, cell.dilation_rate, size)
    kernel, bias = np.asarray(cell.kernel), _bias(cell, cell.kernel.shape[-1])
    ahead = Convolution("input", kernel, bias, tuple(cell.strides), tuple(cell.dilation_rate), padding, tf.identity)
    recurrent = np.asarray(cell.recurrent_kernel)
    ones = (1,) * len(size)
    beside = own_padding("same", recurrent.shape[: len(size)], ones, ones, size)
    back = Convolution("recurrent", recurrent, np.zeros(len(bias), np.float32), ones, ones, beside, tf.identity)
    return ConvLSTMCell(ahead, back, cell.activation, cell.recurrent_activation)


def _lower_lstm(cell: layers.LSTMCell) -> Cell:
    bias = _bias(cell, 4 * cell.units)
    kernels = np.asarray(cell.kernel), np.asarray(cell.recurrent_kernel)
    return LSTMCell(*kernels, bias, cell.activation, cell.recurrent_activation)


def _lower_gru(cell: layers.GRUCell) -> Cell:
    bias, reset_bias = _bias(cell, 3 * cell.units), np.zeros(cell.units, np.float32)
    if bias.ndim > 1:
        reset_bias = bias[1, 2 * cell.units :]
        bias = bias[0] + np.concatenate([bias[1, : 2 * cell.units], np.zeros_like(reset_bias)])
    weights = np.asarray(cell.kernel), np.asarray(cell.recurrent_kernel), bias, reset_bias
    return GRUCell(*weights, cell.activation, cell.recurrent_activation, cell.reset_after)


def _lower_simple(cell: layers.SimpleRNNCell) -> Cell:
    kernels = np.asarray(cell.kernel), np.asarray(cell.recurrent_kernel)
    return SimpleCell(*kernels, _bias(cell, cell.units), cell.activation)


def _bias(cell: layers.Layer, size: int) -> Float32:
    return np.asarray(cell.bias, np.float32) if cell.use_bias else np.zeros(size, np.float32)


# By exact type: a subclass may compute something else.
_CELLS: Mapping[type, Callable[[layers.Layer], Cell]] = {
    layers.LSTMCell: _lower_lstm,
    layers.GRUCell: _lower_gru,
    layers.SimpleRNNCell: _lower_simple,
}
