"""Networks over images and videos, as users write them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import keras
from keras import layers, ops

from tests.support.zoo.build import Example, functional, sequential

DIGIT = (28, 28, 1)


def _conv(filters: int, **options: Any) -> keras.Layer:
    return layers.Conv2D(filters, 3, **{"padding": "same", "activation": "relu", **options})


def _vgg_crnn(x: Any) -> Any:
    for filters, pool in ((4, (2, 2)), (8, (2, 2)), (8, (2, 1))):
        x = layers.MaxPooling2D(pool)(_conv(filters)(x))
    x = layers.BatchNormalization()(layers.Conv2D(8, (4, 1), activation="relu")(x))
    x = ops.squeeze(x, axis=1)
    x = layers.Bidirectional(layers.LSTM(6, return_sequences=True))(x)
    return layers.Dense(11, activation="softmax")(x)


def _crnn_permuted(x: Any) -> Any:
    x = layers.MaxPooling2D((2, 2))(_conv(4)(x))
    x = layers.MaxPooling2D((2, 2))(_conv(8)(x))
    x = layers.Permute((2, 1, 3))(x)
    x = layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]))(x)
    x = layers.Dense(12, activation="relu")(x)
    return layers.Dense(11, activation="softmax")(layers.LSTM(8, return_sequences=True)(x))


def _columns_causal(x: Any) -> Any:
    x = layers.Conv2D(4, 3, activation="relu")(layers.ZeroPadding2D(((1, 1), (2, 0)))(x))
    x = layers.MaxPooling2D(2)(layers.BatchNormalization()(x))
    x = layers.Permute((2, 1, 3))(x)
    x = layers.TimeDistributed(layers.Flatten())(x)
    return layers.Dense(10)(layers.LSTM(8)(x))


def _captcha(x: Any) -> Any:
    x = layers.MaxPooling2D((2, 2), name="pool1")(_conv(4, kernel_initializer="he_normal")(x))
    x = layers.MaxPooling2D((2, 2), name="pool2")(_conv(8, kernel_initializer="he_normal")(x))
    x = layers.Reshape(target_shape=(20, 5 * 8), name="reshape")(x)
    x = layers.Dropout(0.2)(layers.Dense(16, activation="relu")(x))
    x = layers.Bidirectional(layers.LSTM(8, return_sequences=True, dropout=0.25))(x)
    x = layers.Bidirectional(layers.LSTM(6, return_sequences=True, dropout=0.25))(x)
    return layers.Dense(12, activation="softmax")(x)


def _residual(x: Any) -> Any:
    x = layers.BatchNormalization()(_conv(8, activation=None, use_bias=False)(x))
    y = layers.ReLU()(layers.BatchNormalization()(_conv(8, activation=None, use_bias=False)(x)))
    y = layers.BatchNormalization()(_conv(8, activation=None, use_bias=False)(y))
    return layers.ReLU()(layers.add([x, y]))


def _inverted(x: Any) -> Any:
    y = layers.ReLU(6.0)(layers.BatchNormalization()(layers.Conv2D(12, 1, use_bias=False)(x)))
    y = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(y)
    y = layers.ReLU(6.0)(layers.BatchNormalization()(y))
    return layers.Add()([x, layers.BatchNormalization()(layers.Conv2D(4, 1, use_bias=False)(y))])


def _squeeze_excite(x: Any) -> Any:
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Conv2D(4, 1, activation="relu")(gate)
    return x * layers.Conv2D(x.shape[-1], 1, activation="hard_sigmoid")(gate)


def _ds_cnn() -> list[keras.Layer]:
    parts: list[keras.Layer] = [layers.Conv2D(8, (10, 4), strides=2, padding="same")]
    for _ in range(2):
        parts += [layers.BatchNormalization(), layers.ReLU(), layers.DepthwiseConv2D(3, padding="same")]
        parts += [layers.BatchNormalization(), layers.ReLU(), layers.Conv2D(8, 1)]
    return [*parts, layers.BatchNormalization(), layers.ReLU(), layers.Dropout(0.4)]


def _renet(x: Any) -> Any:
    rows = layers.LSTM(6)(layers.Reshape((28, 28))(x))
    columns = layers.LSTM(6)(layers.Permute((2, 1))(layers.Reshape((28, 28))(x)))
    return layers.Dense(10)(layers.Concatenate()([rows, columns]))


def _unet(x: Any) -> Any:
    down = _conv(4)(x)
    up = layers.UpSampling2D(2)(_conv(8)(layers.MaxPooling2D(2)(down)))
    return layers.Conv2D(1, 1, activation="sigmoid")(layers.Concatenate()([down, up]))


def _backbone() -> keras.Model:
    return keras.Sequential([
        keras.Input((12, 12, 3)), layers.Rescaling(2.0, offset=-1), layers.Conv2D(4, 3, strides=2, use_bias=False),
        layers.BatchNormalization(), layers.ReLU(6.0), layers.GlobalAveragePooling2D(),
    ])  # fmt: skip


def _functional_backbone(x: Any) -> Any:
    inner = keras.Input(DIGIT)
    backbone = keras.Model(inner, layers.MaxPooling2D(2)(_residual(inner)), name="backbone")
    return layers.Dense(10)(layers.GRU(6)(layers.Reshape((14, -1))(backbone(x))))


def _multi_scale(x: Any) -> Any:
    fine, coarse = layers.AveragePooling2D(2)(_conv(4)(x)), layers.Conv2D(4, 4, strides=2, padding="same")(x)
    x = layers.Maximum()([fine, coarse])
    return layers.Dense(10)(layers.SimpleRNN(6)(ops.mean(x, axis=2)))


IMAGES: Mapping[str, Example] = MappingProxyType({
    "digit rows": Example(lambda: sequential((28, 28), layers.LSTM(16), layers.Dense(10, activation="softmax"))),
    "digit CNN-LSTM": Example(lambda: sequential(DIGIT, _conv(4), layers.MaxPooling2D(), _conv(8),
        layers.MaxPooling2D(),
        layers.TimeDistributed(layers.Flatten()), layers.LSTM(8), layers.Dense(10, activation="softmax"))),
    "digit Reshape": Example(lambda: sequential(DIGIT, layers.Rescaling(2.0, offset=-1.0), _conv(4),
        layers.MaxPooling2D(2),
        layers.Reshape((14, -1)), layers.GRU(8), layers.Dense(10, activation="softmax"))),
    "digit one step": Example(lambda: sequential(DIGIT, _conv(4), layers.MaxPooling2D(4), layers.Reshape((-1,
        7 * 7 * 4)),
        layers.LSTM(8), layers.Dense(10))),
    "digit after Flatten": Example(lambda: sequential(DIGIT, _conv(4, strides=2), layers.Flatten(),
        layers.Reshape((14, 56)),
        layers.LSTM(8), layers.Dense(10))),
    "pixel by pixel": Example(lambda: sequential((8, 8, 1), layers.Reshape((64, 1)), layers.SimpleRNN(8,
        activation="relu"),
        layers.Dense(10, activation="softmax"))),
    "hierarchical": Example(lambda: sequential((12, 10, 1), layers.TimeDistributed(layers.LSTM(6)), layers.LSTM(6),
        layers.Dense(10, activation="softmax"))),
    "ReNet": Example(lambda: functional(DIGIT, _renet)),
    "VGG CRNN": Example(lambda: functional((32, 40, 1), _vgg_crnn)),
    "permuted CRNN": Example(lambda: functional((16, 40, 1), _crnn_permuted)),
    "causal columns": Example(lambda: functional((16, 24, 1), _columns_causal)),
    "captcha": Example(lambda: functional((80, 20, 1), _captcha)),
    "residual CNN": Example(lambda: functional((16, 16, 3), lambda x: layers.Dense(10)(
        layers.GlobalAveragePooling2D()(_residual(x))))),
    "residual CNN-LSTM": Example(lambda: functional((16, 16, 3), lambda x: layers.Dense(10)(
        layers.LSTM(8)(layers.Reshape((16, 128))(_residual(x)))))),
    "MobileNetV2 block": Example(lambda: functional((16, 16, 1), lambda x: layers.Dense(10)(
        layers.GRU(8)(layers.Reshape((8, 32))(_inverted(_conv(4, strides=2)(x))))))),
    "MobileNetV3 block": Example(lambda: functional((16, 16, 1),
        lambda x: layers.Dense(10)(layers.GlobalAveragePooling2D()(
        layers.Activation("hard_swish")(_squeeze_excite(_conv(8)(x))))))),
    "squeeze and excite CRNN": Example(lambda: functional((16, 16, 1), lambda x: layers.Dense(10)(layers.GRU(6)(
        layers.Reshape((16, -1))(_squeeze_excite(_conv(8)(x))))))),
    "DS-CNN": Example(lambda: sequential((49, 10, 1), *_ds_cnn(), layers.GlobalAveragePooling2D(),
        layers.Dense(12, activation="softmax"))),
    "DS-CNN pooled": Example(lambda: sequential((49, 10, 1), *_ds_cnn(), layers.AveragePooling2D((25, 5)),
        layers.Flatten(),
        layers.Dense(12, activation="softmax"))),
    "SeparableConv2D CRNN": Example(lambda: sequential((20, 16, 1), layers.SeparableConv2D(6, 3, padding="same",
        activation="relu"), layers.MaxPooling2D((1, 4)), layers.Reshape((20, 24)), layers.LSTM(8), layers.Dense(4))),
    "LeNet": Example(lambda: sequential(DIGIT, layers.Conv2D(6, 5, activation="tanh"), layers.AveragePooling2D(2),
        layers.Conv2D(8, 5, activation="tanh"), layers.AveragePooling2D(2), layers.Flatten(), layers.Dense(16,
        activation="tanh"),
        layers.Dense(10, activation="softmax"))),
    "U-Net": Example(lambda: functional((16, 16, 1), _unet)),
    "backbone of a function": Example(lambda: functional(DIGIT, _functional_backbone)),
    "video": Example(lambda: sequential((5, 12, 12, 3), layers.TimeDistributed(_conv(4, padding="valid")),
        layers.TimeDistributed(layers.MaxPooling2D((2, 2))), layers.TimeDistributed(layers.Flatten()), layers.LSTM(8),
        layers.Dense(3, activation="softmax"))),
    "video of a backbone": Example(lambda: sequential((5, 12, 12, 3), layers.TimeDistributed(_backbone()),
        layers.GRU(8, return_sequences=True), layers.GRU(4), layers.Dropout(0.4), layers.Dense(3,
        activation="softmax"))),
    "next frame": Example(lambda: sequential((5, 8, 8, 1), layers.ConvLSTM2D(4, (5, 5), padding="same",
        return_sequences=True, activation="relu"), layers.BatchNormalization(), layers.ConvLSTM2D(4, (3, 3),
        padding="same",
        return_sequences=True), layers.Conv3D(1, (3, 3, 3), activation="sigmoid", padding="same")), "conv3d"),
    "ConvLSTM2D": Example(lambda: sequential((5, 10, 10, 2), layers.ConvLSTM2D(4, 3, return_sequences=True),
        layers.BatchNormalization(), layers.ConvLSTM2D(4, 3, strides=2), layers.GlobalAveragePooling2D(),
        layers.Dense(3))),
    "ConvLSTM2D pooled": Example(lambda: sequential((4, 8, 8, 1), layers.ConvLSTM2D(4, 3, padding="same",
        return_sequences=True),
        layers.TimeDistributed(layers.MaxPooling2D(2)), layers.TimeDistributed(layers.Flatten()), layers.LSTM(6),
        layers.Dense(3))),
    "Conv3D": Example(lambda: sequential((5, 8, 8, 1), layers.Conv3D(4, 3), layers.Flatten(), layers.Dense(3)),
        "conv3d"),
    "dilated": Example(lambda: sequential((20, 20, 1), _conv(4, dilation_rate=2), layers.DepthwiseConv2D(3,
        padding="same",
        dilation_rate=2, depth_multiplier=2), layers.LeakyReLU(0.1), layers.Reshape((20, 160)), layers.LSTM(6),
        layers.Dense(3))),
    "asymmetric strides": Example(lambda: sequential((24, 20, 1), layers.Conv2D(4, (3, 5), strides=(1, 2),
        padding="same"),
        layers.PReLU(shared_axes=[1, 2]), layers.MaxPooling2D((2, 1)), layers.TimeDistributed(layers.Flatten()),
        layers.LSTM(6),
        layers.Dense(3))),
    "multi-scale rows": Example(lambda: functional((16, 16, 1), _multi_scale)),
    "greatest of each row": Example(lambda: functional((16, 16, 1), lambda x: layers.Dense(4)(layers.LSTM(6)(
        ops.max(_conv(6)(x), axis=2))))),
    "greatest of each column": Example(lambda: functional((16, 16, 1), lambda x: layers.Dense(4)(layers.LSTM(6)(
        ops.max(_conv(6)(x), axis=1))))),
    "colour rows": Example(lambda: sequential((16, 16, 3), layers.Normalization(mean=[0.5, 0.4, 0.4], variance=[0.1,
        0.1, 0.2]),
        layers.Reshape((16, 48)), layers.LSTM(8), layers.Dense(10, activation="softmax"))),
    "cropped": Example(lambda: sequential((20, 20, 1), layers.Cropping2D(2), _conv(4), layers.Reshape((16, 64)),
        layers.LSTM(6), layers.Dense(4))),
    "GroupNormalization": Example(lambda: sequential((16, 16, 1), _conv(8, activation=None),
        layers.GroupNormalization(4),
        layers.ReLU(), layers.Reshape((16, 128)), layers.LSTM(6), layers.Dense(4))),
})  # fmt: skip
