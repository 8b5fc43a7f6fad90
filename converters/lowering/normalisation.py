"""Lowers layers that scale, shift or normalise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import keras
import numpy as np
import tensorflow as tf

from converters.lowering.convolution import Surroundings, scale_and_shift
from converters.lowering.layer_graph import Call
from converters.lowering.operations import Operation, Pointwise, Whole
from converters.lowering.refusal import LayerRefusal


def lower_batch_normalisation(call: Call, _: Surroundings) -> Sequence[Operation]:
    """Returns batch normalisation at inference, where no convolution takes it over."""
    scale, shift = scale_and_shift(call.layer, len(call.shapes[0]))
    return (Pointwise(call.layer.name, lambda x: x * scale + shift),)


def lower_layer_normalisation(call: Call, _: Surroundings) -> Sequence[Operation]:
    """Source: Ba, Kiros, Hinton, Layer Normalization, 2016."""
    layer, shape = call.layer, _sizes(call)
    axes = sorted(axis % len(shape) for axis in layer.axis)
    weights = [size if axis in axes else 1 for axis, size in enumerate(shape)]
    gamma = np.asarray(layer.gamma).reshape(weights) if layer.scale else None
    beta = np.asarray(layer.beta).reshape(weights) if layer.center else None

    def normalised(x: tf.Tensor) -> tf.Tensor:
        return _weighted(_standardised(x, axes, layer.epsilon), gamma, beta)

    return ((Whole if 1 in axes else Pointwise)(layer.name, normalised),)


def lower_group_normalisation(call: Call, _: Surroundings) -> Sequence[Operation]:
    """Source: Wu, He, Group Normalization, 2018."""
    layer = call.layer
    if layer.axis not in (-1, len(call.shapes[0]) - 1):
        raise LayerRefusal(f"Expected a normalisation of the last axis. Received: axis={layer.axis}")
    gamma = np.asarray(layer.gamma) if layer.scale else None
    beta = np.asarray(layer.beta) if layer.center else None

    def normalised(x: tf.Tensor) -> tf.Tensor:
        grouped = tf.reshape(x, (x.shape[0], math.prod(x.shape[1:-1]), layer.groups, x.shape[-1] // layer.groups))
        return _weighted(tf.reshape(_standardised(grouped, [1, 3], layer.epsilon), x.shape), gamma, beta)

    return (Whole(layer.name, normalised),)


def lower_unit_normalisation(call: Call, _: Surroundings) -> Sequence[Operation]:
    """Returns division by the Euclidean length along the layer's axes."""
    layer, shape = call.layer, _sizes(call)
    axes = [axis % len(shape) for axis in ([layer.axis] if isinstance(layer.axis, int) else layer.axis)]
    # A mean, because int8 has a kernel for it.
    n = np.float32(math.prod(shape[axis] for axis in axes))

    def normalised(x: tf.Tensor) -> tf.Tensor:
        squares = tf.reduce_mean(x * x, axes, keepdims=True) * n
        return x * tf.math.rsqrt(tf.maximum(squares, np.float32(1e-12)))

    return ((Whole if 1 in axes else Pointwise)(layer.name, normalised),)


def lower_rescaling(call: Call, _: Surroundings) -> Sequence[Operation]:
    """Returns `x * scale + offset`."""
    return (_affine(call.layer.name, np.asarray(call.layer.scale), np.asarray(call.layer.offset)),)


def lower_feature_normalisation(call: Call, _: Surroundings) -> Sequence[Operation]:
    """Returns a Normalization with the mean and the variance that it was adapted to."""
    layer = call.layer
    deviation = np.maximum(np.sqrt(np.asarray(layer.variance)), keras.backend.epsilon())
    mean = np.asarray(layer.mean)
    if layer.invert:
        return (_affine(layer.name, deviation, mean),)
    return (_affine(layer.name, 1 / deviation, -mean / deviation),)


def _sizes(call: Call) -> tuple[int, ...]:
    """Returns the shape of a layer's input: `converters.lowering.lower` lowers for fixed sizes alone."""
    return cast("tuple[int, ...]", call.shapes[0])


def _standardised(x: tf.Tensor, axes: Sequence[int], epsilon: float) -> tf.Tensor:
    difference = x - tf.reduce_mean(x, axes, keepdims=True)
    variance = tf.reduce_mean(difference * difference, axes, keepdims=True)
    return difference * tf.math.rsqrt(variance + epsilon)


def _weighted(y: tf.Tensor, gamma: Any, beta: Any) -> tf.Tensor:
    y = y if gamma is None else y * gamma
    return y if beta is None else y + beta


def _affine(name: str, scale: Any, offset: Any) -> Operation:
    scale, offset = np.asarray(scale, np.float32), np.asarray(offset, np.float32)
    # One number for all channels stays one: it can be folded into the input's scale.
    scale, offset = (each.flat[0] if np.ptp(each) == 0 else each for each in (scale, offset))
    if not np.any(offset):
        return Pointwise(name, lambda x: x * scale)
    return Pointwise(name, lambda x: x * scale + offset)
