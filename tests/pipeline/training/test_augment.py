"""Tests of `pipeline.training.augment`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from device.pixels import unit_range
from pipeline.training.augment import random_affine
from pipeline.training.recipe import AffineRange
from tests.conftest import Digits

STILL = AffineRange(rotation_degrees=0.0, scale=0.0, shear=0.0, shift_pixels=0.0)
REACHES = st.builds(AffineRange, st.floats(0, 180), st.floats(0, 0.9), st.floats(0, 2), st.floats(0, 5))
SEEDS = st.tuples(st.integers(0, 2**31), st.integers(0, 2**31))


def views(crops: npt.NDArray[np.float32], seed: tuple[int, int], reach: AffineRange) -> npt.NDArray[np.float32]:
    return np.asarray(random_affine(tf.constant(crops), tf.constant(seed, tf.int64), reach))


def centre(view: npt.NDArray[np.float32]) -> tuple[float, float]:
    rows, columns = view.sum(axis=(1, 2)), view.sum(axis=(0, 2))
    return float(rows @ np.arange(28) / rows.sum()), float(columns @ np.arange(28) / columns.sum())


def square() -> npt.NDArray[np.float32]:
    image = np.zeros((1, 28, 28, 1), np.float32)
    image[0, 12:16, 12:16] = 1.0
    return image


def test_same_seed_gives_the_same_views(digits: Digits) -> None:
    """The same seed gives the same views."""
    crops = unit_range(digits[0][:20])
    assert np.array_equal(views(crops, (7, 3), AffineRange()), views(crops, (7, 3), AffineRange()))


def test_another_seed_gives_other_views(digits: Digits) -> None:
    """A seed that differs in either number gives another view of every crop."""
    crops = unit_range(digits[0][:20])
    given_views = views(crops, (7, 3), AffineRange())
    for other in ((7, 4), (8, 3)):
        assert np.all(np.abs(given_views - views(crops, other, AffineRange())).max(axis=(1, 2, 3)) > 0)


def test_crops_of_a_batch_get_views_of_their_own(digits: Digits) -> None:
    """The same crop twice in a batch gives two different views."""
    first, second = views(unit_range(digits[0][[5, 5]]), (7, 3), AffineRange())
    assert np.abs(first - second).max() > 0


@given(seed=SEEDS)
@settings(deadline=None, max_examples=20)
def test_no_reach_leaves_crops_as_they_are(digits: Digits, seed: tuple[int, int]) -> None:
    """With nothing to vary, a view is the crop."""
    crops = unit_range(digits[0][::50])
    assert np.abs(views(crops, seed, STILL) - crops).max() <= 1e-6


@given(count=st.integers(1, 4), seed=SEEDS, reach=REACHES)
@settings(deadline=None, max_examples=30)
def test_views_keep_shape_and_range(digits: Digits, count: int, seed: tuple[int, int], reach: AffineRange) -> None:
    """However far a view may stray, it is `<float32>[n, 28, 28, 1]` in 0..1."""
    view = views(unit_range(digits[0][:count]), seed, reach)
    assert view.shape == (count, 28, 28, 1)
    assert view.dtype == np.float32
    assert view.min() >= 0
    assert view.max() <= 1 + 1e-6


@given(seed=SEEDS)
@settings(deadline=None, max_examples=30)
def test_shift_moves_no_further_than_its_range(seed: tuple[int, int]) -> None:
    """With a range of 1.5 pixels alone, a square's centre moves by no more than 1.5 pixels along each axis."""
    (view,) = views(square(), seed, AffineRange(rotation_degrees=0.0, scale=0.0, shear=0.0, shift_pixels=1.5))
    assert centre(view) == pytest.approx((13.5, 13.5), abs=1.5 + 1e-3)


@given(seed=SEEDS)
@settings(deadline=None, max_examples=30)
def test_all_but_shift_leaves_the_middle_in_place(seed: tuple[int, int]) -> None:
    """Rotation, scale and shear are about the crop's middle: a square's centre stays there."""
    (view,) = views(square(), seed, AffineRange(shift_pixels=0.0))
    assert centre(view) == pytest.approx((13.5, 13.5), abs=1e-3)


@given(seed=SEEDS)
@settings(deadline=None, max_examples=30)
def test_rotation_keeps_the_ink(seed: tuple[int, int]) -> None:
    """Rotation alone stretches nothing: the 16 pixels of a square stay 16, but for what resampling rounds."""
    (view,) = views(square(), seed, AffineRange(rotation_degrees=45.0, scale=0.0, shear=0.0, shift_pixels=0.0))
    assert view.sum() == pytest.approx(16, abs=1)


@pytest.mark.parametrize("scale", [-0.01, 1.0, float("nan")])
def test_refuses_a_scale_out_of_range(scale: float) -> None:
    """A scale under 0, or one that could shrink a crop to nothing, is refused."""
    with pytest.raises(ValueError, match="Expected 0 <= scale < 1"):
        AffineRange(scale=scale)
