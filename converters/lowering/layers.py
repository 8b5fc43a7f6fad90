"""What each kind of Keras layer computes at inference, by exact type: a subclass may compute something else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

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
)
from converters.lowering.functions import (
    FUNCTIONS,
    Lower,
    greatest,
    lower_concatenation,
    lower_merge,
    lower_softmax,
    repeated,
)
from converters.lowering.layer_graph import Call
from converters.lowering.normalisation import (
    lower_batch_normalisation,
    lower_feature_normalisation,
    lower_group_normalisation,
    lower_layer_normalisation,
    lower_rescaling,
    lower_unit_normalisation,
)
from converters.lowering.operations import (
    Activation,
    Dense,
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


def lower_layer(call: Call, around: Surroundings) -> Sequence[Operation]:
    """Returns what a layer computes, one operation after another; raises LayerRefusal with the reason if it cannot."""
    layer = call.layer
    kind = type(layer).__name__
    lower = _LAYERS.get(type(layer)) if isinstance(layer, keras.Layer) else FUNCTIONS.get(kind)
    if lower is None:
        article = "an" if kind.startswith(tuple("AEIOU")) else "a"
        raise LayerRefusal(f"{article} {kind} cannot be lowered: {_ADVICE.get(kind, _OTHERWISE)}")
    return lower(call, around)


def _convolution(call: Call, around: Surroundings) -> Sequence[Operation]:
    return (lower_convolution(call.layer, around),)


def _separable(call: Call, around: Surroundings) -> Sequence[Operation]:
    return lower_separable(call.layer, around)


def _dense(call: Call, _: Surroundings) -> Sequence[Operation]:
    return (Dense(call.layer.name, *kernel_and_bias(call.layer), call.layer.activation),)


def _activation(call: Call, _: Surroundings) -> Sequence[Operation]:
    # `layer.call`, not the layer: Keras numbers layers, and the numbers would end up in the names of tensors.
    layer = call.layer
    return (Activation(layer.name, getattr(layer, "activation", None) or layer.call),)


def _prelu(call: Call, _: Surroundings) -> Sequence[Operation]:
    """Source: He et al., Delving Deep into Rectifiers, 2015."""
    slope = np.asarray(call.layer.alpha)

    def prelu(x: tf.Tensor) -> tf.Tensor:
        positive = tf.nn.relu(x)
        return positive + slope * (x - positive)

    differs_by_row = slope.ndim > 1 and slope.shape[0] > 1
    return ((Whole if differs_by_row else Pointwise)(call.layer.name, prelu),)


def _pooling(call: Call, _: Surroundings) -> Sequence[Operation]:
    require_channels_last(call.layer)
    return (_pooling_of(call.layer),)


def _pooling_of(layer: keras.Layer) -> Pooling:
    tiles = layer.padding == "valid" and layer.pool_size[0] == layer.strides[0]

    def turned() -> Pooling:
        size, strides = layer.pool_size[::-1], layer.strides[::-1]
        return _pooling_of(type(layer)(size, strides, layer.padding, name=layer.name))

    return Pooling(layer.name, layer.call, layer.pool_size[0], tiles, turned)


def _greatest(call: Call, _: Surroundings) -> Sequence[Operation]:
    require_channels_last(call.layer)
    axes, keepdims = range(1, len(call.shapes[0]) - 1), call.layer.keepdims
    return ((Whole if keepdims else Summary)(call.layer.name, lambda x: greatest(x, axes, keepdims=keepdims)),)


def _repeated(call: Call, _: Surroundings) -> Sequence[Operation]:
    times = call.layer.n
    return (Reordering(call.layer.name, lambda x: tf.concat([x[:, tf.newaxis]] * times, axis=1), moves_time=False),)


def _upsampled(call: Call, _: Surroundings) -> Sequence[Operation]:
    layer = call.layer
    require_channels_last(layer)
    if getattr(layer, "interpolation", "nearest") != "nearest":
        raise LayerRefusal(f'Expected interpolation="nearest". Received: {layer.interpolation}')
    size = (layer.size,) if isinstance(layer.size, int) else layer.size

    def upsampled(x: tf.Tensor) -> tf.Tensor:
        for axis, times in enumerate(size, start=1):
            x = repeated(x, times, axis)
        return x

    return (Pointwise(layer.name, upsampled),)


def _summary(call: Call, _: Surroundings) -> Sequence[Operation]:
    require_channels_last(call.layer)
    return ((Whole if call.layer.keepdims else Summary)(call.layer.name, call.layer.call),)


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


def _average(call: Call, _: Surroundings) -> Sequence[Operation]:
    return (Merge(call.layer.name, lambda *inputs: sum(inputs) * np.float32(1 / len(inputs))),)


_LAYERS: Mapping[type, Lower] = MappingProxyType({
    **dict.fromkeys((layers.Conv1D, layers.Conv2D, layers.DepthwiseConv1D, layers.DepthwiseConv2D), _convolution),
    **dict.fromkeys((layers.SeparableConv1D, layers.SeparableConv2D), _separable),
    **dict.fromkeys((layers.LSTM, layers.GRU, layers.SimpleRNN, layers.RNN), lower_recurrent),
    **dict.fromkeys((layers.ConvLSTM1D, layers.ConvLSTM2D), lower_maps),
    layers.Bidirectional: lower_both_ways,
    layers.Dense: _dense,
    layers.BatchNormalization: lower_batch_normalisation,
    layers.GroupNormalization: lower_group_normalisation,
    layers.LayerNormalization: lower_layer_normalisation,
    layers.UnitNormalization: lower_unit_normalisation,
    layers.Rescaling: lower_rescaling,
    layers.Normalization: lower_feature_normalisation,
    **dict.fromkeys((layers.Activation, layers.ReLU, layers.LeakyReLU, layers.ELU), _activation),
    layers.Softmax: lower_softmax,
    layers.PReLU: _prelu,
    **dict.fromkeys(
        (layers.AveragePooling1D, layers.AveragePooling2D, layers.MaxPooling1D, layers.MaxPooling2D), _pooling
    ),
    **dict.fromkeys(
        (layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D), _summary
    ),
    **dict.fromkeys((layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D), _greatest),
    layers.RepeatVector: _repeated,
    **dict.fromkeys((layers.UpSampling1D, layers.UpSampling2D), _upsampled),
    layers.Permute: _permute,
    **dict.fromkeys((layers.Flatten, layers.Reshape), _reordering),
    **dict.fromkeys((layers.Cropping1D, layers.Cropping2D, layers.ZeroPadding1D, layers.ZeroPadding2D), _edges),
    **dict.fromkeys((layers.Add, layers.Subtract, layers.Multiply, layers.Maximum, layers.Minimum), lower_merge),
    layers.Average: _average,
    layers.Concatenate: lower_concatenation,
})  # fmt: skip

_OTHERWISE = "nothing here says how it is computed. Use one of the layers in docs/your-own-model.md that does the same"
_ATTENTION = "its products of two activations are not supported. Use a recurrent layer"
_TRANSPOSED = "transposed convolutions are not supported. Use UpSampling1D or UpSampling2D and a convolution"

_ADVICE: Mapping[str, str] = MappingProxyType({
    "Masking": "all inputs have the length of the network's input here. Train on windows of that length, or fill "
    "shorter ones with values the network learns to ignore, and take the layer out",
    "Embedding": "indices are no input of lines. Look the vectors up before the network, and hand them in as features",
    "Lambda": "it runs code of its own. Use the layer or the keras.ops function that does the same",
    "TFSMLayer": "its graph cannot be read. Rebuild it from layers",
    **dict.fromkeys(("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"), _TRANSPOSED),
    "Conv3D": "TFLite has no int8 kernel for it. Use TimeDistributed(Conv2D) or ConvLSTM2D",
    "ConvLSTM3D": "TFLite has no int8 kernel for it. Use ConvLSTM2D",
    "EinsumDense": "its product has no fixed form here. Use Dense, with Permute or Reshape around it",
    **dict.fromkeys(("AdditiveAttention", "Attention", "GroupedQueryAttention", "MultiHeadAttention"), _ATTENTION),
    "LogSoftmax": "end the network in logits or in a softmax: the device takes the logarithm where it is needed",
    "Dot": "a product of two activations is not supported. Use Multiply, or a Dense",
})  # fmt: skip
