"""Kinds of layers, as the doctor tells them apart."""

from __future__ import annotations

from typing import Any

from keras import layers

CONV_LSTM = (layers.ConvLSTM1D, layers.ConvLSTM2D, layers.ConvLSTM3D)
OVER_ONE_AXIS = (
    *(layers.Conv1D, layers.SeparableConv1D, layers.DepthwiseConv1D, layers.MaxPooling1D, layers.AveragePooling1D),
)
OVER_TWO_AXES = (
    *(layers.Conv2D, layers.SeparableConv2D, layers.DepthwiseConv2D, layers.MaxPooling2D, layers.AveragePooling2D),
)
OVER_AXES = (*OVER_ONE_AXIS, *OVER_TWO_AXES, layers.Conv3D, layers.MaxPooling3D, layers.AveragePooling3D)
GLOBAL_POOLING = (
    *(layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D, layers.GlobalMaxPooling1D),
    layers.GlobalMaxPooling2D,
)
# They change neither a value's place nor the number of values.
ELEMENTWISE = (
    *(layers.Activation, layers.BatchNormalization, layers.Dropout, layers.ELU, layers.GaussianNoise),
    *(layers.LayerNormalization, layers.LeakyReLU, layers.PReLU, layers.ReLU, layers.Rescaling, layers.Softmax),
    *(layers.SpatialDropout1D, layers.SpatialDropout2D, layers.UnitNormalization, layers.Masking),
    *(layers.ActivityRegularization, layers.GaussianDropout, layers.GroupNormalization, layers.Normalization),
)


def recurrent(layer: Any) -> Any:
    """Return the recurrent layer that takes steps of features: `layer`, or the one inside Bidirectional; or None."""
    inner = layer.forward_layer if isinstance(layer, layers.Bidirectional) else layer
    return inner if isinstance(inner, layers.RNN) and not isinstance(inner, CONV_LSTM) else None
