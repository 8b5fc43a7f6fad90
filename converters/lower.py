"""Lowers a trained Keras network to what inference computes, on one crop of fixed shape.

Batch normalisation folds into the convolution before it, dropout vanishes, each LSTM is unrolled, weights become
constants. Not quantisation: the result is float.

Source: Jacob et al., Quantization and Training of Neural Networks, 2018, section 3.2 (folding).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from keras import layers

from converters.unroll import unroll

Operation = Callable[[tf.Tensor], tf.Tensor]
Weights = npt.NDArray[np.float32]

_CONVOLUTIONS = (layers.Conv1D, layers.Conv2D)
_VANISH = (layers.InputLayer, layers.Dropout, layers.SpatialDropout1D, layers.SpatialDropout2D, layers.GaussianNoise)
_WITHOUT_WEIGHTS = (
    layers.Activation, layers.AveragePooling1D, layers.AveragePooling2D, layers.Cropping2D, layers.Flatten,
    layers.MaxPooling1D, layers.MaxPooling2D, layers.Permute, layers.ReLU, layers.LeakyReLU, layers.Reshape,
    layers.ZeroPadding1D, layers.ZeroPadding2D,
)  # fmt: skip


class InferenceNetwork(tf.Module):  # type: ignore[misc]  # tensorflow has no types
    """A network as inference computes it: `classify(crop <float32>[1, 28, 28, 1]) → logits <float32>[1, 10]`."""

    def __init__(self, network: keras.Sequential) -> None:
        """Lowers `network`.

        Raises:
            ValueError: a layer cannot be lowered; the message names it and the reason.
        """
        super().__init__()
        _refuse_probabilities(network)
        operations = _lowered(network)
        crop = tf.TensorSpec((1, *network.input_shape[1:]), tf.float32, name="crop")

        def classify(crop: tf.Tensor) -> dict[str, tf.Tensor]:
            for operation in operations:
                crop = operation(crop)
            return {"logits": crop}

        self.classify = tf.function(classify, input_signature=[crop], autograph=False)


def _lowered(network: keras.Sequential) -> list[Operation]:
    waiting = deque(layer for layer in network.layers if not isinstance(layer, _VANISH))
    operations = []
    while waiting:
        layer = waiting.popleft()
        normalisation = waiting.popleft() if waiting and _folds(layer, waiting[0]) else None
        operations.append(_convolution(layer, normalisation) if isinstance(layer, _CONVOLUTIONS) else _lower(layer))
    return operations


def _folds(layer: keras.Layer, following: keras.Layer) -> bool:
    linear = isinstance(layer, _CONVOLUTIONS) and layer.activation is keras.activations.linear
    return linear and isinstance(following, layers.BatchNormalization)


def _lower(layer: keras.Layer) -> Operation:
    if isinstance(layer, layers.LSTM):
        return _lstm(layer)
    if isinstance(layer, layers.Dense):
        return _dense(layer)
    if isinstance(layer, layers.BatchNormalization):
        return _normalisation(layer)
    if isinstance(layer, _WITHOUT_WEIGHTS):
        return partial(layer)
    raise ValueError(f"{layer.name}: a {type(layer).__name__} cannot be lowered: nothing here says how it is computed")


def _lstm(layer: layers.LSTM) -> Operation:
    unrolled = unroll(layer)

    def run(sequence: tf.Tensor) -> tf.Tensor:
        with tf.name_scope(layer.name):
            hidden = unrolled(tf.reshape(sequence, sequence.shape[1:]))
        return hidden[tf.newaxis] if unrolled.return_sequences else hidden

    return run


def _dense(layer: layers.Dense) -> Operation:
    kernel, bias = _kernel_and_bias(layer)
    return lambda x: layer.activation(tf.matmul(x, kernel) + bias)


def _normalisation(layer: layers.BatchNormalization) -> Operation:
    scale, shift = _scale_and_shift(layer)
    return lambda x: x * scale + shift


def _convolution(layer: keras.Layer, normalisation: layers.BatchNormalization | None) -> Operation:
    kernel, bias = _kernel_and_bias(layer)
    if normalisation is not None:
        scale, shift = _scale_and_shift(normalisation)
        kernel, bias = kernel * scale, bias * scale + shift
    above = layer.dilation_rate[0] * (layer.kernel_size[0] - 1) if layer.padding == "causal" else 0
    padding = "VALID" if layer.padding == "causal" else layer.padding.upper()

    def convolve(x: tf.Tensor) -> tf.Tensor:
        padded = tf.pad(x, ((0, 0), (above, 0), (0, 0))) if above else x
        return layer.activation(
            tf.nn.convolution(padded, kernel, layer.strides, padding, dilations=layer.dilation_rate) + bias
        )

    return convolve


def _kernel_and_bias(layer: keras.Layer) -> tuple[Weights, Weights]:
    kernel = np.asarray(layer.kernel, np.float32)
    return kernel, np.asarray(layer.bias, np.float32) if layer.use_bias else np.zeros(kernel.shape[-1], np.float32)


def _scale_and_shift(layer: layers.BatchNormalization) -> tuple[Weights, Weights]:
    mean, variance = np.asarray(layer.moving_mean), np.asarray(layer.moving_variance)
    gamma = np.asarray(layer.gamma) if layer.scale else np.ones_like(mean)
    beta = np.asarray(layer.beta) if layer.center else np.zeros_like(mean)
    scale = gamma / np.sqrt(variance + layer.epsilon)
    return scale, beta - mean * scale


def _refuse_probabilities(network: keras.Sequential) -> None:
    head = network.layers[-1]
    if isinstance(head, layers.Softmax) or getattr(head, "activation", None) is keras.activations.softmax:
        raise ValueError(f"{head.name}: expected a network that gives logits. Received one that ends in a softmax")
