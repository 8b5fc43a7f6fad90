"""Networks written with `keras.ops`, slices and operators, as users write them; and those that nothing can convert."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import keras
from keras import layers, ops

from tests.support.zoo.build import Example, functional, sequential

SHAPE = (16, 8)


def _ends(x: Any) -> Any:
    """An answer of a sequence."""
    return layers.Dense(3)(layers.LSTM(6)(x))


def _on_top(body: Any) -> keras.Model:
    return functional(SHAPE, lambda x: _ends(body(x)))


def _gated(x: Any) -> Any:
    value, gate = ops.split(layers.Dense(12)(x), 2, axis=-1)
    return value * ops.sigmoid(gate)


def _highway(x: Any) -> Any:
    gate = layers.Dense(8, activation="sigmoid")(x)
    return gate * layers.Dense(8, activation="relu")(x) + (1.0 - gate) * x


def _two_halves(x: Any) -> Any:
    shared = layers.GRU(6)
    return layers.Dense(3)(layers.Average()([shared(x[:, :, :4]), shared(x[:, :, 4:])]))


def _statistics(x: Any) -> Any:
    sequence = layers.LSTM(6, return_sequences=True)(x)
    mean = ops.mean(sequence, axis=1, keepdims=True)
    deviation = ops.sqrt(ops.mean(ops.square(sequence - mean), axis=1) + 1e-3)
    return layers.Dense(3)(layers.Concatenate()([ops.squeeze(mean, 1), deviation]))


def _extremes(x: Any) -> Any:
    sequence = layers.GRU(6, return_sequences=True)(x)
    return layers.Dense(3)(ops.max(sequence, axis=1) - ops.min(sequence, axis=1))


def _context(x: Any) -> Any:
    context = ops.tile(ops.expand_dims(layers.LSTM(4)(x), 1), (1, 16, 1))
    return _ends(layers.Concatenate()([x, context]))


def _repeated(x: Any) -> Any:
    return _ends(layers.Concatenate()([x, layers.RepeatVector(16)(layers.GRU(4)(x))]))


class _Own(keras.Layer):  # type: ignore[misc]
    def call(self, x: Any) -> Any:
        return x * 2.0


class _Subclassed(keras.Model):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.dense = layers.LSTM(4), layers.Dense(3)

    def call(self, x: Any) -> Any:
        return self.dense(self.lstm(x))


def _subclassed() -> keras.Model:
    network = _Subclassed()
    network(ops.zeros((1, *SHAPE)))
    return network


def _two_inputs() -> keras.Model:
    one, other = keras.Input(SHAPE), keras.Input((4,))
    return keras.Model([one, other], layers.Dense(3)(layers.Concatenate()([layers.LSTM(4)(one), other])))


OPERATIONS: Mapping[str, Example] = MappingProxyType({
    "standardised by hand": Example(lambda: _on_top(lambda x: (x - 0.13) / 0.31)),
    "standardised by channel": Example(lambda: _on_top(
        lambda x: (x - ops.array([0.1] * 4 + [0.3] * 4)) / ops.array([0.5] * 8))),
    "difference of steps": Example(lambda: _on_top(lambda x: x[:, 1:] - x[:, :-1])),
    "padded difference": Example(lambda: _on_top(lambda x: x - ops.pad(x[:, :-1], ((0, 0), (1, 0), (0, 0))))),
    "every other step": Example(lambda: _on_top(lambda x: x[:, ::2])),
    "last steps": Example(lambda: _on_top(lambda x: layers.Conv1D(6, 3, padding="causal")(x)[:, -8:, :])),
    "some channels": Example(lambda: _on_top(lambda x: x[:, :, 2:6])),
    "last step": Example(lambda: functional(SHAPE, lambda x: layers.Dense(3)(layers.LSTM(6,
        return_sequences=True)(x)[:, -1, :]))),
    "first step": Example(lambda: functional(SHAPE, lambda x: layers.Dense(3)(
        layers.Bidirectional(layers.LSTM(6, return_sequences=True))(x)[:, 0]))),
    "gated linear unit": Example(lambda: _on_top(_gated)),
    "highway": Example(lambda: _on_top(_highway)),
    "shared layer": Example(lambda: functional(SHAPE, _two_halves)),
    "mean and deviation": Example(lambda: functional(SHAPE, _statistics)),
    "context by tile": Example(lambda: functional(SHAPE, _context)),
    "context by RepeatVector": Example(lambda: functional(SHAPE, _repeated)),
    "maxout": Example(lambda: _on_top(lambda x: ops.maximum(layers.Dense(6)(x), layers.Dense(6)(x)))),
    "power and log": Example(lambda: _on_top(lambda x: ops.log(ops.abs(x) + 1.0) + x**2 - ops.exp(-x))),
    "clipped": Example(lambda: _on_top(lambda x: ops.clip(x, -0.5, 0.5) * ops.tanh(x))),
    "softmax amid": Example(lambda: _on_top(layers.Dense(8, activation="softmax"))),
    "softmax by ops": Example(lambda: _on_top(lambda x: ops.softmax(layers.Dense(8)(x), axis=-1) * x)),
    "log-softmax": Example(lambda: functional(SHAPE, lambda x: ops.log_softmax(_ends(x))), "log_softmax: "),
    "concatenated in time": Example(lambda: _on_top(lambda x: layers.Concatenate(axis=1)([x, layers.Dense(8)(x)]))),
    "stacked": Example(lambda: _on_top(lambda x: ops.reshape(ops.stack([x, ops.relu(x)], axis=-1), (-1, 16, 16)))),
    "transposed": Example(lambda: _on_top(lambda x: ops.transpose(x, (0, 2, 1)))),
    "swapped axes": Example(lambda: _on_top(lambda x: ops.swapaxes(x, 1, 2))),
    "largest minus least": Example(lambda: functional(SHAPE, _extremes)),
    "cropped padding": Example(lambda: _on_top(lambda x: layers.Cropping1D((0, 2))(
        layers.Conv1D(6, 3)(layers.ZeroPadding1D((2, 2))(x))))),
    "normalised to one": Example(lambda: functional(SHAPE, lambda x: layers.UnitNormalization()(layers.Dense(4)(
        layers.GRU(6)(x))))),
    "convolution by ops": Example(lambda: _on_top(lambda x: ops.average_pool(layers.Dense(6)(x), 2, 2))),
    "product with constant": Example(lambda: _on_top(lambda x: ops.matmul(x, ops.ones((8, 4)) * 0.1))),
    "mean squared channels": Example(lambda: _on_top(lambda x: layers.Concatenate()(
        [x, ops.mean(x, axis=-1, keepdims=True), ops.sum(x, axis=2, keepdims=True)]))),
    "own layer": Example(lambda: _on_top(_Own(name="own")), "own: "),
    "Lambda": Example(lambda: sequential(SHAPE, layers.Lambda(lambda x: x[:, ::-1], output_shape=SHAPE,
        name="reversed"),
        layers.LSTM(4), layers.Dense(3)), "reversed: "),
    "EinsumDense": Example(lambda: sequential(SHAPE, layers.EinsumDense("abc,cd->abd", (None, 6), bias_axes="d"),
        layers.LSTM(4),
        layers.Dense(3)), "einsum_dense"),
    "subclassed": Example(_subclassed, "a subclass"),
    "two inputs": Example(_two_inputs, "one input"),
    "unbuilt": Example(lambda: keras.Sequential([layers.LSTM(4), layers.Dense(2)]), "keras.Input"),
    "several refused": Example(lambda: sequential(SHAPE, layers.Masking(name="hidden"), layers.Conv1DTranspose(8, 3,
        padding="same",
        name="wider"), layers.LSTM(6), layers.Dense(3)), "wider: "),
    **{f"activation {name}": Example(lambda name=name: sequential(SHAPE, layers.Dense(6, activation=name),
         # type: ignore[misc]
        layers.LSTM(6, activation=name if name in ("relu", "softsign", "elu") else "tanh"), layers.Dense(3)))
        for name in ("relu", "softsign", "elu", "gelu", "swish", "mish", "softplus", "relu6", "leaky_relu",
        "hard_sigmoid")},
})  # fmt: skip
