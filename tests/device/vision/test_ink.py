"""Tests of `device.vision.ink` with literal masks and grey levels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from device.vision.ink import Rules, background_of, contrast, ruled_lines, strong_ink, typical, without_rules

Mask = npt.NDArray[np.uint8]
Rectangle = tuple[int, int, int, int]

# On masks 100 pixels wide and 60 high.
FRAME = Rules(max_thickness_px=3, min_length_px=40, to_edge=False)
SINGLE = Rules(max_thickness_px=3, min_length_px=40, to_edge=True)


def mask_of(*rectangles: Rectangle) -> Mask:
    """A mask of 60 rows of 100 pixels with rectangles (x, y, width, height) in it."""
    mask = np.zeros((60, 100), np.uint8)
    for x, y, width, height in rectangles:
        mask[y : y + height, x : x + width] = 1
    return mask


def assert_lines(mask: Mask, rules: Rules, *expected: Rectangle) -> None:
    """Compares the ruled lines of a mask, and of the mask turned by 90 degrees."""
    np.testing.assert_array_equal(ruled_lines(mask, rules), mask_of(*expected))
    if not rules.to_edge:
        np.testing.assert_array_equal(ruled_lines(np.ascontiguousarray(mask.T), rules).T, mask_of(*expected))


def test_contrast_is_the_maximum_over_the_channels_and_not_below_0() -> None:
    over = np.array([[[10, 20, 200], [5, 5, 5]]], np.uint8)
    under = np.array([[[0, 50, 170], [9, 9, 9]]], np.uint8)
    assert contrast(over, under).tolist() == [[30, 0]]
    assert contrast(over[..., 0], under[..., 0]).tolist() == [[10, 0]]
    assert contrast(over[..., [2, 0, 1]], under[..., [2, 0, 1]]).tolist() == [[30, 0]]
    assert contrast(over[..., [0, 2, 1]], under[..., [0, 2, 1]]).tolist() == [[30, 0]]


def test_the_typical_value_is_the_median_of_a_grid_of_64_by_64_pixels() -> None:
    assert typical(np.array([[1, 2], [3, 9]], np.uint8)) == 2.5
    columns, rows = np.full((128, 128), 9, np.uint8), np.full((128, 128), 9, np.uint8)
    columns[:, ::2] = rows[::2] = 3
    assert (typical(columns), typical(rows)) == (3.0, 3.0)
    columns[:, 40:] = rows[40:] = 9
    assert (typical(columns[:, :127]), typical(rows[:127])) == (9.0, 9.0)


@pytest.mark.parametrize(
    ("min_ink", "window_px", "of_peak", "expected"),
    [
        (2, 3, 0.4, [1, 0, 0, 0, 0, 0, 0, 1]),
        (3, 3, 0.25, [1, 0, 0, 0, 0, 0, 0, 1]),
        (2.4, 4, 0.2, [1, 1, 0, 0, 0, 0, 0, 1]),
        (2, 15, 0.4, [1, 0, 0, 0, 0, 0, 0, 0]),
        (2, 15, 0.0, [1, 1, 0, 0, 0, 0, 0, 1]),
    ],
)
def test_strong_ink_exceeds_the_minimum_and_a_fraction_of_the_maximum_nearby(
    min_ink: float, window_px: int, of_peak: float, expected: list[int]
) -> None:
    ink = np.array([[10, 3, 0, 0, 0, 0, 0, 4]], np.uint8)
    assert strong_ink(ink, min_ink, window_px, of_peak).tolist() == [expected]
    assert strong_ink(ink.T.copy(), min_ink, window_px, of_peak).T.tolist() == [expected]


@pytest.mark.parametrize(
    ("line", "is_line"),
    [
        ((20, 30, 40, 1), True),
        ((20, 30, 39, 1), False),
        ((20, 30, 50, 2), True),
        ((20, 30, 49, 2), False),
        ((20, 30, 75, 3), True),
        ((20, 30, 74, 3), False),
        ((0, 30, 100, 3), True),
    ],
)
def test_a_ruled_line_is_long_and_at_least_25_times_as_long_as_thick(line: Rectangle, is_line: bool) -> None:
    assert_lines(mask_of(line), FRAME, *([line] if is_line else []))


def test_a_line_thicker_than_a_ruled_one_stays_but_for_its_first_row() -> None:
    assert_lines(mask_of((0, 30, 100, 4)), FRAME, (0, 30, 100, 1))


@pytest.mark.parametrize(
    ("line", "is_line"),
    [
        ((0, 30, 10, 2), True),
        ((0, 30, 9, 2), False),
        ((1, 30, 10, 2), False),
        ((90, 30, 10, 2), True),
        ((91, 30, 9, 2), False),
        ((89, 30, 10, 2), False),
    ],
)
def test_at_the_edge_a_quarter_of_the_length_makes_a_ruled_line(line: Rectangle, is_line: bool) -> None:
    assert_lines(mask_of(line), FRAME, *([line] if is_line else []))


def test_two_lines_are_both_found_among_other_ink() -> None:
    lines = [(10, 10, 60, 1), (30, 50, 60, 2)]
    assert_lines(mask_of(*lines, (40, 20, 12, 12), (5, 40, 30, 1)), FRAME, *lines)


@pytest.mark.parametrize(("gap_px", "is_line"), [(6, True), (7, False)])
def test_a_ruled_line_may_have_gaps_of_6_pixels(gap_px: int, is_line: bool) -> None:
    parts = [(10, 30, 20, 1), (30 + gap_px, 30, 20, 1)]
    assert_lines(mask_of(*parts), FRAME, *(parts if is_line else []))


def test_a_stroke_across_a_ruled_line_stays() -> None:
    assert_lines(mask_of((10, 30, 80, 2), (40, 20, 3, 20)), FRAME, (10, 30, 30, 2), (43, 30, 47, 2))


def test_where_two_ruled_lines_cross_both_are_whole() -> None:
    lines = [(0, 30, 100, 2), (50, 0, 2, 60)]
    assert_lines(mask_of(*lines), FRAME, *lines)


@pytest.mark.parametrize(("step_px", "steps", "is_line"), [(8, 10, True), (6, 11, True), (5, 12, False)])
def test_a_ruled_line_may_be_tilted_by_an_eighth_of_its_length(step_px: int, steps: int, is_line: bool) -> None:
    parts = [(10 + step_px * step, 20 + step, step_px, 1) for step in range(steps)]
    assert_lines(mask_of(*parts), FRAME, *(parts if is_line else []))


@pytest.mark.parametrize(
    ("line", "is_line"),
    [
        ((0, 30, 100, 3), True),
        ((3, 30, 94, 2), True),
        ((4, 30, 93, 2), False),
        ((3, 30, 93, 2), False),
        ((0, 12, 40, 1), True),
        ((0, 12, 39, 1), False),
        ((0, 13, 40, 1), False),
        ((60, 48, 40, 1), True),
        ((60, 47, 40, 1), False),
        ((4, 5, 60, 1), False),
        ((3, 5, 60, 3), True),
    ],
)
def test_in_an_image_of_one_digit_lines_run_from_edge_to_edge_or_along_an_edge(line: Rectangle, is_line: bool) -> None:
    assert_lines(mask_of(line), SINGLE, *([line] if is_line else []))


@pytest.mark.parametrize(("x", "is_line"), [(2, True), (3, False)])
def test_in_an_image_of_one_digit_the_edge_is_a_32nd_of_the_width(x: int, is_line: bool) -> None:
    mask = np.zeros((60, 64), np.uint8)
    mask[30, x:] = 1
    np.testing.assert_array_equal(ruled_lines(mask, SINGLE), mask if is_line else 0 * mask)


@pytest.mark.parametrize(("gap_px", "is_line"), [(40, True), (41, False)])
def test_in_an_image_of_one_digit_lines_may_have_gaps_of_their_minimum_length(gap_px: int, is_line: bool) -> None:
    parts = [(0, 30, 30, 1), (30 + gap_px, 30, 70 - gap_px, 1)]
    assert_lines(mask_of(*parts), SINGLE, *(parts if is_line else []))


def test_a_stroke_along_the_line_of_one_digits_image_stays() -> None:
    line = (0, 30, 100, 1)
    assert_lines(mask_of(line, (40, 31, 10, 1)), SINGLE, line, (40, 31, 10, 1))
    assert_lines(mask_of(line, (40, 31, 10, 2)), SINGLE, line, (40, 31, 10, 1))
    assert_lines(mask_of(line, (40, 28, 10, 2)), SINGLE, line, (40, 29, 10, 1))
    step = ((0, 30, 40, 1), (40, 31, 10, 2), (50, 30, 50, 1))
    assert_lines(mask_of(*step), SINGLE, *step)
    corner = (50, 5, 50, 1)
    assert_lines(mask_of(corner, (70, 6, 8, 2)), SINGLE, corner, (70, 6, 8, 1))


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 60), st.integers(1, 60)), elements=st.integers(0, 1)))
def test_ruled_lines_lie_in_the_mask_and_turn_with_it(mask: Mask) -> None:
    rules = Rules(max_thickness_px=2, min_length_px=8, to_edge=False)
    lines = ruled_lines(mask, rules)
    assert (lines <= mask).all()
    np.testing.assert_array_equal(ruled_lines(np.ascontiguousarray(mask.T), rules).T, lines)


def test_strong_and_pale_lines_are_removed_and_strokes_stay() -> None:
    stroke = 200 * mask_of((40, 5, 4, 30))
    lines = 150 * mask_of((0, 12, 100, 2)) + 40 * mask_of((0, 20, 100, 2)) + 10 * mask_of((0, 28, 100, 2))
    ink = np.asarray(np.maximum(stroke, lines), np.uint8)
    np.testing.assert_array_equal(without_rules(ink, 8, 31, FRAME), stroke)


def test_ink_at_the_minimum_is_not_removed() -> None:
    ink = np.asarray(10 * mask_of((0, 28, 100, 2)), np.uint8)
    np.testing.assert_array_equal(without_rules(ink, 10, 31, FRAME), ink)
    np.testing.assert_array_equal(without_rules(ink, 9, 31, FRAME), 0 * ink)


@pytest.mark.parametrize(("halo", "column"), [(79, [0, 79, 0, 0, 79, 79]), (90, [0, 90, 200, 200, 90, 90])])
def test_the_core_of_a_line_is_removed_if_its_halo_is_below_two_fifths(halo: int, column: list[int]) -> None:
    ink: Mask = np.maximum(200 * mask_of((0, 30, 100, 2)), halo * mask_of((0, 28, 100, 6)))
    assert without_rules(ink, 8, 31, FRAME)[28:34, 50].tolist() == column


@pytest.mark.parametrize("paper", [200, (30, 20, 10)])
@pytest.mark.parametrize("ink", [0, 120, 255])
def test_the_background_of_ink_on_even_paper_is_the_paper(paper: int | tuple[int, int, int], ink: int) -> None:
    channels = () if isinstance(paper, int) else (3,)
    image = np.full((40, 60, *channels), paper, np.uint8)
    expected = image.copy()
    image[10:30, 28:32] = ink
    np.testing.assert_array_equal(background_of(image, 20, 8), expected)


def test_the_background_follows_the_light() -> None:
    image = np.tile(np.linspace(100, 220, 60), (40, 1)).astype(np.uint8)
    image[15:25, 20:23] = 20
    background = background_of(image, 20, 8)
    assert background[20, ::6].tolist() == [108, 113, 124, 134, 150, 161, 173, 185, 197, 206]


def test_pixels_beyond_the_minimum_contrast_are_not_paper() -> None:
    image = np.full((40, 60), 100, np.uint8)
    image[:, ::3] = 108
    assert sorted(set(background_of(image, 20, 8).ravel().tolist())) == [102, 103]
    assert sorted(set(background_of(image, 20, 5).ravel().tolist())) == [102, 103]


def test_where_there_is_hardly_any_paper_the_background_is_the_median() -> None:
    image = np.full((40, 60), 200, np.uint8)
    image[:, :45] = 60
    assert background_of(image, 20, 8)[20, ::10].tolist() == [60, 60, 60, 60, 60, 200]


@pytest.mark.parametrize("shape", [(1, 30), (30, 1), (2, 2), (3, 40)])
def test_the_background_of_a_narrow_image_has_its_shape(shape: tuple[int, int]) -> None:
    assert background_of(np.full(shape, 77, np.uint8), 20, 8).tolist() == np.full(shape, 77).tolist()
