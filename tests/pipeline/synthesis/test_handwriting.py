"""Tests of `pipeline.synthesis.handwriting`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.runner import Runner
from device.vision.normalise import crop_of
from pipeline.synthesis.handwriting import FORMS, pen, scribble, write
from tests.conftest import MODELS

SEEDS = st.integers(0, 2**32)


def is_ink_with_a_margin(ink: npt.NDArray[np.uint8]) -> bool:
    edges = np.concatenate([ink[0], ink[-1], ink[:, 0], ink[:, -1]])
    return ink.dtype == np.uint8 and ink.ndim == 2 and ink.max() == 255 and not edges.any()


def test_each_digit_has_two_forms_or_more() -> None:
    assert list(FORMS) == list(range(10))
    assert all(len(forms) >= 2 for forms in FORMS.values())


def test_every_form_is_about_one_high() -> None:
    for strokes in (strokes for forms in FORMS.values() for strokes in forms):
        y = [point[1] for stroke in strokes for point in stroke]
        assert -0.1 <= min(y) <= 0.1
        assert 0.85 <= max(y) <= 1.1


@given(digit=st.integers(0, 9), seed=SEEDS)
@settings(deadline=None)
def test_a_digit_is_ink_inside_a_margin(digit: int, seed: int) -> None:
    ink = write(digit, np.random.default_rng(seed))
    assert is_ink_with_a_margin(ink)
    assert 70 <= ink.shape[0] <= 130
    assert 32 <= ink.shape[1] <= 130


@given(seed=SEEDS)
@settings(deadline=None)
def test_a_scribble_is_ink_inside_a_margin(seed: int) -> None:
    assert is_ink_with_a_margin(scribble(np.random.default_rng(seed)))


@pytest.mark.parametrize("digit", range(10))
def test_a_seed_writes_the_same_digit_again(digit: int) -> None:
    first, again = (write(digit, np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(first, again)


def test_seeds_write_different_digits_and_scribbles() -> None:
    assert len({write(7, np.random.default_rng(seed)).tobytes() for seed in range(50)}) == 50
    assert len({scribble(np.random.default_rng(seed)).tobytes() for seed in range(50)}) == 50


def test_a_straight_stroke_is_as_long_as_the_box_is_high() -> None:
    """56 pixels, and a margin of 16 at either end; bending and slant change that by a few."""
    for seed in range(50):
        height, width = pen([((0.0, 0.0), (0.0, 1.0))], np.random.default_rng(seed)).shape
        assert 82 <= height <= 94
        assert 32 <= width <= 60


def test_strokes_that_meet_stay_one_piece() -> None:
    for seed in range(50):
        ink = pen([((0.0, 0.0), (0.5, 0.0)), ((0.5, 0.0), (0.2, 1.0))], np.random.default_rng(seed))
        rows = np.flatnonzero(ink.any(axis=1))
        assert rows[-1] - rows[0] == len(rows) - 1


def test_a_released_model_reads_what_is_written() -> None:
    """Most of it: it may not have been trained on these forms."""
    rng, labels = np.random.default_rng(0), np.arange(200) % 10
    with Runner(MODELS / "rows2d") as runner:
        right = [runner.classify(crop_of(write(int(label), rng))).index == label for label in labels]
    assert np.mean(right) >= 0.9
