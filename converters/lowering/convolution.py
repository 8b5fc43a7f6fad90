"""A convolution as inference computes it: weights folded, padding explicit, rows first.

Source: Chellapilla, Puri, Simard, High Performance Convolutional Neural Networks for Document Processing, 2006
(the pixels of a window laid out side by side, so that a convolution is one dense product).
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from converters.lowering.lstm import Function
from device.arrays import Float32

Padding = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Convolution:
    """A convolution over rows, or over rows and columns.

    `kernel <float32>[rows, (columns,) channels, filters]`; `padding` is (before, after) along each dimension.
    """

    name: str
    kernel: Float32
    bias: Float32
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    padding: Padding
    activation: Function

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """Returns the convolved map `[1, rows, (columns,) filters]` of a map `[1, rows, (columns,) channels]`."""
        if not self._has_one_channel:
            return self._convolved(_padded(x, self.padding), self.kernel)
        rows, columns, _, filters = self.kernel.shape
        windows = _windows(x, self.padding, (rows, columns))
        return self._convolved(windows, self.kernel.reshape(1, 1, rows * columns, filters))

    @property
    def _has_one_channel(self) -> bool:
        return self.kernel.ndim == 4 and self.kernel.shape[2] == 1 and {*self.strides, *self.dilations} == {1}

    def _convolved(self, x: tf.Tensor, kernel: Float32) -> tf.Tensor:
        convolved = tf.nn.convolution(x, kernel, self.strides, "VALID", dilations=self.dilations)
        return self.activation(convolved + self.bias)


def lower_convolution(
    layer: layers.Conv1D | layers.Conv2D,
    margin: layers.ZeroPadding2D | None,
    normalisation: layers.BatchNormalization | None,
) -> Convolution:
    """Returns a built convolution layer with the zero padding before it and the batch normalisation after it.

    Raises ValueError if the layer does not keep channels last.
    """
    if layer.data_format != "channels_last":
        raise ValueError(f"{layer.name}: Expected channels_last. Received: {layer.data_format}")
    kernel, bias = kernel_and_bias(layer)
    if normalisation is not None:
        scale, shift = scale_and_shift(normalisation)
        kernel, bias = kernel * scale, bias * scale + shift
    padding = _own_padding(layer)
    if margin is not None:
        padding = tuple((a + b, c + d) for (a, c), (b, d) in zip(padding, margin.padding, strict=True))
    return Convolution(layer.name, kernel, bias, layer.strides, layer.dilation_rate, padding, layer.activation)


def kernel_and_bias(layer: keras.Layer) -> tuple[Float32, Float32]:
    """Returns a layer's weights; the bias is zero if the layer has none."""
    kernel = np.asarray(layer.kernel, np.float32)
    return kernel, np.asarray(layer.bias, np.float32) if layer.use_bias else np.zeros(kernel.shape[-1], np.float32)


def scale_and_shift(layer: layers.BatchNormalization) -> tuple[Float32, Float32]:
    """Returns batch normalisation at inference, written as `x * scale + shift`, both `<float32>[channels]`.

    Raises ValueError if the layer does not normalise the last axis.
    """
    if layer.axis not in (-1, len(layer.input.shape) - 1):
        raise ValueError(f"{layer.name}: Expected batch normalisation of the last axis. Received: axis={layer.axis}")
    mean, variance = np.asarray(layer.moving_mean), np.asarray(layer.moving_variance)
    gamma = np.asarray(layer.gamma) if layer.scale else np.ones_like(mean)
    beta = np.asarray(layer.beta) if layer.center else np.zeros_like(mean)
    scale = gamma / np.sqrt(variance + layer.epsilon)
    return scale, beta - mean * scale


def _own_padding(layer: layers.Conv1D | layers.Conv2D) -> Padding:
    reach = [dilation * (size - 1) for dilation, size in zip(layer.dilation_rate, layer.kernel_size, strict=True)]
    if layer.padding == "causal":
        return ((reach[0], 0),)
    if layer.padding == "valid":
        return ((0, 0),) * len(reach)
    return tuple(
        _same_padding(size, stride, more)
        for size, stride, more in zip(layer.input.shape[1:-1], layer.strides, reach, strict=True)
    )


def _same_padding(size: int, stride: int, reach: int) -> tuple[int, int]:
    whole = max((-(-size // stride) - 1) * stride + reach + 1 - size, 0)
    return whole // 2, whole - whole // 2


def _padded(x: tf.Tensor, padding: Padding) -> tf.Tensor:
    return tf.pad(x, ((0, 0), *padding, (0, 0))) if any(map(any, padding)) else x


def _windows(x: tf.Tensor, padding: Padding, kernel: tuple[int, int]) -> tf.Tensor:
    """Returns the pixels of each window of an image `[1, height, width, 1]` as channels.

    Kernels take channels in groups of four or eight, so with one channel they multiply mostly padding. The products
    stay the same, and so does their sum in int32.
    """
    # Without the axis of one channel, over which kernels would pad pixel by pixel.
    image = tf.reshape(x, x.shape[:3])
    image = tf.pad(image, ((0, 0), *padding)) if any(map(any, padding)) else image
    rows, columns = kernel
    height, width = image.shape[1] - rows + 1, image.shape[2] - columns + 1
    # Columns first: a slice of rows is one block of memory.
    beside = tf.concat([image[:, :, column : column + width] for column in range(columns)], axis=0)
    pixels = tf.concat([beside[:, row : row + height] for row in range(rows)], axis=0)
    return tf.reshape(tf.transpose(pixels, (1, 2, 0)), (1, height, width, rows * columns))
