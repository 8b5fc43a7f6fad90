"""Unrolls a Keras LSTM to a fixed number of time steps, with the input projection hoisted out of them.

Of the LSTM's two matrix products only the recurrent one depends on the step before. The input projection of all steps
is one product ahead of them, `z = x K + b` with `x [steps, features]`, so the weights `K` are read once per crop.
Keras' `unroll=True` keeps both products in every step; TFLite's fused UNIDIRECTIONAL_SEQUENCE_LSTM keeps its state
between calls.

Sources: Hochreiter, Schmidhuber, Long Short-Term Memory, 1997; Gers et al., Learning to Forget, 2000 (forget gate);
hoisting: Appleyard et al., Optimizing Performance of Recurrent Neural Networks on GPUs, 2016, section 3.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from device.arrays import Float32

Function = Callable[[tf.Tensor], tf.Tensor]


@dataclass(frozen=True)
class Cell:
    """An LSTM's weights, gates in Keras' order i, f, g, o along the last axis.

    `kernel <float32>[features, 4 units]`, `recurrent_kernel <float32>[units, 4 units]`, `bias <float32>[4 units]`.
    """

    kernel: Float32
    recurrent_kernel: Float32
    bias: Float32
    activation: Function
    recurrent_activation: Function

    @property
    def units(self) -> int:
        return int(self.recurrent_kernel.shape[0])

    def project(self, sequence: tf.Tensor) -> tf.Tensor:
        """Returns the input projection `[steps, 4 * units]` of a sequence `[steps, features]`."""
        return tf.matmul(sequence, self.kernel) + self.bias

    def begin(self, z: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns what `advance` returns for zero states, without the terms that are zero."""
        # Slices, not a split: nothing would read its forget gate, and the quantiser stops at an unread output.
        i, g, o = (z[:, gate * self.units : (gate + 1) * self.units] for gate in (0, 2, 3))
        c = self.recurrent_activation(i) * self.activation(g)
        return self.recurrent_activation(o) * self.activation(c), c

    def advance(self, z: tf.Tensor, h: tf.Tensor, c: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the hidden and the cell state `[1, units]` after a step with projection `z`."""
        i, f, g, o = tf.split(z + tf.matmul(h, self.recurrent_kernel), 4, axis=1)
        c = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(g)
        return self.recurrent_activation(o) * self.activation(c), c


@dataclass(frozen=True)
class UnrolledLSTM:
    """An LSTM layer over one sequence, without a loop; the states start at zero in every call."""

    cell: Cell
    return_sequences: bool
    go_backwards: bool

    def __call__(self, sequence: tf.Tensor) -> tf.Tensor:
        """Returns the last hidden state `<float32>[1, units]` of a sequence `<float32>[steps, features]`.

        If the layer returns sequences: all hidden states `<float32>[steps, units]`, in the order of processing. Raises
        ValueError if the number of steps is not fixed.
        """
        if sequence.shape.rank != 2 or sequence.shape[0] is None:
            raise ValueError(f"Expected a sequence [steps, features] of fixed length. Received: shape {sequence.shape}")
        z = self.cell.project(sequence)
        steps = range(sequence.shape[0])
        first, *later = reversed(steps) if self.go_backwards else steps
        with tf.name_scope("step0"):
            h, c = self.cell.begin(z[first : first + 1])
        hidden_states = [h]
        for step, t in enumerate(later, start=1):
            with tf.name_scope(f"step{step}"):
                h, c = self.cell.advance(z[t : t + 1], h, c)
            hidden_states.append(h)
        return tf.concat(hidden_states, axis=0) if self.return_sequences else h


def unroll(layer: keras.layers.LSTM) -> UnrolledLSTM:
    """Returns a built layer's unrolled form; raises ValueError if it keeps its state between calls or returns it."""
    for setting in ("stateful", "return_state"):
        if getattr(layer, setting):
            raise ValueError(f"{layer.name}: Expected an LSTM with {setting}=False. Received: {setting}=True")
    weights = layer.get_weights()
    bias = weights[2] if layer.use_bias else np.zeros(4 * layer.units, np.float32)
    cell = Cell(weights[0], weights[1], bias, layer.activation, layer.recurrent_activation)
    return UnrolledLSTM(cell, layer.return_sequences, layer.go_backwards)
