"""Tests of `device.watch.tracker`."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.vision.boxes import Box, iou
from device.watch.tracker import Detection, Tracker

HERE, NEAR, THERE = Box(100, 100, 60, 80), Box(110, 105, 60, 80), Box(400, 100, 60, 80)
BOXES = st.builds(Box, st.integers(-9, 9), st.integers(-9, 9), st.integers(0, 9), st.integers(0, 9))
SEQUENCES = st.lists(st.lists(st.tuples(st.sampled_from("17"), BOXES), max_size=4))


def confirmed(frames: int, *sequence: Sequence[Detection]) -> list[tuple[int, ...]]:
    tracker = Tracker(frames)
    return [tracker.update(detections) for detections in sequence]


def test_a_digit_is_confirmed_once_when_enough_frames_agree() -> None:
    assert confirmed(3, *[[("7", HERE)]] * 6) == [(), (), (0,), (), (), ()]


def test_one_frame_is_enough_where_one_is_asked_for() -> None:
    assert confirmed(1, [("7", HERE)], [("7", HERE)]) == [(0,), ()]


def test_a_frame_without_the_digit_resets_the_count() -> None:
    seven: list[Detection] = [("7", HERE)]
    assert confirmed(3, seven, seven, [], seven, seven, seven) == [(), (), (), (), (), (0,)]


def test_a_frame_with_another_digit_resets_the_count() -> None:
    seven: list[Detection] = [("7", HERE)]
    assert confirmed(2, seven, [("1", HERE)], seven, seven) == [(), (), (), (0,)]


def test_a_confirmed_digit_is_not_confirmed_again_after_a_glitch() -> None:
    seven: list[Detection] = [("7", HERE)]
    glitches: list[list[Detection]] = [[], [("1", HERE)], [(None, HERE)], [(None, None)]]
    for glitch in glitches:
        assert confirmed(3, seven, seven, seven, glitch, seven, seven, seven, seven)[3:] == [()] * 5


def test_a_digit_that_was_away_long_enough_is_confirmed_again() -> None:
    seven: list[Detection] = [("7", HERE)]
    assert confirmed(2, seven, seven, [], [], seven, seven) == [(), (0,), (), (), (), (0,)]


def test_another_digit_in_the_same_box_is_confirmed() -> None:
    assert confirmed(2, *[[("7", HERE)]] * 3, *[[("8", HERE)]] * 3) == [(), (0,), (), (), (0,), ()]


def test_two_equal_digits_are_two_tracks() -> None:
    assert confirmed(2, *[[("7", HERE), ("7", THERE)]] * 3) == [(), (0, 1), ()]


def test_a_digit_that_jumps_elsewhere_starts_a_new_track() -> None:
    assert confirmed(2, [("7", HERE)], [("7", THERE)], [("7", THERE)]) == [(), (), (0,)]


def test_a_digit_that_drifts_is_followed() -> None:
    drifting = [[("7", Box(10 * step, 100, 60, 80))] for step in range(20)]
    assert confirmed(3, *drifting) == [(), (), (0,), *[()] * 17]


def test_the_index_is_that_of_the_detection() -> None:
    frame: list[Detection] = [(None, THERE), (None, None), ("7", HERE)]
    assert confirmed(2, frame, frame) == [(), (2,)]


def test_a_detection_without_a_label_is_never_confirmed() -> None:
    assert confirmed(1, [(None, HERE), (None, None)]) == [()]


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
def test_iou_is_intersection_over_union(one: Box, other: Box, share: float) -> None:
    assert iou(one, other) == pytest.approx(share)


@given(one=BOXES, other=BOXES)
def test_iou_is_symmetric_and_in_0_to_1(one: Box, other: Box) -> None:
    assert 0 <= iou(one, other) == iou(other, one) <= 1


@given(frames=st.integers(1, 4), before=SEQUENCES, after=SEQUENCES)
def test_after_enough_empty_frames_a_tracker_is_as_new(
    frames: int, before: list[list[Detection]], after: list[list[Detection]]
) -> None:
    used, new = Tracker(frames), Tracker(frames)
    for detections in [*before, *[[]] * frames]:
        assert len(set(used.update(detections))) <= len(detections)
    assert [used.update(detections) for detections in after] == [new.update(detections) for detections in after]


def test_no_frame_is_too_few() -> None:
    with pytest.raises(ValueError, match=r"^Expected frames >= 1\. Received: 0$"):
        Tracker(0)
