"""Tests of `pipeline.training.corruptions`."""

from __future__ import annotations

import numpy as np

from device.arrays import Float32
from pipeline.training.corruptions import corrupted
from tests.conftest import Digits


def scaled(digits: Digits) -> Float32:
    return np.asarray(digits[0][..., np.newaxis] / np.float32(255))


def test_a_share_of_the_crops_is_corrupted(digits: Digits) -> None:
    """About a quarter, the others stay as they are, and what is given stays, too."""
    crops = scaled(digits)
    before = crops.copy()
    changed = (corrupted(crops, 0.25, np.random.default_rng(1)) != crops).any(axis=(1, 2, 3))
    assert 0.18 < changed.mean() < 0.32
    assert np.array_equal(crops, before)


def test_none_or_all_are_corrupted(digits: Digits) -> None:
    crops = scaled(digits)
    assert np.array_equal(corrupted(crops, 0.0, np.random.default_rng(1)), crops)
    changed = (corrupted(crops, 1.0, np.random.default_rng(1)) != crops).any(axis=(1, 2, 3))
    assert changed.mean() > 0.95


def test_corrupted_crops_stay_in_range_and_a_seed_repeats_them(digits: Digits) -> None:
    first, again = (corrupted(scaled(digits), 1.0, np.random.default_rng(2)) for _ in range(2))
    assert np.array_equal(first, again)
    assert first.dtype == np.float32
    assert 0 <= float(first.min()) <= float(first.max()) <= 1
