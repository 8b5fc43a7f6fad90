"""Tests of `device.watch.watcher`."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from device.contract.predictions import Prediction
from device.runner import Runner
from device.sources.frames import Frame
from device.vision.boxes import Box
from device.vision.finder import Finder
from device.vision.region import Region
from device.watch.options import WatchOptions
from device.watch.watcher import DigitReading, Timings, Watcher, chosen, due, watch
from tests.conftest import MODELS, Digits
from tests.support.scenes import Image, blank, page


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    """The default model."""
    with Runner(MODELS / "rows2d") as runner:
        yield runner


def labels(readings: Iterator[DigitReading]) -> list[str | None]:
    return [reading.label for reading in readings]


def moving(images: list[Image]) -> list[Frame]:
    return [Frame(image, number, position_s=number / 10) for number, image in enumerate(images)]


def test_the_digits_of_a_picture_are_read_in_reading_order(runner: Runner, digits: Digits) -> None:
    readings = list(watch([Frame(page(digits, (3, 1, 4)), 5, "a.png")], runner))
    assert [reading.label for reading in readings] == ["3", "1", "4"]
    for place, reading in enumerate(readings):
        assert reading.frame.number == 5
        assert reading.box is not None
        assert 40 + 150 * place <= reading.box.x < reading.box.x + reading.box.width <= 130 + 150 * place
        assert 75 <= reading.box.y < reading.box.y + reading.box.height <= 165


def test_a_reading_is_the_runners_prediction_for_the_finders_crop(runner: Runner, digits: Digits) -> None:
    image = page(digits, (7,))
    (candidate,) = Finder().find(image)
    (reading,) = watch([Frame(image)], runner)
    expected = runner.read(candidate.crop)
    assert reading.prediction is not None
    assert (reading.prediction.top, reading.prediction.lines_read) == (expected.top, 28)
    assert reading.crop is not None
    np.testing.assert_array_equal(reading.crop, candidate.crop)


def test_early_exit_reads_no_further_than_the_runner_does(runner: Runner, digits: Digits) -> None:
    image = page(digits, (0, 1, 2, 6))
    lines = [
        r.prediction.lines_read for r in watch([Frame(image)], runner, WatchOptions(early_exit=True)) if r.prediction
    ]
    expected = [runner.read(candidate.crop, early_exit=True).lines_read for candidate in Finder().find(image)]
    assert lines == expected


def test_a_still_without_digits_gives_one_empty_reading(runner: Runner) -> None:
    (reading,) = watch([Frame(blank())], runner)
    assert (reading.box, reading.crop, reading.prediction, reading.label) == (None, None, None, None)


def test_a_video_frame_without_digits_gives_no_reading(runner: Runner) -> None:
    assert list(watch(moving([blank()]), runner)) == []


def test_with_one_every_frame_gives_a_reading(runner: Runner, digits: Digits) -> None:
    frames = moving([blank(200, 200), page(digits, (4,), 170, 160), blank(200, 200)])
    assert labels(watch(frames, runner, WatchOptions(one=True))) == [None, "4", None]


def test_only_the_region_is_searched_and_boxes_are_in_the_frame(runner: Runner, digits: Digits) -> None:
    options = WatchOptions(region=Region.parse("180,60,130,120"))
    (reading,) = watch([Frame(page(digits, (3, 1, 4)))], runner, options)
    assert reading.label == "1"
    assert reading.box is not None
    assert 190 <= reading.box.x < reading.box.x + reading.box.width <= 280


def test_the_finder_of_the_options_looks_for_the_digits(runner: Runner, digits: Digits) -> None:
    frames = moving([page(digits, (3, 1))])
    assert labels(watch(frames, runner, WatchOptions(finder=Finder(min_height=0.9)))) == []
    assert labels(watch(frames, runner, WatchOptions(finder=Finder(min_height=0.2)))) == ["3", "1"]


def test_a_region_outside_the_frame_is_a_value_error(runner: Runner) -> None:
    with pytest.raises(ValueError, match="Expected a region inside 640 x 240 pixels"):
        list(watch([Frame(blank())], runner, WatchOptions(region=Region.parse("600,0,100,100"))))


def test_a_stable_digit_is_reported_once_and_all_are_observed(runner: Runner, digits: Digits) -> None:
    frames = moving([page(digits, (3, 1))] * 5)
    watcher = Watcher(runner, WatchOptions(stable_frames=3))
    observations = [watcher.observe(frame) for frame in frames]
    assert [len(observation.reported) for observation in observations] == [0, 0, 2, 0, 0]
    assert [len(observation.readings) for observation in observations] == [2] * 5
    assert labels(watch(frames, runner, WatchOptions(stable_frames=3))) == ["3", "1"]


@pytest.mark.parametrize(
    ("interval_s", "numbers"), [(0.0, [0, 1, 2, 3, 4, 5, 6]), (0.2, [0, 2, 4, 6]), (0.25, [0, 3, 6])]
)
def test_the_interval_is_on_the_sources_clock(interval_s: float, numbers: list[int]) -> None:
    frames = moving([blank(1, 1)] * 7)
    assert [frame.number for frame in due(frames, WatchOptions(interval_s=interval_s))] == numbers


def test_every_still_is_due() -> None:
    stills = [Frame(blank(1, 1), number) for number in range(3)]
    assert len(list(due(stills, WatchOptions(interval_s=9)))) == 3


def test_no_frame_is_taken_beyond_the_maximum() -> None:
    source = iter(moving([blank(1, 1)] * 5))
    assert len(list(due(source, WatchOptions(max_frames=2)))) == 2
    assert next(source).number == 2


@pytest.mark.parametrize("shade", [0, 255])
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (640, 480), (4000, 3000)])
def test_a_picture_of_one_shade_shows_no_digit(runner: Runner, shade: int, size: tuple[int, int]) -> None:
    image = np.full((size[1], size[0], 3), shade, np.uint8)
    for one in (False, True):
        assert labels(watch([Frame(image)], runner, WatchOptions(one=one))) == [None]


@pytest.mark.parametrize(
    "wrong",
    [{"interval_s": -1.0}, {"interval_s": float("nan")}, {"max_frames": 0}, {"stable_frames": 0}],
    ids=str,
)
def test_invalid_options_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"Expected .* Received: "):
        WatchOptions(**wrong)  # type: ignore[arg-type]  # numbers, and wrong ones


def a_reading(box: Box, label: str | None, probability: float) -> DigitReading:
    prediction = Prediction(label, int(label or 0), probability, (), 28, 1.0)
    return DigitReading(Frame(blank()), box, None, prediction, Timings(0, 0, 0))


@pytest.mark.parametrize(
    ("likeliest", "other", "label"),
    [
        pytest.param(((40, 20, 20, 60), "1", 0.995), ((0, 0, 90, 90), "0", 0.999), "0", id="the hole of a zero"),
        pytest.param(((40, 20, 20, 60), "1", 0.999), ((0, 0, 90, 90), "0", 0.995), "1", id="less sure"),
        pytest.param(((40, 20, 20, 60), None, 0.1), ((0, 0, 90, 90), "0", 0.98), None, id="not sure"),
        pytest.param(((40, 20, 20, 60), None, 0.1), ((60, 0, 20, 90), "3", 0.996), "3", id="beside what is no digit"),
        pytest.param(((40, 20, 20, 60), "1", 0.9), ((60, 0, 30, 90), "3", 0.999), "1", id="beside a digit"),
        pytest.param(((0, 0, 90, 90), "0", 0.9), ((40, 20, 20, 60), "1", 0.999), "0", id="inside"),
    ],
)
def test_of_two_readings_of_one_digit_the_sure_one_that_explains_more_counts(
    likeliest: tuple[tuple[int, int, int, int], str | None, float],
    other: tuple[tuple[int, int, int, int], str | None, float],
    label: str | None,
) -> None:
    readings = [a_reading(Box(*box), label, probability) for box, label, probability in (likeliest, other)]
    best = chosen(readings[0], readings[1:])
    assert best is not None
    assert best.label == label


def test_a_zero_that_fills_its_picture_is_read(runner: Runner) -> None:
    """Its hole alone would be a one or nothing."""
    image = np.full((100, 80, 3), 200, np.uint8)
    cv2.ellipse(image, (40, 50), (32, 42), 0, 0, 360, (20, 20, 20), 22)
    (reading,) = watch([Frame(image)], runner, WatchOptions(one=True))
    assert (reading.label, reading.box) == ("0", Box(0, 0, 80, 100))
