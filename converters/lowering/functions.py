"""Lowers operations of `keras.ops`, slices and operators, whose types Keras does not export, by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from converters.lowering.convolution import Surroundings, require_channels_last
from converters.lowering.layer_graph import Call, Value
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
from converters.lowering.refusal import LayerRefusal

Lower = Callable[[Call, Surroundings], Sequence[Operation]]

_EVERYTHING = slice(None)


def lower_merge(call: Call, _: Surroundings) -> Sequence[Operation]:
    """Returns a function of the same row of several inputs."""
    return (Merge(call.layer.name, call.function),)


def lower_concatenation(call: Call, _: Surroundings) -> Sequence[Operation]:
    """Returns inputs side by side along an axis; raises LayerRefusal if it is that of the batch."""
    layer, rank = call.layer, len(call.shapes[0])
    axis = layer.axis % rank
    if axis == 0:
        raise LayerRefusal("Expected concatenation of features. Received: of the batch")
    if axis == 1 and rank > 2:
        return (Whole(layer.name, lambda *inputs: tf.concat(inputs, axis=1)),)
    return (Merge(layer.name, lambda *inputs: tf.concat(inputs, axis=axis)),)


def lower_softmax(call: Call, _: Surroundings) -> Sequence[Operation]:
    """Returns a softmax along any axis but the batch."""
    layer, rank = call.layer, len(call.shapes[0])
    axes = [layer.axis] if isinstance(layer.axis, int) else list(layer.axis)
    axis = axes[0] % rank
    if len(axes) > 1 or len(call.inputs) > 1 or axis == 0:
        raise LayerRefusal(f"Expected a softmax along one axis, without a mask. Received: axis={layer.axis}")
    if axis == rank - 1:
        return (Activation(layer.name, keras.activations.softmax),)
    order = [*range(rank)]
    order[axis], order[-1] = order[-1], order[axis]

    def softmax(x: tf.Tensor) -> tf.Tensor:
        return tf.transpose(tf.nn.softmax(tf.transpose(x, order)), order)

    return ((Whole if axis == 1 else Pointwise)(layer.name, softmax),)


def greatest(x: tf.Tensor, axes: Sequence[int], *, keepdims: bool) -> tf.Tensor:
    """Returns the maximum over axes, computed as pooling, because int8 has no kernel for it."""
    kept = [axis for axis in range(1, x.shape.rank) if axis not in axes]
    rows, columns = (math.prod(x.shape[axis] for axis in part) for part in (axes, kept))
    order = (0, *axes, *kept)
    x_ordered = x if order == tuple(range(x.shape.rank)) else tf.transpose(x, order)
    pooled = tf.nn.max_pool2d(tf.reshape(x_ordered, (x.shape[0], rows, 1, columns)), (rows, 1), 1, "VALID")
    shape = [1 if axis in axes else x.shape[axis] for axis in range(x.shape.rank) if keepdims or axis not in axes]
    return tf.reshape(pooled, shape)


def repeated(x: tf.Tensor, times: int, axis: int) -> tf.Tensor:
    """Returns a tensor with each slice along an axis so many times in a row."""
    beside = tf.concat([tf.expand_dims(x, axis + 1)] * times, axis=axis + 1)
    return tf.reshape(beside, (*x.shape[:axis], x.shape[axis] * times, *x.shape[axis + 1 :]))


def _pointwise_or_merge(call: Call, around: Surroundings) -> Sequence[Operation]:
    if len(call.inputs) > 1:
        return lower_merge(call, around)
    constants = [np.asarray(each) for each in call.args if not isinstance(each, Value)]
    differs_by_row = any(each.ndim >= len(call.shapes[0]) - 1 and each.shape[-len(call.shapes[0]) + 1] > 1
                         for each in constants if each.ndim)  # fmt: skip
    return ((Whole if differs_by_row and len(call.shapes[0]) > 2 else Pointwise)(call.layer.name, call.function),)


def _activation(call: Call, _: Surroundings) -> Sequence[Operation]:
    return (Activation(call.layer.name, call.function),)


def _item(call: Call, _: Surroundings) -> Sequence[Operation]:
    key = call.args[1]
    # A loaded network has a list.
    key = tuple(key) if isinstance(key, (list, tuple)) else (key,)
    if Ellipsis in key:
        missing = len(call.shapes[0]) - len(key) + 1
        at = key.index(Ellipsis)
        key = (*key[:at], *[_EVERYTHING] * missing, *key[at + 1 :])
    if len(key) > 1 and key[0] == _EVERYTHING and key[1] == -1 and all(each == _EVERYTHING for each in key[2:]):
        return (LastStep(call.layer.name, call.function),)
    of_each_row = len(key) == 1 or (len(key) > 2 and key[1] == _EVERYTHING)
    return ((Pointwise if of_each_row else Summary)(call.layer.name, call.function),)


def _axes(call: Call) -> list[int]:
    rank, axis = len(call.shapes[0]), getattr(call.layer, "axis", None)
    if axis is None:
        axis = range(rank)
    axes = sorted(each % rank for each in (axis if isinstance(axis, Sequence) else [axis]))
    if 0 in axes:
        raise LayerRefusal("Expected a reduction of an input. Received: one of the whole batch")
    return axes


def _reduction(call: Call, _: Surroundings) -> Sequence[Operation]:
    axes, keepdims = _axes(call), call.layer.keepdims
    n = np.float32(math.prod(call.shapes[0][axis] or 1 for axis in axes))

    def variance(x: tf.Tensor) -> tf.Tensor:
        difference = x - tf.reduce_mean(x, axes, keepdims=True)
        return tf.reduce_mean(difference * difference, axes, keepdims=keepdims)

    # int8 has kernels for means alone.
    reductions: Mapping[str, Callable[[tf.Tensor], tf.Tensor]] = {
        "Max": lambda x: greatest(x, axes, keepdims=keepdims),
        "Min": lambda x: greatest(x * np.float32(-1), axes, keepdims=keepdims) * np.float32(-1),
        "Mean": lambda x: tf.reduce_mean(x, axes, keepdims=keepdims),
        "Sum": lambda x: tf.reduce_mean(x, axes, keepdims=keepdims) * n,
        "Var": variance,
        "Std": lambda x: tf.sqrt(variance(x)),
    }
    kind = Pointwise if 1 not in axes else Whole if keepdims else Summary
    return (kind(call.layer.name, reductions[type(call.layer).__name__]),)


def _shape(call: Call, _: Surroundings) -> Sequence[Operation]:
    return (Reordering(call.layer.name, call.function, moves_time=False),)


def _transposition(call: Call, _: Surroundings) -> Sequence[Operation]:
    rank = len(call.shapes[0])
    order = [int(each) for each in np.transpose(np.empty(range(1, rank + 1)), _order(call.layer, rank)).shape]
    order = [each - 1 for each in order]
    if order[:2] == [0, 1]:
        return (Pointwise(call.layer.name, call.function),)
    swaps = order == [0, 2, 1, 3]
    return (Reordering(call.layer.name, call.function, moves_time=True, swaps_rows_and_columns=swaps),)


def _order(layer: Any, rank: int) -> Sequence[int]:
    axes = list(range(rank))
    kind = type(layer).__name__
    if kind == "Transpose":
        return axes[::-1] if layer.axes is None else layer.axes
    if kind == "Swapaxes":
        axes[layer.axis1], axes[layer.axis2] = axes[layer.axis2], axes[layer.axis1]
        return axes
    moved = np.moveaxis(np.empty(range(1, rank + 1)), layer.source, layer.destination)
    return [each - 1 for each in moved.shape]


def _padding(call: Call, _: Surroundings) -> Sequence[Operation]:
    moves_time = tuple(call.layer.pad_width[min(1, len(call.layer.pad_width) - 1)]) != (0, 0)
    if not moves_time:
        return (Pointwise(call.layer.name, call.function),)
    return (Reordering(call.layer.name, call.function, moves_time=True),)


def _parts(call: Call, _: Surroundings) -> Sequence[Operation]:
    axis = call.layer.axis % len(call.shapes[0])
    return ((Whole if axis == 1 else Pointwise)(call.layer.name, lambda x: tuple(call.function(x))),)


def _stack(call: Call, _: Surroundings) -> Sequence[Operation]:
    axis = call.layer.axis % (len(call.shapes[0]) + 1)
    return ((Whole if axis == 1 else Merge)(call.layer.name, lambda *inputs: tf.stack(inputs, axis)),)


def _tiles(call: Call, _: Surroundings) -> Sequence[Operation]:
    rank = len(call.shapes[0])
    repeats = call.layer.repeats
    times = [1] * (rank - len(repeats)) + list(repeats)

    def tiled(x: tf.Tensor) -> tf.Tensor:
        for axis, each in enumerate(times):
            x = tf.concat([x] * each, axis=axis) if each > 1 else x
        return x

    return ((Whole if times[1] > 1 else Pointwise)(call.layer.name, tiled),)


def _repetition(call: Call, _: Surroundings) -> Sequence[Operation]:
    layer = call.layer
    if layer.axis is None or not isinstance(layer.repeats, int):
        raise LayerRefusal("Expected an axis, and one number of times")
    axis = layer.axis % len(call.shapes[0])
    return (Pointwise(layer.name, lambda x: repeated(x, layer.repeats, axis)),)


def _pool(call: Call, _: Surroundings) -> Sequence[Operation]:
    layer = call.layer
    require_channels_last(layer)
    size, strides = (
        each if isinstance(each, int) else each[0] for each in (layer.pool_size, layer.strides or layer.pool_size)
    )
    return (Pooling(layer.name, call.function, size, layer.padding == "valid" and size == strides),)


def _product(call: Call, _: Surroundings) -> Sequence[Operation]:
    weights = call.args[1] if len(call.args) > 1 else None
    if len(call.inputs) > 1 or weights is None or isinstance(weights, Value) or np.asarray(weights).ndim != 2:
        raise LayerRefusal("Expected a product with a constant of two axes. Use a Dense, or a recurrent layer")
    kernel = np.asarray(weights, np.float32)
    return (Dense(call.layer.name, kernel, np.zeros(kernel.shape[1], np.float32), keras.activations.linear),)


FUNCTIONS: Mapping[str, Lower] = MappingProxyType({
    **dict.fromkeys(
        ("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Maximum", "Minimum", "Power"), _pointwise_or_merge
    ),
    **dict.fromkeys(
        (
            "Abs", "Absolute", "Celu", "Clip", "Cos", "Elu", "Exp", "Gelu", "HardSigmoid", "HardSilu", "HardTanh",
            "LeakyRelu", "Log", "LogSigmoid", "Negative", "Reciprocal", "Relu", "Relu6", "Rsqrt", "Selu", "Sigmoid",
            "Sign", "Silu", "Sin", "Softplus", "Softsign", "Sqrt", "Square", "Tanh",
        ),
        _activation,
    ),
    "AveragePool": _pool,
    "Concatenate": lower_concatenation,
    "GetItem": _item,
    "Matmul": _product,
    **dict.fromkeys(("Max", "Mean", "Min", "Std", "Sum", "Var"), _reduction),
    "MaxPool": _pool,
    "Pad": _padding,
    "Repeat": _repetition,
    **dict.fromkeys(("ExpandDims", "Reshape", "Squeeze"), _shape),
    "Softmax": lower_softmax,
    "Split": _parts,
    "Stack": _stack,
    "Tile": _tiles,
    **dict.fromkeys(("Moveaxis", "Swapaxes", "Transpose"), _transposition),
})  # fmt: skip
