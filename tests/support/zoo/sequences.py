"""Networks over sequences, as users write them: sensors, speech, series, text."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import keras
from keras import layers, ops

from tests.support.zoo.build import Example, functional, sequential

HAR, KWS = (32, 9), (49, 10)


def _tcn_block(x: Any, filters: int, dilation: int) -> Any:
    y = x
    for _ in range(2):
        y = layers.Conv1D(filters, 3, padding="causal", dilation_rate=dilation)(y)
        y = layers.Activation("relu")(layers.BatchNormalization()(y))
        y = layers.SpatialDropout1D(0.1)(y)
    if x.shape[-1] != filters:
        x = layers.Conv1D(filters, 1, padding="same")(x)
    return layers.Activation("relu")(layers.add([x, y]))


def _tcn(x: Any) -> Any:
    for dilation in (1, 2, 4):
        x = _tcn_block(x, 8, dilation)
    return x


def _wavenet(x: Any) -> Any:
    x, skips = layers.Conv1D(8, 2, padding="causal")(x), []
    for dilation in (1, 2, 4):
        tanh = layers.Conv1D(8, 2, padding="causal", dilation_rate=dilation, activation="tanh")(x)
        gate = layers.Conv1D(8, 2, padding="causal", dilation_rate=dilation, activation="sigmoid")(x)
        y = layers.Conv1D(8, 1)(layers.Multiply()([tanh, gate]))
        x = layers.Add()([x, y])
        skips.append(y)
    return layers.Activation("relu")(layers.Add()(skips))


def _squeeze_excite(x: Any) -> Any:
    gate = layers.Reshape((1, x.shape[-1]))(layers.GlobalAveragePooling1D()(x))
    gate = layers.Dense(4, activation="relu", use_bias=False)(gate)
    return layers.multiply([x, layers.Dense(x.shape[-1], activation="sigmoid", use_bias=False)(gate)])


def _lstm_fcn(x: Any) -> Any:
    series = layers.Dropout(0.8)(layers.LSTM(8)(layers.Permute((2, 1))(x)))
    y = layers.Activation("relu")(layers.BatchNormalization()(layers.Conv1D(8, 8, padding="same")(x)))
    y = layers.Activation("relu")(layers.BatchNormalization()(layers.Conv1D(16, 5, padding="same")(_squeeze_excite(y))))
    return layers.Dense(6, activation="softmax")(layers.concatenate([series, layers.GlobalAveragePooling1D()(y)]))


def _inception(x: Any) -> Any:
    parts = [layers.Conv1D(4, width, padding="same", use_bias=False)(x) for width in (3, 5, 9)]
    parts.append(layers.Conv1D(4, 1, use_bias=False)(layers.MaxPooling1D(3, strides=1, padding="same")(x)))
    x = layers.Activation("relu")(layers.BatchNormalization()(layers.Concatenate(axis=2)(parts)))
    return layers.Dense(4, activation="softmax")(layers.GlobalAveragePooling1D()(x))


def _attention_pooling(x: Any) -> Any:
    sequence = layers.LSTM(8, return_sequences=True)(x)
    weights = layers.Flatten()(layers.Dense(1, activation="tanh")(sequence))
    weights = layers.Permute((2, 1))(layers.RepeatVector(8)(layers.Activation("softmax")(weights)))
    return layers.Dense(3)(ops.sum(layers.Multiply()([sequence, weights]), axis=1))


def _attention_over_time(x: Any) -> Any:
    sequence = layers.GRU(8, return_sequences=True)(x)
    weights = layers.Softmax(axis=1)(layers.Dense(1)(sequence))
    return layers.Dense(3)(ops.sum(sequence * weights, axis=1))


def _ecg_resnet(x: Any) -> Any:
    x = layers.Conv1D(8, 7, padding="same")(x)
    y = layers.ReLU()(layers.BatchNormalization()(layers.Conv1D(8, 7, strides=4, padding="same")(x)))
    y = layers.Conv1D(8, 7, padding="same")(y)
    x = layers.ReLU()(layers.add([y, layers.MaxPooling1D(4)(x)]))
    return layers.Dense(5, activation="softmax")(layers.LSTM(8)(layers.AveragePooling1D(10)(x)))


def _transformer(x: Any) -> Any:
    y = layers.LayerNormalization(epsilon=1e-6)(x)
    y = layers.MultiHeadAttention(2, 4)(y, y) + x
    return layers.Dense(3)(layers.GlobalAveragePooling1D(data_format="channels_last")(y))


def _encoder_state(x: Any) -> Any:
    _, h, c = layers.LSTM(8, return_state=True)(x)
    return layers.Dense(3)(layers.LSTM(8)(x, initial_state=[h, c]))


def _states_used(x: Any) -> Any:
    _, h, c = layers.LSTM(8, return_state=True)(x)
    return layers.Dense(3)(layers.Concatenate()([h, c]))


def _per_step_and_whole(x: Any) -> Any:
    sequence = layers.GRU(8, return_sequences=True)(x)
    return [
        layers.Dense(4, activation="softmax", name="frames")(sequence),
        layers.Dense(2, name="clip")(layers.GRU(4)(sequence)),
    ]


SEQUENCES: Mapping[str, Example] = MappingProxyType({
    "HAR LSTM": Example(lambda: sequential(HAR, layers.LSTM(16), layers.Dropout(0.5), layers.Dense(8,
        activation="relu"),
        layers.Dense(6, activation="softmax"))),
    "HAR windows of Conv1D": Example(lambda: sequential((4, 16, 9),
        layers.TimeDistributed(layers.Conv1D(8, 3, activation="relu")), layers.TimeDistributed(layers.Dropout(0.5)),
        layers.TimeDistributed(layers.MaxPooling1D(2)), layers.TimeDistributed(layers.Flatten()), layers.LSTM(8),
        layers.Dense(6, activation="softmax"))),
    "HAR ConvLSTM2D": Example(lambda: sequential((4, 1, 16, 9), layers.ConvLSTM2D(8, (1, 3), activation="relu"),
        layers.Dropout(0.5), layers.Flatten(), layers.Dense(8, activation="relu"), layers.Dense(6,
        activation="softmax"))),
    "DeepConvLSTM": Example(lambda: sequential(HAR, *(layers.Conv1D(8, 5, activation="relu") for _ in range(4)),
        layers.LSTM(8, return_sequences=True), layers.LSTM(8), layers.Dense(6, activation="softmax"))),
    "HAR causal CNN-LSTM": Example(lambda: sequential(HAR, layers.Conv1D(16, 5, padding="causal", activation="relu"),
        layers.MaxPooling1D(2), layers.BatchNormalization(), layers.LSTM(16), layers.Dense(6, activation="softmax"))),
    "KWS CRNN": Example(lambda: sequential(KWS, layers.Reshape((49, 10, 1)),
        layers.Conv2D(8, (10, 4), strides=(2, 2), padding="same"), layers.BatchNormalization(), layers.ReLU(),
        layers.Reshape((-1, 40)), layers.Bidirectional(layers.GRU(8, return_sequences=True)),
        layers.Bidirectional(layers.GRU(8)), layers.Dense(12, activation="softmax"))),
    "KWS two GRUs": Example(lambda: sequential(KWS, layers.GRU(12, return_sequences=True), layers.GRU(12),
        layers.Dense(12, activation="softmax"))),
    "KWS streaming CRNN": Example(lambda: sequential((48, 10, 1), layers.ZeroPadding2D(((2, 0), (1, 1))),
        layers.Conv2D(8, 3, strides=(2, 2)), layers.BatchNormalization(), layers.ReLU(), layers.Reshape((24, 40)),
        layers.GRU(12), layers.Dense(12))),
    "ECG CNN-LSTM": Example(lambda: sequential((1000, 1), layers.Conv1D(8, 10, strides=5, activation="relu"),
        layers.MaxPooling1D(4), layers.Conv1D(8, 5, activation="relu"), layers.MaxPooling1D(4), layers.LSTM(8),
        layers.Dense(5, activation="softmax"))),
    "ECG residual": Example(lambda: functional((400, 1), _ecg_resnet)),
    "TFLite Micro mnist_lstm": Example(lambda: sequential((28, 28), layers.LSTM(20, return_sequences=True),
        layers.Flatten(), layers.Dense(10, activation="softmax", name="output"))),
    "weather forecast": Example(lambda: sequential((24, 7), layers.LSTM(32), layers.Dense(1))),
    "FCN series": Example(lambda: sequential((64, 1), layers.Conv1D(8, 3, padding="same"), layers.BatchNormalization(),
        layers.ReLU(), layers.Conv1D(8, 3, padding="same"), layers.BatchNormalization(), layers.ReLU(),
        layers.GlobalAveragePooling1D(), layers.Dense(2, activation="softmax"))),
    "Transformer series": Example(lambda: functional((20, 4), _transformer), "multi_head_attention"),
    "IMDB Bidirectional": Example(lambda: sequential((None,), layers.Embedding(50, 8),
        layers.Bidirectional(layers.LSTM(8)), layers.Dense(1, activation="sigmoid")), "fixed shape"),
    "text Embedding": Example(lambda: sequential((12,), layers.Embedding(50, 8, mask_zero=True),
        layers.SpatialDropout1D(0.2), layers.LSTM(8), layers.Dense(2)), "an Embedding"),
    "anomaly autoencoder": Example(lambda: sequential((32, 1), layers.Conv1D(8, 7, padding="same", strides=2,
        activation="relu"), layers.Dropout(0.2), layers.Conv1DTranspose(1, 7, padding="same", strides=2)),
        "conv1d_transpose"),
    "upsampling autoencoder": Example(lambda: sequential((32, 2), layers.Conv1D(8, 3, padding="same",
        activation="relu"),
        layers.MaxPooling1D(2), layers.UpSampling1D(2), layers.Conv1D(2, 3, padding="same", activation="sigmoid"))),
    "LSTM autoencoder": Example(lambda: sequential((10, 3), layers.LSTM(8, activation="relu"), layers.RepeatVector(10),
        layers.LSTM(8, activation="relu", return_sequences=True), layers.TimeDistributed(layers.Dense(3)))),
    "stock price": Example(lambda: sequential((30, 1), layers.LSTM(8, return_sequences=True), layers.Dropout(0.2),
        layers.LSTM(8, return_sequences=True), layers.Dropout(0.2), layers.LSTM(8), layers.Dense(1))),
    "WaveNet": Example(lambda: functional(HAR,
        lambda x: layers.Dense(3)(layers.GlobalAveragePooling1D()(_wavenet(x))))),
    "WaveNet before GRU": Example(lambda: functional(HAR, lambda x: layers.Dense(3)(layers.GRU(8)(_wavenet(x))))),
    "TCN": Example(lambda: functional(HAR, lambda x: layers.Dense(4, activation="softmax")(_tcn(x)[:, -1, :]))),
    "TCN each step": Example(lambda: functional(HAR, lambda x: layers.Conv1D(4, 1, activation="softmax")(_tcn(x)))),
    "TCN before LSTM": Example(lambda: functional(HAR, lambda x: layers.Dense(4)(layers.LSTM(8)(_tcn(x))))),
    "MLSTM-FCN": Example(lambda: functional((20, 6), _lstm_fcn)),
    "InceptionTime": Example(lambda: functional((32, 3), _inception)),
    "squeeze and excite": Example(lambda: functional((20, 8),
        lambda x: layers.Dense(3)(layers.GRU(8)(_squeeze_excite(x))))),
    **{f"Bidirectional {mode}": Example(lambda mode=mode: sequential((12, 6),  # type: ignore[misc]
        layers.Bidirectional(layers.LSTM(6, return_sequences=True), merge_mode=mode),
        layers.Bidirectional(layers.GRU(6), merge_mode=mode), layers.Dense(3))) for mode in ("concat", "sum", "mul",
        "ave")},
    "Bidirectional apart": Example(lambda: functional((12, 6), lambda x: layers.Dense(3)(
        layers.Subtract()(layers.Bidirectional(layers.LSTM(6), merge_mode=None)(x))))),
    "Bidirectional of two kinds": Example(lambda: sequential((12, 6), layers.Bidirectional(layers.LSTM(6),
        backward_layer=layers.GRU(6, go_backwards=True)), layers.Dense(3))),
    "Bidirectional RNN of cells": Example(lambda: sequential((12, 6),
        layers.Bidirectional(layers.RNN(layers.LSTMCell(6), return_sequences=True)), layers.LSTM(5), layers.Dense(3))),
    "backwards": Example(lambda: sequential((12, 6), layers.LSTM(6, go_backwards=True), layers.Dense(3))),
    "RNN of cells": Example(lambda: sequential((12, 6), layers.RNN([layers.LSTMCell(6), layers.GRUCell(5)]),
        layers.Dense(3))),
    "bare LSTM": Example(lambda: sequential((12, 6), layers.LSTM(6, use_bias=False, unit_forget_bias=False,
        recurrent_activation="hard_sigmoid", unroll=True, recurrent_dropout=0.2))),
    "GRU version 1": Example(lambda: sequential((12, 6), layers.GRU(6, reset_after=False, activation="relu"),
        layers.Dense(2,
        activation="sigmoid"))),
    "Attention layer": Example(lambda: functional((12, 6), lambda x: layers.Dense(3)(layers.Flatten()(
        layers.Attention()([layers.LSTM(4, return_sequences=True)(x), layers.Dense(4)(x)])))), "attention: "),
    "attention pooling": Example(lambda: functional((12, 6), _attention_pooling)),
    "attention over time": Example(lambda: functional((12, 6), _attention_over_time)),
    "dot product": Example(lambda: functional((12, 6), lambda x: layers.Dense(3)(layers.Dot(axes=1)(
        [layers.LSTM(6)(x), layers.GRU(6)(x)]))), "dot: "),
    "state to decoder": Example(lambda: functional((12, 6), _encoder_state), "initial state"),
    "states used": Example(lambda: functional((12, 6), _states_used)),
    "frames and clip": Example(lambda: functional((16, 6), _per_step_and_whole)),
    "stateful": Example(lambda: keras.Sequential([keras.Input(batch_shape=(1, 12, 6)), layers.LSTM(6, stateful=True),
        layers.Dense(3)]), "stateful=True"),
    "Masking": Example(lambda: sequential((12, 6), layers.Masking(-1.0), layers.LSTM(6), layers.Dense(3)), "masking: "),
    "any length": Example(lambda: sequential((None, 6), layers.LSTM(6), layers.Dense(3)), "fixed shape"),
    "normalised layers": Example(lambda: sequential((12, 6), layers.LayerNormalization(), layers.LSTM(8,
        return_sequences=True),
        layers.LayerNormalization(), layers.LSTM(6), layers.LayerNormalization(), layers.Dense(3))),
    "Conv1D stride 2 same": Example(lambda: sequential((32, 3), layers.Conv1D(8, 3, strides=2, padding="same",
        activation="relu"), layers.Conv1D(8, 3, strides=2, padding="same", activation="relu"), layers.GRU(8),
        layers.Dense(4))),
    "overlapping pools": Example(lambda: sequential((32, 3), layers.Conv1D(8, 3, padding="causal"),
        layers.MaxPooling1D(3, strides=2), layers.AveragePooling1D(3, strides=2, padding="same"), layers.LSTM(6),
        layers.Dense(3))),
    "SeparableConv1D": Example(lambda: sequential((32, 3), layers.SeparableConv1D(8, 3, padding="same",
        activation="relu"),
        layers.GlobalMaxPooling1D(), layers.Dense(4))),
    "groups": Example(lambda: sequential((20, 8), layers.Conv1D(8, 3, groups=4, padding="causal"), layers.LSTM(6),
        layers.Dense(3))),
    "noise": Example(lambda: sequential((20, 8), layers.GaussianNoise(0.1), layers.Dense(8, activation="swish"),
        layers.GaussianDropout(0.1), layers.LSTM(6), layers.AlphaDropout(0.1), layers.Dense(3, activation="selu"))),
    "ConvLSTM1D": Example(lambda: sequential((5, 12, 2), layers.ConvLSTM1D(4, 3, padding="same", return_sequences=True),
        layers.BatchNormalization(), layers.ConvLSTM1D(4, 3), layers.GlobalAveragePooling1D(), layers.Dense(3))),
})  # fmt: skip
