"""What each kind of Keras layer computes at inference, by exact type: a subclass may compute something else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from converters.lowering.convolution import (
    Surroundings,
    kernel_and_bias,
    lower_convolution,
    lower_separable,
    require_channels_last,
    scale_and_shift,
)
from converters.lowering.layer_graph import Call
from converters.lowering.operations import (
    Activation,
    Dense,
    LastStep,
    Merge,
    Operation,
    Pointwise,
    Pooling,
    Reordering,
    Summary,
    Whole,
)
from converters.lowering.recurrent import lower_both_ways, lower_maps, lower_recurrent
from converters.lowering.refusal import LayerRefusal

Lower = Callable[[Call, Surroundings], Sequence[Operation]]


def lower_layer(call: Call, around: Surroundings) -> Sequence[Operation]:
    """Returns what a layer computes, one operation after another; raises LayerRefusal with the reason if it cannot."""
    layer = call.layer
    lower = _LAYERS.get(type(layer)) or _OPERATIONS.get(type(layer).__name__ if _is_plain_operation(layer) else "")
    if lower is None:
        advice = _ADVICE.get(type(layer).__name__, "nothing here says how it is computed")
        raise LayerRefusal(f"a {type(layer).__name__} cannot be lowered: {advice}")
    return lower(call, around)


def _is_plain_operation(layer: keras.Operation) -> bool:
    return not isinstance(layer, keras.Layer)


def _convolution(call: Call, around: Surroundings) -> Sequence[Operation]:
    return (lower_convolution(call.layer, around),)


def _separable(call: Call, around: Surroundings) -> Sequence[Operation]:
    return lower_separable(call.layer, around)


def _dense(call: Call, _: Surroundings) -> Sequence[Operation]:
    return (Dense(call.layer.name, *kernel_and_bias(call.layer), call.layer.activation),)


def _batch_normalisation(call: Call, _: Surroundings) -> Sequence[Operation]:
    scale, shift = scale_and_shift(call.layer)
    return (Pointwise(call.layer.name, lambda x: x * scale + shift),)


def _layer_normalisation(call: Call, _: Surroundings) -> Sequence[Operation]:
    """Source: Ba, Kiros, Hinton, Layer Normalization, 2016."""
    layer, rank = call.layer, len(call.layer.input.shape)
    axes = sorted(axis % rank for axis in (layer.axis if isinstance(layer.axis, (list, tuple)) else [layer.axis]))
    weights = (1,) * axes[0] + tuple(layer.input.shape[axes[0] :])
    weights = tuple(size if axis in axes else 1 for axis, size in enumerate(weights))
    gamma = np.asarray(layer.gamma).reshape(weights) if layer.scale else None
    beta = np.asarray(layer.beta).reshape(weights) if layer.center else None

    def normalised(x: tf.Tensor) -> tf.Tensor:
        difference = x - tf.reduce_mean(x, axes, keepdims=True)
        variance = tf.reduce_mean(difference * difference, axes, keepdims=True)
        y = difference * tf.math.rsqrt(variance + layer.epsilon)
        y = y if gamma is None else y * gamma
        return y if beta is None else y + beta

    return ((Whole if 1 in axes else Pointwise)(layer.name, normalised),)


def _rescaling(call: Call, _: Surroundings) -> Sequence[Operation]:
    return (_affine(call.layer.name, np.asarray(call.layer.scale), np.asarray(call.layer.offset)),)


def _normalisation(call: Call, _: Surroundings) -> Sequence[Operation]:
    layer = call.layer
    deviation = np.maximum(np.sqrt(np.asarray(layer.variance)), keras.backend.epsilon())
    mean = np.asarray(layer.mean)
    if layer.invert:
        return (_affine(layer.name, deviation, mean),)
    return (_affine(layer.name, 1 / deviation, -mean / deviation),)


def _affine(name: str, scale: Any, offset: Any) -> Operation:
    scale, offset = np.asarray(scale, np.float32), np.asarray(offset, np.float32)
    # One number for all channels stays one: it can be folded into the input's scale.
    scale, offset = (each.flat[0] if np.ptp(each) == 0 else each for each in (scale, offset))
    if not np.any(offset):
        return Pointwise(name, lambda x: x * scale)
    return Pointwise(name, lambda x: x * scale + offset)


def _activation(call: Call, _: Surroundings) -> Sequence[Operation]:
    # `layer.call`, not the layer: Keras numbers layers, and the numbers would end up in the names of tensors.
    layer = call.layer
    return (Activation(layer.name, getattr(layer, "activation", None) or layer.call),)


def _softmax(call: Call, _: Surroundings) -> Sequence[Operation]:
    if call.layer.axis != -1:
        raise LayerRefusal(f"Expected a softmax over the last axis. Received: axis={call.layer.axis}")
    return (Activation(call.layer.name, keras.activations.softmax),)


def _prelu(call: Call, _: Surroundings) -> Sequence[Operation]:
    """Source: He et al., Delving Deep into Rectifiers, 2015."""
    slope = np.asarray(call.layer.alpha)

    def prelu(x: tf.Tensor) -> tf.Tensor:
        positive = tf.nn.relu(x)
        return positive + slope * (x - positive)

    differs_by_row = slope.ndim > 1 and slope.shape[0] > 1
    return ((Whole if differs_by_row else Pointwise)(call.layer.name, prelu),)


def _pooling(call: Call, _: Surroundings) -> Sequence[Operation]:
    layer = call.layer
    require_channels_last(layer)
    tiles = layer.padding == "valid" and layer.pool_size[0] == layer.strides[0]
    return (Pooling(layer.name, layer.call, layer.pool_size[0], tiles),)


def _greatest(call: Call, _: Surroundings) -> Sequence[Operation]:
    require_channels_last(call.layer)
    keepdims = call.layer.keepdims

    def greatest(x: tf.Tensor) -> tf.Tensor:
        # As pooling, because int8 has no kernel for a maximum over an axis.
        maps = x if x.shape.rank == 4 else x[:, :, tf.newaxis]
        pooled = tf.nn.max_pool2d(maps, maps.shape[1:3], 1, "VALID")
        ones = (1,) * (x.shape.rank - 2) if keepdims else ()
        return tf.reshape(pooled, (1, *ones, x.shape[-1]))

    return (Summary(call.layer.name, greatest),)


def _repeated(call: Call, _: Surroundings) -> Sequence[Operation]:
    times = call.layer.n
    return (Reordering(call.layer.name, lambda x: tf.concat([x[:, tf.newaxis]] * times, axis=1), moves_time=False),)


def _summary(call: Call, _: Surroundings) -> Sequence[Operation]:
    require_channels_last(call.layer)
    return (Summary(call.layer.name, call.layer.call),)


def _permute(call: Call, _: Surroundings) -> Sequence[Operation]:
    layer = call.layer
    if layer.dims[0] == 1:
        return (Pointwise(layer.name, layer.call),)
    return (Reordering(layer.name, layer.call, moves_time=True, swaps_rows_and_columns=layer.dims == (2, 1, 3)),)


def _reordering(call: Call, _: Surroundings) -> Sequence[Operation]:
    return (Reordering(call.layer.name, call.layer.call, moves_time=False),)


def _edges(call: Call, _: Surroundings) -> Sequence[Operation]:
    layer = call.layer
    require_channels_last(layer)
    edges = getattr(layer, "padding", None) or layer.cropping
    two_dimensions = isinstance(layer, (layers.Cropping2D, layers.ZeroPadding2D))
    if two_dimensions and tuple(edges[0]) == (0, 0):
        return (Pointwise(layer.name, layer.call),)
    return (Reordering(layer.name, layer.call, moves_time=True),)


def _merge(call: Call, _: Surroundings) -> Sequence[Operation]:
    return (Merge(call.layer.name, call.function),)


def _average(call: Call, _: Surroundings) -> Sequence[Operation]:
    return (Merge(call.layer.name, lambda *inputs: sum(inputs) * np.float32(1 / len(inputs))),)


def _concatenate(call: Call, _: Surroundings) -> Sequence[Operation]:
    layer = call.layer
    rank = len(call.shapes[0])
    axis = layer.axis % rank
    if axis == 0:
        raise LayerRefusal("Expected concatenation of features. Received: of the batch")
    if axis == 1 and rank > 2:
        return (Whole(layer.name, lambda *inputs: tf.concat(inputs, axis=1)),)
    return (Merge(layer.name, lambda *inputs: tf.concat(inputs, axis=axis)),)


def _pointwise_or_merge(call: Call, around: Surroundings) -> Sequence[Operation]:
    if len(call.inputs) > 1:
        return _merge(call, around)
    return (Pointwise(call.layer.name, call.function),)


def _pointwise(call: Call, _: Surroundings) -> Sequence[Operation]:
    return (Activation(call.layer.name, call.function),)


def _item(call: Call, _: Surroundings) -> Sequence[Operation]:
    key = call.args[1]
    key = key if isinstance(key, tuple) else (key,)
    everything = slice(None)
    if len(key) > 1 and key[0] == everything and key[1] == -1 and all(each == everything for each in key[2:]):
        return (LastStep(call.layer.name, call.function),)
    of_each_row = len(key) > 2 and key[1] == everything
    return ((Pointwise if of_each_row else Summary)(call.layer.name, call.function),)


def _reduction(call: Call, _: Surroundings) -> Sequence[Operation]:
    rank, axis = len(call.shapes[0]), getattr(call.layer, "axis", None)
    axes = (
        range(rank) if axis is None else [each % rank for each in (axis if isinstance(axis, (list, tuple)) else [axis])]
    )
    if 0 in axes:
        raise LayerRefusal("Expected a reduction of an input. Received: one of the whole batch")
    return ((Summary if 1 in axes else Pointwise)(call.layer.name, call.function),)


def _shape_operation(call: Call, _: Surroundings) -> Sequence[Operation]:
    return (Reordering(call.layer.name, call.function, moves_time=type(call.layer).__name__ == "Transpose"),)


_LAYERS: Mapping[type, Lower] = MappingProxyType({
    **dict.fromkeys((layers.Conv1D, layers.Conv2D, layers.DepthwiseConv1D, layers.DepthwiseConv2D), _convolution),
    **dict.fromkeys((layers.SeparableConv1D, layers.SeparableConv2D), _separable),
    **dict.fromkeys((layers.LSTM, layers.GRU, layers.SimpleRNN, layers.RNN), lower_recurrent),
    **dict.fromkeys((layers.ConvLSTM1D, layers.ConvLSTM2D), lower_maps),
    layers.Bidirectional: lower_both_ways,
    layers.Dense: _dense,
    layers.BatchNormalization: _batch_normalisation,
    layers.LayerNormalization: _layer_normalisation,
    layers.Rescaling: _rescaling,
    layers.Normalization: _normalisation,
    **dict.fromkeys((layers.Activation, layers.ReLU, layers.LeakyReLU, layers.ELU), _activation),
    layers.Softmax: _softmax,
    layers.PReLU: _prelu,
    **dict.fromkeys(
        (layers.AveragePooling1D, layers.AveragePooling2D, layers.MaxPooling1D, layers.MaxPooling2D), _pooling
    ),
    **dict.fromkeys(
        (layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D), _summary
    ),
    **dict.fromkeys((layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D), _greatest),
    layers.RepeatVector: _repeated,
    layers.Permute: _permute,
    **dict.fromkeys((layers.Flatten, layers.Reshape), _reordering),
    **dict.fromkeys((layers.Cropping1D, layers.Cropping2D, layers.ZeroPadding1D, layers.ZeroPadding2D), _edges),
    **dict.fromkeys((layers.Add, layers.Subtract, layers.Multiply, layers.Maximum, layers.Minimum), _merge),
    layers.Average: _average,
    layers.Concatenate: _concatenate,
})  # fmt: skip

# Operations of `keras.ops`, whose types Keras does not export, by name.
_OPERATIONS: Mapping[str, Lower] = MappingProxyType({
    **dict.fromkeys(("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Maximum", "Minimum"), _pointwise_or_merge),
    **dict.fromkeys(
        (
            "Abs", "Absolute", "Celu", "Clip", "Elu", "Exp", "Gelu", "HardSigmoid", "HardSilu", "HardTanh", "LeakyRelu",
            "Log", "Negative", "Relu", "Relu6", "Selu", "Sigmoid", "Silu", "Softplus", "Softsign", "Sqrt", "Square",
            "Tanh",
        ),
        _pointwise,
    ),
    "Concatenate": _concatenate,
    "GetItem": _item,
    **dict.fromkeys(("Max", "Mean", "Sum"), _reduction),
    **dict.fromkeys(("ExpandDims", "Reshape", "Squeeze", "Transpose"), _shape_operation),
})  # fmt: skip

_ADVICE: Mapping[str, str] = MappingProxyType({
    "Masking": "all inputs have the length of the network's input here. Train on windows of that length, or fill "
    "shorter ones with values the network learns to ignore, and take the layer out",
    "Embedding": "indices are no input of lines. Look the vectors up before the network, and hand them in as features",
    "Lambda": "it runs code of its own. Use the layer or the keras.ops function that does the same",
    "TFSMLayer": "its graph cannot be read. Rebuild it from layers",
    "Conv1DTranspose": "transposed convolutions are not supported. Use UpSampling outside of the network, or a Dense",
    "Conv2DTranspose": "transposed convolutions are not supported. Use UpSampling outside of the network, or a Dense",
    "Conv3D": "TFLite has no int8 kernel for it. Use TimeDistributed(Conv2D) or ConvLSTM2D",
    "ConvLSTM3D": "TFLite has no int8 kernel for it. Use ConvLSTM2D",
    "EinsumDense": "its product has no fixed form here. Use Dense, with Permute or Reshape around it",
    "MultiHeadAttention": "its products of two activations are not supported. Use a recurrent layer",
    "Attention": "its products of two activations are not supported. Use a recurrent layer",
    "AdditiveAttention": "its products of two activations are not supported. Use a recurrent layer",
    "Dot": "a product of two activations is not supported. Use Multiply, or a Dense",
})  # fmt: skip
