"""Lowers a trained Keras network to what inference computes, on one crop of fixed shape.

Batch normalisation folds into the convolution before it, dropout vanishes, each LSTM is unrolled, weights become
constants. Not quantisation: the result is float.

Source: Jacob et al., Quantization and Training of Neural Networks, 2018, section 3.2 (folding).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import cast

import keras
import tensorflow as tf
from keras import layers

from converters.convolution import kernel_and_bias, lower_convolution, scale_and_shift
from converters.unroll import unroll

Operation = Callable[[tf.Tensor], tf.Tensor]

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
        operations = lowered(network.layers)
        crop = tf.TensorSpec((1, *network.input_shape[1:]), tf.float32, name="crop")

        def classify(crop: tf.Tensor) -> dict[str, tf.Tensor]:
            for operation in operations:
                crop = operation(crop)
            return {"logits": crop}

        self.classify = tf.function(classify, input_signature=[crop], autograph=False)


def lowered(network: Sequence[keras.Layer]) -> Sequence[Operation]:
    """Returns what the layers of a built network compute, one after another.

    Raises:
        ValueError: a layer cannot be lowered; the message names it and the reason.
    """
    waiting = deque(layer for layer in network if not isinstance(layer, _VANISH))
    operations: list[Operation] = []
    while waiting:
        around = _taken(waiting, layers.ZeroPadding2D) if _is_padded_convolution(waiting) else None
        layer = waiting.popleft()
        if isinstance(layer, _CONVOLUTIONS):
            linear = layer.activation is keras.activations.linear
            normalisation = _taken(waiting, layers.BatchNormalization) if linear else None
            operations.append(lower_convolution(layer, around, normalisation))
        else:
            operations.append(_lower(layer))
    return operations


def _is_padded_convolution(waiting: Sequence[keras.Layer]) -> bool:
    return len(waiting) > 1 and isinstance(waiting[0], layers.ZeroPadding2D) and isinstance(waiting[1], layers.Conv2D)


def _taken(waiting: deque[keras.Layer], kind: type[keras.Layer]) -> keras.Layer | None:
    return waiting.popleft() if waiting and isinstance(waiting[0], kind) else None


def _lower(layer: keras.Layer) -> Operation:
    if isinstance(layer, layers.LSTM):
        return _lstm(layer)
    if isinstance(layer, layers.Dense):
        return _dense(layer)
    if isinstance(layer, layers.BatchNormalization):
        return _normalisation(layer)
    if isinstance(layer, _WITHOUT_WEIGHTS):
        # Not the layer itself: it would put its name, in which Keras counts layers up, on the tensors in the file.
        return cast("Operation", layer.call)
    raise ValueError(f"{layer.name}: a {type(layer).__name__} cannot be lowered: nothing here says how it is computed")


def _lstm(layer: layers.LSTM) -> Operation:
    unrolled = unroll(layer)

    def run(sequence: tf.Tensor) -> tf.Tensor:
        hidden = unrolled(tf.reshape(sequence, sequence.shape[1:]))
        return hidden[tf.newaxis] if unrolled.return_sequences else hidden

    return run


def _dense(layer: layers.Dense) -> Operation:
    kernel, bias = kernel_and_bias(layer)
    return lambda x: layer.activation(tf.matmul(x, kernel) + bias)


def _normalisation(layer: layers.BatchNormalization) -> Operation:
    scale, shift = scale_and_shift(layer)
    return lambda x: x * scale + shift


def _refuse_probabilities(network: keras.Sequential) -> None:
    head = network.layers[-1]
    if isinstance(head, layers.Softmax) or getattr(head, "activation", None) is keras.activations.softmax:
        raise ValueError(f"{head.name}: expected a network that gives logits. Received one that ends in a softmax")
