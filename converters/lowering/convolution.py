"""A convolution as inference computes it: weights folded, padding explicit, rows first.

Source: Chellapilla, Puri, Simard, High Performance Convolutional Neural Networks for Document Processing, 2006
(the pixels of a window laid out side by side, so that a convolution is one dense product).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from converters.lowering.refusal import LayerRefusal
from device.arrays import Float32

Function = Callable[[tf.Tensor], tf.Tensor]
Padding = tuple[tuple[int, int], ...]
_DEPTHWISE = (layers.DepthwiseConv1D, layers.DepthwiseConv2D)


@dataclass(frozen=True)
class Convolution:
    """A convolution over rows, or over rows and columns.

    `kernel <float32>[rows, (columns,) channels, filters]`, or with `depthwise`, where each channel has filters of its
    own, `[rows, (columns,) channels, filters of each]`; `padding` is (before, after) along each dimension.
    """

    name: str
    kernel: Float32
    bias: Float32
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    padding: Padding
    activation: Function
    depthwise: bool = False

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """Returns the convolved maps `[n, rows, (columns,) filters]` of maps `[n, rows, (columns,) channels]`."""
        if x.shape[0] != 1 or not self._has_one_channel:
            return self._convolved(_padded(x, self.padding), self.kernel)
        rows, columns, _, filters = self.kernel.shape
        windows = _windows(x, self.padding, (rows, columns))
        return self._convolved(windows, self.kernel.reshape(1, 1, rows * columns, filters))

    @property
    def reach(self) -> int:
        """How many rows a window spans, less one."""
        return self.dilations[0] * (len(self.kernel) - 1)

    @property
    def _has_one_channel(self) -> bool:
        whole = self.kernel.ndim == 4 and not self.depthwise
        return whole and self.kernel.shape[2] == 1 and {*self.strides, *self.dilations} == {1}

    def _convolved(self, x: tf.Tensor, kernel: Float32) -> tf.Tensor:
        if self.depthwise:
            return self.activation(self._depthwise(x, kernel) + self.bias)
        return self.activation(self._summed(x, kernel) + self.bias)

    def _summed(self, x: tf.Tensor, kernel: Float32) -> tf.Tensor:
        if max(self.dilations) == 1:
            return tf.nn.convolution(x, kernel, self.strides, "VALID")
        # In one dimension TensorFlow would write a dilated convolution as three operators, of which int8 lacks two.
        if x.shape.rank == 4:
            return tf.nn.conv2d(x, kernel, self.strides, "VALID", dilations=self.dilations)
        maps, strides, dilations = x[:, :, tf.newaxis], (self.strides[0], 1), (self.dilations[0], 1)
        maps = tf.nn.conv2d(maps, kernel[:, None], strides, "VALID", dilations=dilations)
        return tf.reshape(maps, (*maps.shape[:2], maps.shape[3]))

    def _depthwise(self, x: tf.Tensor, kernel: Float32) -> tf.Tensor:
        if x.shape.rank == 4:
            strides = (1, *self.strides, 1)
            return tf.nn.depthwise_conv2d(x, kernel, strides, "VALID", dilations=self.dilations)
        strides, dilations = (1, self.strides[0], self.strides[0], 1), (self.dilations[0], 1)
        maps = tf.nn.depthwise_conv2d(x[:, :, tf.newaxis], kernel[:, None], strides, "VALID", dilations=dilations)
        return tf.reshape(maps, (*maps.shape[:2], maps.shape[3]))


@dataclass(frozen=True)
class Surroundings:
    """What folds into a convolution: zero padding before it and batch normalisation after it, where there are any.

    `size` is that of the map which the zero padding, or else the convolution, takes: `(rows, (columns))`.
    """

    size: tuple[int, ...]
    margin: layers.ZeroPadding1D | layers.ZeroPadding2D | None = None
    normalisation: layers.BatchNormalization | None = None


def lower_convolution(layer: keras.Layer, around: Surroundings) -> Convolution:
    """Returns a built Conv1D, Conv2D, DepthwiseConv1D or DepthwiseConv2D with what folds into it.

    Raises LayerRefusal if the layer does not keep channels last.
    """
    require_channels_last(layer)
    depthwise = isinstance(layer, _DEPTHWISE)
    kernel, bias = kernel_and_bias(layer)
    if around.normalisation is not None:
        scale, shift = scale_and_shift(around.normalisation, kernel.ndim)
        kernel, bias = kernel * (scale.reshape(kernel.shape[-2:]) if depthwise else scale), bias * scale + shift
    return Convolution(
        layer.name, kernel, bias, layer.strides, layer.dilation_rate, whole_padding(layer, around), layer.activation,
        depthwise,
    )  # fmt: skip


def lower_separable(layer: keras.Layer, around: Surroundings) -> tuple[Convolution, Convolution]:
    """Returns the two convolutions of a built SeparableConv1D or SeparableConv2D.

    Source: Chollet, Xception: Deep Learning with Depthwise Separable Convolutions, 2017.
    """
    require_channels_last(layer)
    depthwise, pointwise = np.asarray(layer.depthwise_kernel), np.asarray(layer.pointwise_kernel)
    channels, filters = pointwise.shape[-2:]
    bias = np.asarray(layer.bias) if layer.use_bias else np.zeros(filters, np.float32)
    ones = (1,) * len(layer.strides)
    spread = Convolution(
        layer.name, depthwise, np.zeros(channels, np.float32), layer.strides, layer.dilation_rate,
        whole_padding(layer, around), tf.identity, depthwise=True,
    )  # fmt: skip
    mixed = Convolution(layer.name, pointwise, bias, ones, ones, ((0, 0),) * len(ones), layer.activation)
    return spread, mixed


def whole_padding(layer: keras.Layer, around: Surroundings) -> Padding:
    """Returns a convolution's own padding and the margin before it."""
    margin, size = around.margin, around.size
    if margin is None:
        return own_padding(layer.padding, layer.kernel_size, layer.strides, layer.dilation_rate, size)
    outer = (margin.padding,) if isinstance(margin, layers.ZeroPadding1D) else margin.padding
    size = tuple(before + each + after for each, (before, after) in zip(size, outer, strict=True))
    inner = own_padding(layer.padding, layer.kernel_size, layer.strides, layer.dilation_rate, size)
    return tuple((a + b, c + d) for (a, c), (b, d) in zip(inner, outer, strict=True))


def require_channels_last(layer: keras.Layer) -> None:
    """Raises LayerRefusal if a layer keeps its channels elsewhere."""
    # Layers of one dimension may have no choice, and operations none made.
    kept = getattr(layer, "data_format", None) or "channels_last"
    if kept != "channels_last":
        raise LayerRefusal(f'Expected data_format="channels_last". Received: {kept}')


def kernel_and_bias(layer: keras.Layer) -> tuple[Float32, Float32]:
    """Returns a layer's weights; the bias is zero if the layer has none."""
    kernel = np.asarray(layer.kernel, np.float32)
    if layer.use_bias:
        return kernel, np.asarray(layer.bias, np.float32)
    filters = math.prod(kernel.shape[-2:]) if isinstance(layer, _DEPTHWISE) else kernel.shape[-1]
    return kernel, np.zeros(filters, np.float32)


def scale_and_shift(layer: layers.BatchNormalization, rank: int) -> tuple[Float32, Float32]:
    """Returns batch normalisation at inference, written as `x * scale + shift`, both `<float32>[channels]`.

    Raises LayerRefusal if the layer does not normalise the last of so many axes.
    """
    if layer.axis not in (-1, rank - 1):
        raise LayerRefusal(f"Expected batch normalisation of the last axis. Received: axis={layer.axis}")
    mean, variance = np.asarray(layer.moving_mean), np.asarray(layer.moving_variance)
    gamma = np.asarray(layer.gamma) if layer.scale else np.ones_like(mean)
    beta = np.asarray(layer.beta) if layer.center else np.zeros_like(mean)
    scale = gamma / np.sqrt(variance + layer.epsilon)
    return scale, beta - mean * scale


def own_padding(
    padding: str, window: Sequence[int], strides: Sequence[int], dilations: Sequence[int], size: Sequence[int]
) -> Padding:
    """Returns the zeros (before, after) along each dimension that a layer with this `padding` adds to a map."""
    reach = [dilation * (length - 1) for dilation, length in zip(dilations, window, strict=True)]
    if padding == "causal":
        return ((reach[0], 0),)
    if padding == "valid":
        return ((0, 0),) * len(reach)
    return tuple(map(_same_padding, size, strides, reach))


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
