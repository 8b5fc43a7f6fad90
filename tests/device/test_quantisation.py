"""Tests of `device.quantisation`."""

from __future__ import annotations

import math
import re

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.quantisation import PIXEL_QUANTISATION, Quantisation, Softmax, quantise_bytes, quantise_pixels

MAPS = st.builds(
    Quantisation,
    scale=st.floats(2**-13, 8, width=32),
    zero_point=st.integers(-128, 127),
)


def real(*values: float) -> npt.NDArray[np.float32]:
    return np.array(values, np.float32)


def test_rounds_half_to_even() -> None:
    """A value halfway between two integers goes to the even one, above and below zero."""
    steps = Quantisation(scale=0.5, zero_point=0).quantise(real(0.25, 0.75, 1.25, -0.25, -0.75, -1.25))
    assert steps.tolist() == [0, 2, 2, 0, -2, -2]
    assert steps.dtype == np.int8


def test_rounds_before_it_moves_the_zero_point() -> None:
    """An odd zero point does not change which way a half goes."""
    assert Quantisation(scale=0.5, zero_point=11).quantise(real(0.25, 0.75, -0.75)).tolist() == [11, 13, 9]


def test_does_not_truncate() -> None:
    """A value just short of an integer becomes that integer, not the one nearer to zero."""
    assert Quantisation(scale=1.0, zero_point=0).quantise(real(0.9, -0.9, 126.7)).tolist() == [1, -1, 127]


def test_clips() -> None:
    """What lies outside int8 becomes its end instead of wrapping around."""
    values = real(63.5, 64.0, 1e30, math.inf, -64.0, -64.5, -1e30, -math.inf)
    assert Quantisation(scale=0.5, zero_point=0).quantise(values).tolist() == [
        127,
        127,
        127,
        127,
        -128,
        -128,
        -128,
        -128,
    ]


def test_refuses_nan() -> None:
    """NaN has no integer."""
    with pytest.raises(ValueError, match=r"^Expected numbers to quantise\. Received: NaN$"):
        Quantisation(scale=0.5, zero_point=0).quantise(real(1.0, math.nan))


def test_keeps_the_shape() -> None:
    """An array of any shape is quantised element by element."""
    values = np.array([[[1.0], [2.0]]], np.float32)
    assert Quantisation(scale=1.0, zero_point=-3).quantise(values).tolist() == [[[-2], [-1]]]


def test_dequantises() -> None:
    """The real value is the scale times the distance from the zero point, and the distance may exceed int8."""
    values = Quantisation(scale=0.5, zero_point=10).dequantise(np.array([-128, 10, 127], np.int8))
    assert values.tolist() == [-69.0, 0.0, 58.5]
    assert values.dtype == np.float32


@pytest.mark.parametrize("scale", [0.0, -0.5, 1e-320, 1e300, math.inf, math.nan])
def test_refuses_scales(scale: float) -> None:
    """A scale is a finite number above 0."""
    with pytest.raises(ValueError, match=re.escape(f"Expected a finite scale > 0. Received: scale={scale}")):
        Quantisation(scale=scale, zero_point=0)


@pytest.mark.parametrize("zero_point", [-129, 128])
def test_refuses_zero_points(zero_point: int) -> None:
    """A zero point is an int8."""
    with pytest.raises(
        ValueError, match=rf"^Expected a zero point in -128\.\.127\. Received: zero_point={zero_point}$"
    ):
        Quantisation(scale=0.5, zero_point=zero_point)


@given(pixel=st.integers(0, 255))
def test_pixels_move_by_128(pixel: int) -> None:
    """A pixel p becomes p - 128."""
    assert quantise_pixels(np.array([pixel], np.uint8)).tolist() == [pixel - 128]


def test_pixels_are_quantised_as_their_real_values() -> None:
    """All 256 pixel values become what the input's scale and zero point make of p / 255."""
    pixels = np.arange(256, dtype=np.uint8)
    as_real = pixels / np.float32(255)
    assert quantise_pixels(pixels).tolist() == PIXEL_QUANTISATION.quantise(as_real).tolist() == list(range(-128, 128))


def test_pixels_as_bytes() -> None:
    """All 256 pixel values become the same as bytes: 0 is -128, and 255 is 127."""
    assert list(memoryview(quantise_bytes(bytes(range(256)))).cast("b")) == list(range(-128, 128))


def test_pixels_are_left_alone() -> None:
    """The crop that was handed in stays as it was, and so does its shape."""
    crop = np.full((28, 28), 255, np.uint8)
    quantised = quantise_pixels(crop)
    quantised[:] = 0
    assert quantised.shape == (28, 28)
    assert crop.min() == 255


def test_the_pixels_scale() -> None:
    """Pixels have the scale 1/255 as a float32 holds it, and the zero point -128."""
    assert Quantisation(scale=0.003921568859368563, zero_point=-128) == PIXEL_QUANTISATION


@given(quantisation=MAPS, share=st.floats(0, 1))
def test_loses_half_a_scale_at_most(quantisation: Quantisation, share: float) -> None:
    """A real value inside the range comes back at most half a scale away."""
    steps = -128 - quantisation.zero_point + 255 * share
    value = real(quantisation.scale * steps)
    returned = quantisation.dequantise(quantisation.quantise(value))
    # A float32 of up to 255 steps is itself off by some 1e-5 of a step.
    assert abs(float(returned[0]) - float(value[0])) <= 0.5001 * quantisation.scale


@given(quantisation=MAPS)
def test_every_int8_survives(quantisation: Quantisation) -> None:
    """Each of the 256 integers stands for a real value that quantises to it again."""
    every = np.arange(-128, 128).astype(np.int8)
    np.testing.assert_array_equal(quantisation.quantise(quantisation.dequantise(every)), every)


@pytest.mark.parametrize(
    ("logits", "scale", "temperature", "probabilities"),
    [
        ((0, 0), 1.0, 1.0, (0.5, 0.5)),
        ((1, 0), math.log(3), 1.0, (0.75, 0.25)),
        ((-127, -128), math.log(3), 1.0, (0.75, 0.25)),
        ((2, 0), math.log(3), 2.0, (0.75, 0.25)),
        ((0, 5, 0), math.log(2) / 5, 1.0, (0.25, 0.5, 0.25)),
        ((127, 0, -128), 1000.0, 1.0, (1.0, 0.0, 0.0)),
    ],
)
def test_softmax(logits: tuple[int, ...], scale: float, temperature: float, probabilities: tuple[float, ...]) -> None:
    """Probabilities are those of the real logits over the temperature, and large logits do not overflow."""
    for zero_point in (-128, 0, 127):
        given_probabilities = Softmax(Quantisation(scale, zero_point), temperature)(logits)
        np.testing.assert_allclose(given_probabilities, probabilities, atol=1e-7)


@given(
    logits=st.lists(st.integers(-128, 127), min_size=1, max_size=20), quantisation=MAPS, temperature=st.floats(0.25, 8)
)
def test_softmax_is_a_distribution(logits: list[int], quantisation: Quantisation, temperature: float) -> None:
    """Probabilities lie in 0..1, sum to 1, keep the order of the logits, and are the powers of the real ones."""
    probabilities = Softmax(quantisation, temperature)(logits)
    assert min(probabilities) >= 0
    assert sum(probabilities) == pytest.approx(1, abs=1e-6)
    assert probabilities[logits.index(max(logits))] == max(probabilities)
    scaled = quantisation.dequantise(np.array(logits, np.int8)).astype(float) / temperature
    powers = np.exp(scaled - scaled.max())
    np.testing.assert_allclose(probabilities, powers / powers.sum(), rtol=1e-3, atol=1e-7)
