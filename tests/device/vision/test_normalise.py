"""Tests of `device.vision.normalise`."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from device.vision.normalise import crop_of, stroke_px
from tests.conftest import Digits

Ink = npt.NDArray[np.uint8]


def extent(crop: Ink) -> tuple[int, int, int, int]:
    x, y, width, height = cv2.boundingRect(crop)
    return x, y, width, height


def test_a_digit_of_mnist_stays_as_it_is(digits: Digits) -> None:
    """Unless its pen was thinner than nine of ten."""
    usual = [crop for crop in digits[0] if stroke_px(crop) >= 1.9]
    assert len(usual) > 0.8 * len(digits[0])
    differences = [np.abs(crop_of(crop).astype(int) - crop).mean() for crop in usual]
    assert np.median(differences) < 1
    assert max(differences) < 8


def test_the_longer_side_becomes_20_pixels() -> None:
    ink = np.zeros((300, 200), np.uint8)
    ink[50:250, 80:120] = 255
    assert extent(crop_of(ink)) == (12, 4, 4, 20)
    assert extent(crop_of(ink.T)) == (4, 12, 20, 4)


def test_small_ink_grows() -> None:
    ink = np.zeros((9, 9), np.uint8)
    ink[2:7, 4] = 255
    assert extent(crop_of(ink)) == (12, 4, 4, 20)


def test_a_single_pixel_is_a_square() -> None:
    assert extent(crop_of(np.full((1, 1), 1, np.uint8))) == (4, 4, 20, 20)


def test_the_centre_of_mass_lies_in_the_middle() -> None:
    ink = np.zeros((100, 100), np.uint8)
    ink[10:60, 20:30] = 255
    ink[50:60, 20:60] = 255
    moments = cv2.moments(crop_of(ink))
    assert abs(moments["m10"] / moments["m00"] - 14) <= 0.5
    assert abs(moments["m01"] / moments["m00"] - 14) <= 0.5


def test_faint_ink_comes_out_as_strong_as_dark_ink() -> None:
    ink = np.zeros((40, 40), np.uint8)
    cv2.circle(ink, (20, 20), 12, 255, 3, cv2.LINE_AA)
    faint = crop_of(np.asarray(ink // 16, np.uint8))
    assert faint.max() == 255
    assert np.abs(faint.astype(int) - crop_of(ink)).mean() < 3


def test_edges_stay_soft() -> None:
    ink = np.zeros((200, 200), np.uint8)
    cv2.circle(ink, (100, 100), 60, 255, 12, cv2.LINE_AA)
    crop = crop_of(ink)
    assert np.count_nonzero((crop > 32) & (crop < 224)) > 40


@settings(max_examples=50)
@given(
    ink=hnp.arrays(
        np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.sampled_from([0, 0, 0, 60, 255])
    )
)
def test_any_ink_gives_a_valid_crop(ink: Ink) -> None:
    if not ink.any():
        return
    crop = crop_of(ink)
    assert crop.shape == (28, 28)
    assert crop.dtype == np.uint8
    assert crop.max() == 255
    assert max(extent(crop)[2:]) <= 20


@pytest.mark.parametrize("shape", [(28, 28), (1, 1), (0, 5)])
def test_an_image_without_ink_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="Expected ink above 0"):
        crop_of(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    ("ink", "received"),
    [
        (np.ones((28, 28, 3), np.uint8), r"shape=\(28, 28, 3\), dtype=uint8"),
        (np.ones((28, 28), np.float32), r"shape=\(28, 28\), dtype=float32"),
    ],
)
def test_arrays_that_are_not_ink_are_refused(ink: npt.NDArray[np.uint8], received: str) -> None:
    with pytest.raises(ValueError, match=rf"Expected ink <uint8>\[h, w\]. Received: {received}"):
        crop_of(ink)


def ring(thickness_px: int) -> Ink:
    """The ink of a ring of 200 pixels."""
    return np.asarray(cv2.circle(np.zeros((240, 240), np.uint8), (120, 120), 100, 255, thickness_px, cv2.LINE_AA))


@pytest.mark.parametrize(("thickness_px", "stroke"), [(2, 2.1), (10, 2.1), (15, 2.1), (20, 1.8), (30, 2.5)])
def test_strokes_are_at_least_as_thick_as_mnists(thickness_px: int, stroke: float) -> None:
    """A stroke of 2 of 200 pixels is a fifth of a pixel of a crop; broader pens stay as they are."""
    crop = crop_of(ring(thickness_px))
    assert stroke_px(crop) == pytest.approx(stroke, abs=0.2)
    assert crop.max() == 255


def test_a_strokes_thickness_is_that_of_a_bar() -> None:
    crop = np.zeros((28, 28), np.uint8)
    crop[4:24, 12:15] = 255
    assert stroke_px(crop) == pytest.approx(3, abs=0.5)


def test_a_broadened_stroke_stays_in_the_box() -> None:
    assert extent(crop_of(ring(2))) == (4, 4, 20, 20)
