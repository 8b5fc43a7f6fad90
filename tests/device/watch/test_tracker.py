"""Tests of `device.watch.tracker`."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.vision.boxes import Box, iou
from device.watch.tracker import Place, Tracker

HERE, NEAR, THERE = Box(100, 100, 60, 80), Box(110, 105, 60, 80), Box(400, 100, 60, 80)
BOXES = st.builds(Box, st.integers(-9, 9), st.integers(-9, 9), st.integers(0, 9), st.integers(0, 9))


def told(frames: int, *sequence: Sequence[Place]) -> list[tuple[int, ...]]:
    tracks = Tracker(frames)
    return [tracks.new(places) for places in sequence]


def test_a_digit_is_told_once_when_enough_frames_agree() -> None:
    assert told(3, *[[("7", HERE)]] * 6) == [(), (), (0,), (), (), ()]


def test_one_frame_is_enough_where_one_is_asked_for() -> None:
    assert told(1, [("7", HERE)], [("7", HERE)]) == [(0,), ()]


def test_a_frame_without_it_starts_the_count_anew() -> None:
    seven: list[Place] = [("7", HERE)]
    assert told(3, seven, seven, [], seven, seven, seven) == [(), (), (), (), (), (0,)]


def test_a_frame_that_reads_another_digit_starts_the_count_anew() -> None:
    seven: list[Place] = [("7", HERE)]
    assert told(2, seven, [("1", HERE)], seven, seven) == [(), (), (), (0,)]


def test_a_digit_that_was_told_is_not_told_again_after_a_glitch() -> None:
    seven: list[Place] = [("7", HERE)]
    glitches: list[list[Place]] = [[], [("1", HERE)], [(None, HERE)], [(None, None)]]
    for glitch in glitches:
        assert told(3, seven, seven, seven, glitch, seven, seven, seven, seven)[3:] == [()] * 5


def test_a_digit_that_was_away_long_enough_appears_again() -> None:
    seven: list[Place] = [("7", HERE)]
    assert told(2, seven, seven, [], [], seven, seven) == [(), (0,), (), (), (), (0,)]


def test_a_digit_replaced_by_another_at_its_place() -> None:
    assert told(2, *[[("7", HERE)]] * 3, *[[("8", HERE)]] * 3) == [(), (0,), (), (), (0,), ()]


def test_two_of_one_digit_are_two_appearances() -> None:
    assert told(2, *[[("7", HERE), ("7", THERE)]] * 3) == [(), (0, 1), ()]


def test_a_digit_that_jumps_elsewhere_is_another_appearance() -> None:
    assert told(2, [("7", HERE)], [("7", THERE)], [("7", THERE)]) == [(), (), (0,)]


def test_a_digit_that_drifts_is_followed() -> None:
    drifting = [[("7", Box(10 * step, 100, 60, 80))] for step in range(20)]
    assert told(3, *drifting) == [(), (), (0,), *[()] * 17]


def test_the_index_is_that_of_the_place_given() -> None:
    frame: list[Place] = [(None, THERE), (None, None), ("7", HERE)]
    assert told(2, frame, frame) == [(), (2,)]


def test_what_is_no_digit_is_never_told() -> None:
    assert told(1, [(None, HERE), (None, None)]) == [()]


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        (HERE, HERE, 1.0),
        (HERE, THERE, 0.0),
        (Box(0, 0, 2, 2), Box(1, 0, 2, 2), 2 / 6),
        (Box(0, 0, 4, 4), Box(1, 1, 2, 2), 0.25),
        (Box(0, 0, 2, 2), Box(2, 0, 2, 2), 0.0),
        (Box(0, 0, 0, 0), Box(0, 0, 0, 0), 0.0),
    ],
)
def test_overlap_is_intersection_over_union(one: Box, other: Box, share: float) -> None:
    assert iou(one, other) == pytest.approx(share)


@given(one=BOXES, other=BOXES)
def test_overlap_is_symmetric_and_a_fraction(one: Box, other: Box) -> None:
    assert 0 <= iou(one, other) == iou(other, one) <= 1


@given(frames=st.integers(1, 4), sequence=st.lists(st.lists(st.tuples(st.sampled_from("17"), BOXES), max_size=4)))
def test_what_leaves_the_view_is_forgotten(frames: int, sequence: list[list[Place]]) -> None:
    tracks = Tracker(frames)
    for places in sequence:
        assert len(set(tracks.new(places))) <= len(places)
    for _ in range(frames):
        tracks.new([])
    assert tracks._in_view == []


@pytest.mark.parametrize(("frames", "min_overlap"), [(0, 0.3), (3, 0.0), (3, 1.1), (3, float("nan"))])
def test_limits_that_cannot_be_are_refused(frames: int, min_overlap: float) -> None:
    with pytest.raises(ValueError, match=r"Expected at least 1 frame, and an overlap above 0 and up to 1\. Received: "):
        Tracker(frames, min_overlap)
