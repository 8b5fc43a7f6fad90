"""Tests of `converters.lowering.convolution`: what a convolution computes, and what becomes one."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from keras import layers

from converters.lowering.convolution import (
    Convolution,
    Padding,
    Surroundings,
    kernel_and_bias,
    lower_convolution,
    lower_separable,
    own_padding,
    require_channels_last,
    scale_and_shift,
    whole_padding,
)
from converters.lowering.inference import InferenceNetwork
from converters.lowering.refusal import LayerRefusal
from device.arrays import Float32
from tests.converters.lowering.test_lower import check_equals_keras, stacked

WINDOWS = st.tuples(st.integers(1, 4), st.integers(1, 4))
MARGINS = st.tuples(st.integers(0, 2), st.integers(0, 2))
# [rows, columns, channels, filters]: each number that a window sees can be read off its sum.
SQUARE = np.array([[1, 10], [100, 1000]], np.float32)[..., np.newaxis, np.newaxis]
IMAGE = tf.constant([[[1, 2, 3], [4, 5, 6], [7, 8, 9]]], tf.float32)[..., tf.newaxis]
SERIES = tf.reshape(tf.range(1.0, 7.0), (1, 6, 1))


def convolution(kernel: Any, **changed: Any) -> Convolution:
    """A convolution that only sums, without padding, strides or dilations, but for what is changed."""
    weights = np.asarray(kernel, np.float32)
    ones = (1,) * (weights.ndim - 2)
    settings = {"strides": ones, "dilations": ones, "padding": ((0, 0),) * len(ones), "activation": tf.identity}
    bias = np.zeros(1, np.float32)
    return Convolution("sum", weights, **{"bias": bias, **settings, **changed})


def column(*values: float) -> Float32:
    """Weights of a window of rows, from one channel to one filter."""
    return np.array(values, np.float32)[:, np.newaxis, np.newaxis]


def numbers(x: tf.Tensor) -> Any:
    """The numbers of maps, without the batch of one and the last axis of one."""
    assert (x.shape[0], x.shape[-1]) == (1, 1)
    return x[0, ..., 0].numpy().tolist()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [321, 432, 543, 654]),
        ({"strides": (2,)}, [321, 543]),
        ({"strides": (3,)}, [321, 654]),
        ({"dilations": (2,)}, [531, 642]),
        ({"padding": ((2, 0),)}, [100, 210, 321, 432, 543, 654]),
        ({"padding": ((0, 1),)}, [321, 432, 543, 654, 65]),
        ({"padding": ((4, 0),), "dilations": (2,)}, [100, 200, 310, 420, 531, 642]),
        ({"bias": np.array([1000], np.float32)}, [1321, 1432, 1543, 1654]),
        ({"bias": np.array([-500], np.float32), "activation": tf.nn.relu}, [0, 0, 43, 154]),
        ({"depthwise": True}, [321, 432, 543, 654]),
        ({"depthwise": True, "strides": (2,)}, [321, 543]),
        ({"depthwise": True, "dilations": (2,)}, [531, 642]),
        ({"depthwise": True, "padding": ((2, 0),)}, [100, 210, 321, 432, 543, 654]),
        ({"depthwise": True, "bias": np.array([-500], np.float32), "activation": tf.nn.relu}, [0, 0, 43, 154]),
    ],
)
def test_windows_of_rows(settings: dict[str, Any], expected: list[float]) -> None:
    """A window of three rows weighs the rows 1 to 6 by 1, 10 and 100."""
    assert numbers(convolution(column(1, 10, 100), **settings)(SERIES)) == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [[5421, 6532], [8754, 9865]]),
        ({"padding": ((1, 0), (0, 0))}, [[2100, 3200], [5421, 6532], [8754, 9865]]),
        ({"padding": ((0, 1), (0, 0))}, [[5421, 6532], [8754, 9865], [87, 98]]),
        ({"padding": ((0, 0), (1, 0))}, [[4010, 5421, 6532], [7040, 8754, 9865]]),
        ({"padding": ((0, 0), (0, 1))}, [[5421, 6532, 603], [8754, 9865, 906]]),
        ({"strides": (2, 1)}, [[5421, 6532]]),
        ({"strides": (1, 2)}, [[5421], [8754]]),
        ({"dilations": (2, 2)}, [[9731]]),
        ({"dilations": (2, 1)}, [[8721, 9832]]),
        ({"dilations": (1, 2)}, [[6431], [9764]]),
        ({"bias": np.array([-6000], np.float32), "activation": tf.nn.relu}, [[0, 532], [2754, 3865]]),
        ({"depthwise": True}, [[5421, 6532], [8754, 9865]]),
        ({"depthwise": True, "strides": (2, 2)}, [[5421]]),
        ({"depthwise": True, "dilations": (2, 1)}, [[8721, 9832]]),
        ({"depthwise": True, "padding": ((0, 0), (1, 0))}, [[4010, 5421, 6532], [7040, 8754, 9865]]),
    ],
)
def test_windows_of_images(settings: dict[str, Any], expected: list[list[float]]) -> None:
    """A window of 2 by 2 weighs the pixels 1 to 9 by 1 and 10 in its first row, by 100 and 1,000 in its second."""
    assert numbers(convolution(SQUARE, **settings)(IMAGE)) == expected


def test_windows_that_are_no_squares() -> None:
    """A window of one row and three columns gives three rows of one number each, and one of three rows the other."""
    wide, high = np.array([1, 10, 100], np.float32).reshape(1, 3, 1, 1), column(1, 10, 100)[..., np.newaxis]
    assert numbers(convolution(wide)(IMAGE)) == [[321], [654], [987]]
    assert numbers(convolution(high)(IMAGE)) == [[741, 852, 963]]


def test_filters_of_all_channels() -> None:
    """Each filter sums all channels of a row: 1 and 2 as 1 + 20 and as 300 + 8,000, then 3 and 4 alike."""
    kernel = [[[1, 300], [10, 4000]]]
    rows = tf.constant([[[1.0, 2.0], [3.0, 4.0]]])
    given_out = convolution(kernel, bias=np.zeros(2, np.float32))(rows)
    assert given_out.numpy().tolist() == [[[21.0, 8300.0], [43.0, 16900.0]]]
    dilated = convolution([*kernel, [[0, 0], [0, 0]]], bias=np.zeros(2, np.float32), dilations=(2,))
    assert dilated(tf.pad(rows, ((0, 0), (0, 2), (0, 0)))).numpy().tolist() == [[[21.0, 8300.0], [43.0, 16900.0]]]


@pytest.mark.parametrize("rank", [3, 4])
def test_filters_of_each_channel(rank: int) -> None:
    """With two filters of each channel, 1 gives 10 and 20 and 2 gives 60 and 80, ahead of a bias for each."""
    shape = (1,) * (rank - 2)
    kernel = np.array([[10, 20], [30, 40]], np.float32).reshape(*shape, 2, 2)
    each = convolution(kernel, bias=np.array([0, 1, 2, 3], np.float32), depthwise=True)
    found = each(tf.reshape(tf.constant([1.0, 2.0]), (1, *shape, 2)))
    assert found.shape == (1, *shape, 4)
    assert found.numpy().ravel().tolist() == [10.0, 21.0, 62.0, 83.0]


@pytest.mark.parametrize("settings", [{}, {"padding": ((1, 0), (0, 1))}, {"strides": (1, 2)}])
def test_images_in_a_batch(settings: dict[str, Any]) -> None:
    """Several images give what each gives alone."""
    several = tf.concat([IMAGE, -IMAGE, 2 * IMAGE], axis=0)
    together = convolution(SQUARE, **settings)
    alone = [together(several[index : index + 1]) for index in range(3)]
    assert together(several).numpy().tolist() == tf.concat(alone, axis=0).numpy().tolist()


@pytest.mark.parametrize("settings", [{}, {"dilations": (2,)}, {"depthwise": True}, {"padding": ((2, 0),)}])
def test_series_in_a_batch(settings: dict[str, Any]) -> None:
    """Several series, such as the time steps of a TimeDistributed, give what each gives alone."""
    several = tf.concat([SERIES, -SERIES, 2 * SERIES], axis=0)
    together = convolution(column(1, 10, 100), **settings)
    alone = [together(several[index : index + 1]) for index in range(3)]
    assert together(several).numpy().tolist() == tf.concat(alone, axis=0).numpy().tolist()


def test_dilated_windows_of_rows_are_one_operator() -> None:
    """TensorFlow's own way would take the rows apart, and put them together again behind the convolution."""
    dilated = convolution(column(1, 10, 100), dilations=(2,))
    function = tf.function(dilated, input_signature=[tf.TensorSpec((1, 6, 1))], autograph=False)
    types = {operation.type for operation in function.get_concrete_function().graph.get_operations()}
    assert types.isdisjoint({"SpaceToBatchND", "BatchToSpaceND"})


@pytest.mark.parametrize(("value", "attribute"), [(convolution(SQUARE), "bias"), (Surroundings((4, 4)), "size")])
def test_a_convolution_does_not_change(value: Any, attribute: str) -> None:
    """What folds into it makes another."""
    with pytest.raises(FrozenInstanceError):
        setattr(value, attribute, None)


@pytest.mark.parametrize(("rows", "dilation", "reach"), [(1, 1, 0), (3, 1, 2), (3, 2, 4), (2, 3, 3), (1, 3, 0)])
def test_reach(rows: int, dilation: int, reach: int) -> None:
    """A window of three rows, every other row, spans five; columns do not count."""
    assert convolution(np.zeros((rows, 1, 1)), dilations=(dilation,)).reach == reach
    assert convolution(np.zeros((rows, 5, 1, 1)), dilations=(dilation, 7)).reach == reach


@pytest.mark.parametrize(
    ("padding", "window", "strides", "dilations", "size", "expected"),
    [
        ("valid", (3, 2), (1, 1), (1, 1), (8, 8), ((0, 0), (0, 0))),
        ("valid", (3,), (1,), (2,), (8,), ((0, 0),)),
        ("causal", (3,), (1,), (1,), (8,), ((2, 0),)),
        ("causal", (3,), (2,), (4,), (8,), ((8, 0),)),
        ("same", (3,), (1,), (1,), (8,), ((1, 1),)),
        ("same", (4,), (1,), (1,), (8,), ((1, 2),)),
        ("same", (3,), (1,), (2,), (8,), ((2, 2),)),
        ("same", (3,), (2,), (1,), (8,), ((0, 1),)),
        ("same", (3,), (2,), (1,), (7,), ((1, 1),)),
        ("same", (2,), (3,), (1,), (6,), ((0, 0),)),
        ("same", (2,), (3,), (1,), (7,), ((0, 1),)),
        ("same", (5,), (3,), (1,), (8,), ((1, 2),)),
        ("same", (3, 4), (2, 1), (1, 2), (7, 9), ((1, 1), (3, 3))),
    ],
)
def test_own_padding(  # noqa: PLR0913, PLR0917  # each is what Keras calls it
    padding: str,
    window: tuple[int, ...],
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
    size: tuple[int, ...],
    expected: Padding,
) -> None:
    """`same` gives as many windows as there are strides in a map, its odd row below; `causal` pads above alone."""
    assert own_padding(padding, window, strides, dilations, size) == expected


@pytest.mark.parametrize(
    ("layer", "around", "expected"),
    [
        (layers.Conv1D(1, 3), Surroundings((6,)), ((0, 0),)),
        (layers.Conv1D(1, 3), Surroundings((6,), layers.ZeroPadding1D((2, 5))), ((2, 5),)),
        (layers.Conv1D(1, 3, padding="same"), Surroundings((6,), layers.ZeroPadding1D((2, 5))), ((3, 6),)),
        (layers.Conv1D(1, 3, 2, padding="same"), Surroundings((6,)), ((0, 1),)),
        (layers.Conv1D(1, 3, 2, padding="same"), Surroundings((6,), layers.ZeroPadding1D((1, 0))), ((2, 1),)),
        (
            layers.Conv2D(1, (3, 4), (2, 1), padding="same", dilation_rate=1),
            Surroundings((6, 9), layers.ZeroPadding2D(((0, 1), (5, 2)))),
            ((1, 2), (6, 4)),
        ),
        (
            layers.DepthwiseConv2D(2, dilation_rate=(3, 1), padding="same"),
            Surroundings((6, 9), layers.ZeroPadding2D(((4, 0), (0, 7)))),
            ((5, 2), (0, 8)),
        ),
    ],
)
def test_a_margin_is_added_to_the_own_padding(layer: keras.Layer, around: Surroundings, expected: Padding) -> None:
    """`same` counts the margin's rows, too: seven rows in strides of two take one on each side, where six take one."""
    assert whole_padding(layer, around) == expected


def test_channels_are_last() -> None:
    """A layer that says so is taken, and one that has no choice; one that keeps them first is refused."""
    require_channels_last(layers.Conv1D(1, 1))
    require_channels_last(layers.MaxPooling2D(2, data_format="channels_last"))
    require_channels_last(layers.Dense(1))
    with pytest.raises(LayerRefusal, match=r'^Expected data_format="channels_last"\. Received: channels_first$'):
        require_channels_last(layers.MaxPooling1D(2, data_format="channels_first"))


def built(layer: keras.Layer, *shape: int, weights: list[Any]) -> keras.Layer:
    layer.build((1, *shape))
    layer.set_weights([np.asarray(weight, np.float32).reshape(each.shape) for each, weight in
                       zip(layer.get_weights(), weights, strict=True)])  # fmt: skip
    return layer


@pytest.mark.parametrize(
    ("layer", "shape", "n_weights", "bias"),
    [
        (layers.Dense(3, use_bias=False), (4,), 12, [0, 0, 0]),
        (layers.Dense(3), (4,), 12, [7, 8, 9]),
        (layers.Conv1D(2, 3, use_bias=False), (6, 4), 24, [0, 0]),
        (layers.Conv2D(2, 3), (6, 6, 1), 18, [7, 8]),
        (layers.DepthwiseConv1D(2, depth_multiplier=2, use_bias=False), (6, 3), 12, [0] * 6),
        (layers.DepthwiseConv2D(2, use_bias=False), (6, 6, 3), 12, [0] * 3),
        (layers.DepthwiseConv2D(2), (6, 6, 2), 8, [7, 8]),
    ],
)
def test_kernel_and_bias(layer: keras.Layer, shape: tuple[int, ...], n_weights: int, bias: list[float]) -> None:
    """The bias has a number for each filter, zeros if the layer has none, and both are float32."""
    biases = [bias] if layer.use_bias else []
    found = kernel_and_bias(built(layer, *shape, weights=[range(n_weights), *biases]))
    assert [each.dtype for each in found] == [np.float32, np.float32]
    assert found[0].ravel().tolist() == list(range(n_weights))
    assert found[1].tolist() == bias


def normalisation(shape: tuple[int, ...] = (4, 2), **settings: Any) -> layers.BatchNormalization:
    """Two channels of mean 10 and 20 and variance 3 and 15, to which epsilon adds 1; gamma 6 and 8, beta 1 and 2."""
    layer = layers.BatchNormalization(epsilon=1, **settings)
    layer(keras.Input(shape))
    gamma_and_beta = [[6, 8]] * layer.scale + [[1, 2]] * layer.center
    layer.set_weights([np.array(each, np.float32) for each in [*gamma_and_beta, [10, 20], [3, 15]]])
    return layer


@pytest.mark.parametrize(
    ("settings", "scale", "shift"),
    [
        ({}, [3, 2], [-29, -38]),
        ({"scale": False}, [0.5, 0.25], [-4, -3]),
        ({"center": False}, [3, 2], [-30, -40]),
        ({"scale": False, "center": False}, [0.5, 0.25], [-5, -5]),
        ({"axis": 2}, [3, 2], [-29, -38]),
    ],
)
def test_scale_and_shift(settings: dict[str, Any], scale: list[float], shift: list[float]) -> None:
    """Gamma over the square root of variance and epsilon, and beta less the mean on that scale."""
    found = scale_and_shift(normalisation(**settings), 3)
    assert [each.tolist() for each in found] == [scale, shift]


@pytest.mark.parametrize(("shape", "axis"), [((2, 4), 1), ((2, 4, 3), 1), ((4, 2, 3), 2), ((4, 2, 3), -2)])
def test_another_axis_has_no_scale(shape: tuple[int, ...], axis: int) -> None:
    """Normalisation of rows or columns is refused, with the axis."""
    message = rf"^Expected batch normalisation of the last axis\. Received: axis={axis}$"
    with pytest.raises(LayerRefusal, match=message):
        scale_and_shift(normalisation(shape, axis=axis), len(shape) + 1)


def test_a_convolution_with_what_folds_into_it() -> None:
    """Scales 3 and 2 multiply its filters and its bias, and shifts -29 and -38 come on top; the margin is padding."""
    layer = built(layers.Conv1D(2, 2, 3, activation="relu", name="c"), 6, 1, weights=[[1, 10, 100, 1000], [7, 8]])
    found = lower_convolution(layer, Surroundings((6,), layers.ZeroPadding1D((2, 1)), normalisation()))
    assert found.kernel.tolist() == [[[3, 20]], [[300, 2000]]]
    assert found.bias.tolist() == [7 * 3 - 29, 8 * 2 - 38]
    assert (found.name, found.strides, found.dilations, found.padding) == ("c", (3,), (1,), ((2, 1),))
    assert (found.activation, found.depthwise) == (keras.activations.relu, False)


@pytest.mark.parametrize("multiplier", [1, 2])
def test_a_depthwise_convolution_with_what_folds_into_it(multiplier: int) -> None:
    """Each of its filters has its own scale and shift, whether they are of one channel or of two."""
    channels = 2 // multiplier
    layer = layers.DepthwiseConv1D(1, depth_multiplier=multiplier, dilation_rate=2)
    layer = built(layer, 6, channels, weights=[[10, 100], [7, 8]])
    found = lower_convolution(layer, Surroundings((6,), None, normalisation()))
    assert found.kernel.shape == (1, channels, multiplier)
    assert found.kernel.ravel().tolist() == [30, 200]
    assert found.bias.tolist() == [-8, -22]
    assert (found.strides, found.dilations, found.padding, found.depthwise) == ((1,), (2,), ((0, 0),), True)


@pytest.mark.parametrize("lower", [lower_convolution, lower_separable])
def test_a_convolution_keeps_channels_last(lower: Any) -> None:
    """With its channels ahead of its columns it is refused."""
    kind = layers.Conv2D if lower is lower_convolution else layers.SeparableConv2D
    with pytest.raises(LayerRefusal, match="channels_first"):
        lower(kind(1, 1, data_format="channels_first"), Surroundings((4, 4)))


def test_a_separable_convolution_is_two() -> None:
    """The first has the window, the padding and a filter of each channel; the second the bias and the activation."""
    layer = layers.SeparableConv1D(3, 2, 2, padding="same", activation="relu", name="s")
    layer = built(layer, 6, 2, weights=[[1, 2, 3, 4], range(6), [7, 8, 9]])
    spread, mixed = lower_separable(layer, Surroundings((6,), layers.ZeroPadding1D((1, 0))))
    assert (spread.kernel.tolist(), spread.bias.tolist()) == ([[[1], [2]], [[3], [4]]], [0, 0])
    assert (spread.name, spread.strides, spread.dilations, spread.padding) == ("s", (2,), (1,), ((1, 1),))
    assert (spread.activation, spread.depthwise) == (tf.identity, True)
    assert (mixed.kernel.tolist(), mixed.bias.tolist()) == ([[[0, 1, 2], [3, 4, 5]]], [7, 8, 9])
    assert (mixed.name, mixed.strides, mixed.dilations, mixed.padding) == ("s", (1,), (1,), ((0, 0),))
    assert (mixed.activation, mixed.depthwise) == (keras.activations.relu, False)


def test_a_separable_convolution_without_a_bias() -> None:
    """Of two channels it makes four, and of these three without a bias; its dilation is the first's."""
    layer = layers.SeparableConv2D(3, 1, dilation_rate=(2, 3), depth_multiplier=2, use_bias=False)
    spread, mixed = lower_separable(built(layer, 6, 6, 2, weights=[range(4), range(12)]), Surroundings((6, 6)))
    assert (spread.dilations, mixed.dilations, mixed.strides) == ((2, 3), (1, 1), (1, 1))
    assert (spread.bias.tolist(), mixed.bias.tolist()) == ([0] * 4, [0] * 3)
    assert (spread.padding, mixed.padding) == (((0, 0), (0, 0)), ((0, 0), (0, 0)))


@pytest.mark.thorough
@given(
    window=WINDOWS,
    above_and_beside=st.tuples(MARGINS, MARGINS),
    padding=st.sampled_from(["valid", "same"]),
    reach=st.sampled_from([{}, {"strides": 2}, {"strides": (1, 2)}, {"dilation_rate": 2}, {"dilation_rate": (2, 1)}]),
    channels=st.integers(1, 3),
)
@settings(deadline=None, max_examples=30)
def test_convolutions_of_images(
    window: tuple[int, int],
    above_and_beside: tuple[tuple[int, int], tuple[int, int]],
    padding: str,
    reach: dict[str, Any],
    channels: int,
) -> None:
    """Windows, strides, dilations and paddings of every kind give what Keras gives, and so does zero padding ahead."""
    convolution = layers.Conv2D(3, window, padding=padding, **reach)
    check_equals_keras(
        layers.ZeroPadding2D(above_and_beside), convolution, layers.BatchNormalization(), shape=(9, 8, channels)
    )


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.SeparableConv2D(3, 3), (6, 5, 2)),
        (layers.SeparableConv2D(3, 2, strides=2, padding="same", activation="relu"), (6, 5, 2)),
        (layers.SeparableConv2D(3, 2, depth_multiplier=2, use_bias=False), (6, 5, 2)),
        (layers.SeparableConv1D(3, 3), (6, 2)),
        (layers.SeparableConv1D(3, 2, strides=2, padding="same", activation="relu"), (6, 2)),
        (layers.DepthwiseConv2D(2, depth_multiplier=2), (6, 5, 2)),
        (layers.DepthwiseConv1D(2, padding="same"), (6, 2)),
    ],
)
def test_convolutions_of_each_channel(layer: keras.Layer, shape: tuple[int, ...]) -> None:
    """Separable and depthwise convolutions give what Keras gives."""
    check_equals_keras(layer, shape=shape)


@pytest.mark.slow
@given(
    size=st.integers(1, 4),
    padding=st.sampled_from(["valid", "same", "causal"]),
    reach=st.sampled_from([{}, {"strides": 2}, {"strides": 3}, {"dilation_rate": 2}, {"dilation_rate": 3}]),
    steps=st.integers(3, 12),
)
@settings(deadline=None, max_examples=30)
def test_convolutions_of_sequences(size: int, padding: str, reach: dict[str, Any], steps: int) -> None:
    """Convolutions along time, causal and dilated ones among them, give what Keras gives."""
    assume(padding != "valid" or reach.get("dilation_rate", 1) * (size - 1) < steps)
    check_equals_keras(layers.Conv1D(3, size, padding=padding, **reach), shape=(steps, 2))


def test_grouped_convolution() -> None:
    """A convolution whose filters see a part of the channels each gives what Keras gives."""
    check_equals_keras(layers.Conv2D(6, 3, groups=2), layers.BatchNormalization(), shape=(7, 6, 4))


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("use_bias", [True, False])
def test_normalisation_behind_a_convolution(*, scale: bool, center: bool, use_bias: bool) -> None:
    """Batch normalisation behind a convolution gives what Keras gives, with and without gamma, beta and a bias."""
    convolution = layers.Conv1D(4, 3, use_bias=use_bias)
    check_equals_keras(convolution, layers.BatchNormalization(scale=scale, center=center), layers.ReLU(), shape=(8, 2))


def kernel_shapes(convolution: keras.Layer, *shape: int) -> list[list[int]]:
    """The shapes of the kernels in the lowered function, `[rows, columns, channels, filters]`."""
    graph = InferenceNetwork(stacked(*shape, of=(convolution,))).classify.get_concrete_function().graph
    return [operation.inputs[1].shape.as_list() for operation in graph.get_operations() if operation.type == "Conv2D"]


def test_windows_of_a_one_channel_kernel_become_channels() -> None:
    """A window of 3 rows by 2 columns over one channel is computed as one pixel of 6 channels."""
    assert kernel_shapes(layers.Conv2D(5, (3, 2)), 9, 8, 1) == [[1, 1, 6, 5]]
    assert kernel_shapes(layers.Conv2D(5, (3, 2), padding="same"), 9, 8, 1) == [[1, 1, 6, 5]]


@pytest.mark.parametrize(
    ("channels", "settings", "kernel"),
    [
        (2, {}, [3, 2, 2, 5]),
        (1, {"strides": 2}, [3, 2, 1, 5]),
        (1, {"strides": (1, 2)}, [3, 2, 1, 5]),
        (1, {"strides": (2, 1)}, [3, 2, 1, 5]),
        (1, {"dilation_rate": (2, 1)}, [3, 2, 1, 5]),
        (1, {"dilation_rate": (1, 2)}, [3, 2, 1, 5]),
    ],
)
def test_other_kernels_keep_their_shape(channels: int, settings: dict[str, Any], kernel: list[int]) -> None:
    """A window over several channels, or with strides or dilations, is computed as it is."""
    convolution = layers.Conv2D(**{"filters": 5, "kernel_size": (3, 2), **settings})
    assert kernel_shapes(convolution, 9, 8, channels) == [kernel]
