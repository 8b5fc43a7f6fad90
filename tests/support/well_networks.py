"""Healthy networks as people write them, in which the doctor must find no sickness."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import keras
from keras import layers

Build = Callable[[], keras.Model]


def _sequential(*parts: Any, loss: Any = None) -> keras.Model:
    model = keras.Sequential(list(parts))
    if loss is not None:
        model.compile("adam", loss)
    return model


def _rows() -> keras.Model:
    return _sequential(keras.Input((28, 28)), layers.LSTM(8), layers.Dense(10, activation="softmax"))


def _map_rows() -> keras.Model:
    return _sequential(
        keras.Input((28, 28, 1)),
        layers.Conv2D(8, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.TimeDistributed(layers.Flatten()),
        layers.LSTM(8),
        layers.Dense(10, activation="softmax"),
        loss="sparse_categorical_crossentropy",
    )


def _columns() -> keras.Model:
    return _sequential(
        keras.Input((28, 20, 1)),
        layers.Permute((2, 1, 3)),
        layers.Conv2D(8, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Reshape((9, 13 * 8)),
        layers.GRU(8),
        layers.Dense(10),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )


def _crnn() -> keras.Model:
    """A text line: columns to the front, two recurrent layers both ways, an answer at every step for CTC."""
    inputs = keras.Input((32, 100, 1))
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)
    x = layers.MaxPooling2D((2, 2))(x)
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
    x = layers.BatchNormalization()(x)
    x = layers.MaxPooling2D((2, 2))(x)
    x = layers.Permute((2, 1, 3))(x)
    x = layers.Reshape((25, 8 * 16))(x)
    x = layers.Dense(16, activation="relu")(x)
    x = layers.Bidirectional(layers.LSTM(8, return_sequences=True))(x)
    x = layers.Bidirectional(layers.LSTM(8, return_sequences=True))(x)
    return keras.Model(inputs, layers.Dense(12, activation="softmax")(x))


def _captcha() -> keras.Model:
    """The picture comes with its columns first."""
    inputs = keras.Input((200, 50, 1), name="image")
    x = layers.Conv2D(8, 3, activation="relu", kernel_initializer="he_normal", padding="same")(inputs)
    x = layers.MaxPooling2D((2, 2))(x)
    x = layers.Conv2D(8, 3, activation="relu", padding="same")(x)
    x = layers.MaxPooling2D((2, 2))(x)
    x = layers.Reshape(target_shape=(50, 12 * 8))(x)
    x = layers.Dropout(0.2)(layers.Dense(16, activation="relu")(x))
    x = layers.Bidirectional(layers.LSTM(8, return_sequences=True, dropout=0.25))(x)
    return keras.Model(inputs, layers.Dense(20, activation="softmax")(x))


def _squeezed() -> keras.Model:
    """Pooled to a height of one, which is squeezed out."""
    inputs = keras.Input((8, 40, 1))
    x = layers.Conv2D(8, 3, padding="same")(inputs)
    x = layers.MaxPooling2D((8, 1))(x)
    x = keras.ops.squeeze(x, axis=1)
    return keras.Model(inputs, layers.Dense(4)(layers.GRU(8)(x)))


def _transposed() -> keras.Model:
    inputs = keras.Input((16, 24, 1))
    x = layers.Conv2D(4, 3, padding="same")(inputs)
    x = keras.ops.transpose(x, (0, 2, 1, 3))
    x = layers.TimeDistributed(layers.Flatten())(x)
    return keras.Model(inputs, layers.Dense(4)(layers.LSTM(8)(x)))


def _causal() -> keras.Model:
    return _sequential(
        keras.Input((128, 9)),
        layers.BatchNormalization(),
        layers.Conv1D(16, 5, padding="causal", activation="relu"),
        layers.MaxPooling1D(2),
        layers.LSTM(16),
        layers.Dropout(0.5),
        layers.Dense(6, activation="softmax"),
        loss="categorical_crossentropy",
    )


def _residual() -> keras.Model:
    inputs = keras.Input((20, 8))
    x = layers.Conv1D(8, 3, padding="causal", activation="relu")(inputs)
    x = layers.Add()([x, inputs])
    x = layers.LayerNormalization()(x)
    return keras.Model(inputs, layers.Dense(3)(layers.LSTM(8)(x)))


def _branches() -> keras.Model:
    inputs = keras.Input((20, 8))
    fine = layers.Conv1D(4, 3, padding="same")(inputs)
    coarse = layers.Conv1D(4, 7, padding="same")(inputs)
    x = layers.Concatenate()([fine, coarse])
    return keras.Model(inputs, layers.Dense(3)(layers.GRU(8)(x)))


def _two_inputs() -> keras.Model:
    left, right = keras.Input((20, 8)), keras.Input((20, 4))
    x = layers.concatenate([layers.LSTM(8)(left), layers.LSTM(4)(right)])
    return keras.Model([left, right], layers.Dense(3)(x))


def _two_outputs() -> keras.Model:
    inputs = keras.Input((20, 8))
    x = layers.LSTM(8)(inputs)
    return keras.Model(inputs, [layers.Dense(3, name="xyz")(x), layers.Dense(4, name="wpqr")(x)])


def _stacked() -> keras.Model:
    return _sequential(
        keras.Input((20, 8)),
        layers.LSTM(16, return_sequences=True),
        layers.Dropout(0.2),
        layers.LSTM(8),
        layers.Dense(1, activation="sigmoid"),
        loss="binary_crossentropy",
    )


def _video() -> keras.Model:
    return _sequential(
        keras.Input((6, 16, 16, 3)),
        layers.TimeDistributed(layers.Conv2D(4, 3, activation="relu")),
        layers.TimeDistributed(layers.MaxPooling2D()),
        layers.TimeDistributed(layers.Flatten()),
        layers.LSTM(8),
        layers.Dense(5, activation="softmax"),
        loss="categorical_crossentropy",
    )


def _conv_lstm() -> keras.Model:
    return _sequential(
        keras.Input((5, 12, 12, 1)),
        layers.ConvLSTM2D(4, 3, return_sequences=True),
        layers.ConvLSTM2D(4, 3),
        layers.Flatten(),
        layers.Dense(3, activation="softmax"),
    )


def _every_step() -> keras.Model:
    return _sequential(
        keras.Input((20, 8)),
        layers.LSTM(8, return_sequences=True),
        layers.TimeDistributed(layers.Dense(5, activation="softmax")),
        loss="categorical_crossentropy",
    )


def _encoder_decoder() -> keras.Model:
    return _sequential(
        keras.Input((20, 8)),
        layers.LSTM(16),
        layers.RepeatVector(5),
        layers.LSTM(16, return_sequences=True),
        layers.TimeDistributed(layers.Dense(1)),
        loss="mse",
    )


def _all_steps_averaged() -> keras.Model:
    return _sequential(
        keras.Input((20, 8)),
        layers.GRU(8, return_sequences=True),
        layers.GlobalAveragePooling1D(),
        layers.Dense(4, activation="softmax"),
        loss="sparse_categorical_crossentropy",
    )


def _nested() -> keras.Model:
    backbone = keras.Sequential(
        [
            keras.Input((24, 24, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Reshape((11, 44)),
        ],
        name="backbone",
    )
    return _sequential(keras.Input((24, 24, 1)), backbone, layers.LSTM(8), layers.Dense(3))


def _scaled() -> keras.Model:
    return _sequential(
        keras.Input((28, 28, 1)),
        layers.Rescaling(1.0 / 255),
        layers.Conv2D(4, (3, 1), strides=(2, 1), activation="relu"),
        layers.Reshape((13, 28 * 4)),
        layers.SimpleRNN(8),
        layers.Dense(10, activation="softmax"),
        loss=keras.losses.SparseCategoricalCrossentropy(),
    )


def _keyword_spotting() -> keras.Model:
    return _sequential(
        keras.Input((49, 10, 1)),
        layers.Conv2D(8, (10, 4), strides=(2, 2), padding="same", activation="relu"),
        layers.Reshape((25, 5 * 8)),
        layers.Bidirectional(layers.GRU(8, return_sequences=True)),
        layers.GRU(8),
        layers.Dense(12),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
    )


def _pixels() -> keras.Model:
    """Pixel after pixel."""
    return _sequential(keras.Input((14, 14, 1)), layers.Reshape((-1, 1)), layers.LSTM(4), layers.Dense(10))


def _words() -> keras.Model:
    return _sequential(
        keras.Input((12,), dtype="int32"),
        layers.Embedding(50, 8),
        layers.SpatialDropout1D(0.2),
        layers.LSTM(8),
        layers.Dense(2, activation="softmax"),
        loss="sparse_categorical_crossentropy",
    )


def _own_lambda() -> keras.Model:
    return _sequential(
        keras.Input((28, 28, 1)),
        layers.Lambda(lambda x: x[:, :, :, 0]),
        layers.Masking(),
        layers.RNN(layers.LSTMCell(8)),
        layers.Dense(10),
    )


WELL: Mapping[str, Build] = MappingProxyType(
    {
        "rows": _rows,
        "rows of a map": _map_rows,
        "columns": _columns,
        "CRNN": _crnn,
        "captcha": _captcha,
        "squeezed": _squeezed,
        "transposed": _transposed,
        "causal": _causal,
        "residual": _residual,
        "branches": _branches,
        "two inputs": _two_inputs,
        "two outputs": _two_outputs,
        "stacked": _stacked,
        "video": _video,
        "ConvLSTM": _conv_lstm,
        "every step": _every_step,
        "encoder and decoder": _encoder_decoder,
        "all steps averaged": _all_steps_averaged,
        "nested": _nested,
        "scaled": _scaled,
        "keyword spotting": _keyword_spotting,
        "pixels": _pixels,
        "words": _words,
        "own Lambda": _own_lambda,
    }
)
