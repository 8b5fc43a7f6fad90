"""Tests of `device.sources.frames`."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from device.sources.frames import Frame
from device.vision.images import checked_frame

SIDES = st.integers(1, 5)
ANY_ARRAY = hnp.arrays(
    st.sampled_from([np.uint8, np.uint16, np.int32, np.float32, np.float64, np.bool_]),
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
)


@settings(max_examples=50)
@given(image=hnp.arrays(np.uint8, st.tuples(SIDES, SIDES, st.just(3))))
def test_a_bgr_frame_comes_back_as_it_is(image: npt.NDArray[np.uint8]) -> None:
    np.testing.assert_array_equal(checked_frame(image), image, strict=True)


@settings(max_examples=200)
@given(array=ANY_ARRAY)
def test_any_array_gives_a_frame_or_a_value_error(array: npt.NDArray[np.generic]) -> None:
    try:
        image = checked_frame(array)
    except ValueError as error:
        assert str(error).startswith("Expected a frame")  # noqa: PT017  # refusing is one of two right answers
    else:
        assert (image.dtype, image.shape) == (np.dtype(np.uint8), (*array.shape[:2], 3))
        assert image.flags.c_contiguous


@pytest.mark.parametrize("shape", [(1, 2), (1, 2, 1)])
def test_grey_becomes_three_equal_channels(shape: tuple[int, ...]) -> None:
    assert checked_frame(np.array([7, 200], np.uint8).reshape(shape)).tolist() == [[[7, 7, 7], [200, 200, 200]]]


def test_sixteen_bits_are_scaled_over_their_full_range() -> None:
    deep = np.array([[0, 128, 129, 257, 32_768, 65_535]], np.uint16)
    assert checked_frame(deep)[0, :, 0].tolist() == [0, 0, 1, 1, 128, 255]


def test_sixteen_bit_colours_keep_their_order() -> None:
    assert checked_frame(np.array([[[0, 25_700, 65_535]]], np.uint16)).tolist() == [[[0, 100, 255]]]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_are_fractions_of_full_brightness(dtype: type[np.floating[Any]]) -> None:
    assert checked_frame(np.array([[0, 0.25, 1]], dtype))[0, :, 0].tolist() == [0, 64, 255]


def test_alpha_is_blended_with_white() -> None:
    pixels = np.array([[[0, 100, 200, 255], [0, 100, 200, 0], [0, 100, 200, 51]]], np.uint8)
    assert checked_frame(pixels).tolist() == [[[0, 100, 200], [255, 255, 255], [204, 224, 244]]]


def test_an_alpha_of_0_everywhere_is_padding() -> None:
    assert checked_frame(np.array([[[1, 2, 3, 0], [4, 5, 6, 0]]], np.uint8)).tolist() == [[[1, 2, 3], [4, 5, 6]]]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((0, 0, 3), np.uint8), "of at least one pixel. Received: shape=(0, 0, 3), dtype=uint8."),
        (np.zeros((0, 0), np.uint8), "of at least one pixel. Received: shape=(0, 0), dtype=uint8."),
        (np.zeros((4, 4, 2), np.uint8), "Received: shape=(4, 4, 2), dtype=uint8."),
        (np.zeros((2, 4, 4, 3), np.uint8), "Received: shape=(2, 4, 4, 3), dtype=uint8."),
        (np.zeros(3, np.uint8), "Received: shape=(3,), dtype=uint8."),
        (np.uint8(3), "Expected a frame, an array [h, w, 3]. Received: uint8"),
        (np.zeros((4, 4), np.int16), "Expected a frame of uint8, uint16, or floats in 0..1. Received: dtype=int16."),
        (np.zeros((4, 4), object), "Received: dtype=object."),
        (np.full((4, 4, 3), np.nan, np.float32), "Expected a frame's floats in 0..1. Received: nan..nan"),
        (np.array([[0.5, np.nan]]), "Expected a frame's floats in 0..1. Received: nan..nan"),
        (np.array([[0.5, np.inf]]), "Expected a frame's floats in 0..1. Received: 0.5..inf"),
        (np.array([[0.0, 255.0]]), "Expected a frame's floats in 0..1. Received: 0..255"),
        (None, "Expected a frame, an array [h, w, 3]. Received: NoneType"),
    ],
)
def test_arrays_that_are_not_frames_are_refused(array: object, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        checked_frame(array)


def test_columns_and_mirrored_views_become_contiguous() -> None:
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert checked_frame(image[:, ::-1]).flags.c_contiguous
    np.testing.assert_array_equal(checked_frame(np.asfortranarray(image)), image)


def test_a_frame_without_a_place_in_time_is_a_still() -> None:
    image = np.zeros((1, 1, 3), np.uint8)
    assert Frame(image).still
    assert not Frame(image, position_s=0.0).still
