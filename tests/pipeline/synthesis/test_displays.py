"""Tests of `pipeline.synthesis.displays`."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.synthesis.displays import dot_matrix, drum, no_digit_segments, segments
from pipeline.synthesis.fonts import held_out_fonts
from pipeline.synthesis.photograph import found_crop, photograph, photograph_drum

FONTS = held_out_fonts()


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(st.integers(0, 9), st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_lit_parts_are_255_and_unlit_ones_faint(digit: int, seed: int) -> None:
    """Nothing reaches the edge, and what is not lit is at most a quarter as strong."""
    for ink in (segments(digit, rng(seed)), dot_matrix(digit, FONTS, rng(seed))):
        assert ink.dtype == np.uint8
        assert ink.max() == 255
        assert max(ink[0].max(), ink[-1].max(), ink[:, 0].max(), ink[:, -1].max()) == 0
        # Soft edges apart.
        assert np.mean((ink > 70) & (ink < 200)) < 0.2


@pytest.mark.parametrize(("digit", "bars"), [(1, {2}), (8, {7, 8}), (3, {5, 6})])
def test_a_digit_lights_its_segments(digit: int, bars: set[int]) -> None:
    """Drawn with gaps, each lit segment is a piece; the middle one is two in a display of fourteen."""
    counts = set()
    for seed in range(60):
        ink = np.asarray(segments(digit, rng(seed)) > 254, np.uint8)
        counts.add(cv2.connectedComponents(cv2.erode(ink, np.ones((3, 3), np.uint8)))[0] - 1)
    assert max(counts) in bars


def test_a_letter_of_segments_is_drawn_alike() -> None:
    ink = no_digit_segments(rng(3))
    assert (ink.dtype, int(ink.max())) == (np.dtype(np.uint8), 255)


@pytest.mark.parametrize("draw", [segments, lambda digit, seeded: dot_matrix(digit, FONTS, seeded)])
def test_a_seed_draws_the_same_again(draw: object) -> None:
    assert callable(draw)
    assert np.array_equal(draw(5, rng(1)), draw(5, rng(1)))


def test_a_drum_shows_the_digit_in_its_middle_until_it_turns() -> None:
    """Not turned, the digit's rows are in the window's middle; turned by half, only half of them are left."""
    still, half = drum(3, 0.0, FONTS, rng(4)), drum(3, 0.5, FONTS, rng(4))
    assert abs((still.top + still.bottom) / 2 - len(still.ink) / 2) < 0.1 * len(still.ink)
    assert half.top == 0
    assert half.bottom - half.top < 0.75 * (still.bottom - still.top)
    assert 0 <= float(still.ink.min()) <= float(still.ink.max()) <= 1


def test_photographed_displays_and_drums_are_found() -> None:
    """The finder cuts most of them out whole."""
    found = 0
    for seed in range(40):
        generator = rng(seed)
        found += found_crop(photograph(segments(seed % 10, generator), generator, pen=False)) is not None
        found += found_crop(photograph_drum(drum(seed % 10, 0.0, FONTS, generator), generator)) is not None
    assert found > 52
