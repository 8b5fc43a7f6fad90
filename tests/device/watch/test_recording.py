"""Tests of `device.watch.recording`, `device.watch.overlay`, `device.watch.crop_dump` and `device.watch.window`."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from device.runner import Prediction
from device.sources.frames import Frame
from device.sources.video import VideoFile
from device.vision.boxes import Box
from device.watch.crop_dump import CropDump, around
from device.watch.overlay import annotated
from device.watch.recording import Recording
from device.watch.watcher import DigitReading, Observation, Timings
from device.watch.window import Window
from tests.support.scenes import Image, blank

BOX = Box(100, 60, 60, 80)


def observation(image: Image, label: str | None = "7", box: Box | None = BOX, number: int = 0) -> Observation:
    frame = Frame(image, number)
    prediction = Prediction(label, 7, 0.98, (("7", 0.98), ("1", 0.01), ("9", 0.01)), 28, 0.1)
    crop = np.full((28, 28), 9, np.uint8)
    timings = Timings(0.0, 0.0, 0.0)
    found = DigitReading(frame, box, crop, prediction, timings)
    reading = DigitReading(frame, None, None, None, timings) if box is None else found
    return Observation(frame, (reading,), (reading,))


def test_the_box_and_the_digit_are_drawn_into_a_copy() -> None:
    image = blank()
    drawn = annotated(observation(image))
    changed = np.argwhere((drawn != image).any(axis=2))
    assert (image == blank()).all()
    assert changed[:, 1].min() in range(98, 101)
    assert drawn[60, 100].tolist() == [0, 160, 0]
    assert changed[:, 0].min() < 55  # the label, above the box


def test_a_rejected_candidate_has_a_grey_box_without_a_label() -> None:
    drawn = annotated(observation(blank(), label=None))
    assert drawn[60, 100].tolist() == [128, 128, 128]
    assert (drawn[:58] == blank()[:58]).all()


@pytest.mark.parametrize("box", [None, Box(-5, -5, 700, 300), Box(0, 0, 1, 1), Box(639, 239, 1, 1)])
def test_boxes_at_and_beyond_the_edge_can_be_drawn(box: Box | None) -> None:
    assert annotated(observation(blank(), box=box)).shape == (240, 640, 3)


def test_a_recording_can_be_played_and_shows_the_boxes(tmp_path: Path) -> None:
    with Recording(tmp_path / "a.mp4", 10) as recording:
        for _ in range(5):
            recording.take(observation(blank()))
    with VideoFile(tmp_path / "a.mp4") as source:
        frames = list(source)
        assert source.rate_hz == 10
    assert [frame.image.shape for frame in frames] == [(240, 640, 3)] * 5
    assert frames[4].image[100, 100, 1] > frames[4].image[100, 100, 2] + 40  # the box, green


def test_frames_of_another_size_are_scaled_to_the_first(tmp_path: Path) -> None:
    with Recording(tmp_path / "a.mp4", 10) as recording:
        for image in (blank(), blank(320, 200), blank(1, 1)):
            recording.take(observation(image, box=None))
    with VideoFile(tmp_path / "a.mp4") as source:
        assert [frame.image.shape for frame in source] == [(240, 640, 3)] * 3


@pytest.mark.parametrize(("name", "rate_hz"), [("a.avi", 10), ("a", 10), ("a.mp4", 0), ("a.mp4", float("nan"))])
def test_a_recording_of_another_format_or_rate_is_refused(tmp_path: Path, name: str, rate_hz: float) -> None:
    with pytest.raises(ValueError, match=r"Expected a name that ends in \.mp4, and a rate above 0\. Received: "):
        Recording(tmp_path / name, rate_hz)


def test_an_earlier_recording_stays_until_the_new_one_is_complete(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("earlier")
    with Recording(tmp_path / "a.mp4", 10) as recording:
        recording.take(observation(blank()))
        assert (tmp_path / "a.mp4").read_text() == "earlier"
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    with VideoFile(tmp_path / "a.mp4") as source:
        assert len(list(source)) == 1


def test_an_unwritable_recording_is_an_os_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nosuch/\.a\.mp4"):
        Recording(tmp_path / "nosuch" / "a.mp4", 10)


def test_a_dump_holds_each_crop_and_the_frame_around_it(tmp_path: Path) -> None:
    dump = CropDump(tmp_path / "deep" / "crops")
    dump.take(observation(blank(), number=12))
    dump.take(observation(blank(), box=None, number=13))
    assert dump.folder == tmp_path / "deep" / "crops" / "run0001"
    files = sorted(dump.folder.iterdir())
    assert [path.name for path in files] == ["frame000012_00_crop.png", "frame000012_00_frame.png"]
    crop = cv2.imread(str(files[0]), cv2.IMREAD_UNCHANGED)
    assert (crop.shape, set(crop.ravel().tolist())) == ((28, 28), {9})
    # 60 by 80 pixels, and 40 more on each side.
    assert cv2.imread(str(files[1])).shape == (160, 140, 3)


def test_a_second_run_keeps_the_crops_of_the_first(tmp_path: Path) -> None:
    for level in (50, 200):
        CropDump(tmp_path).take(observation(np.full((240, 640, 3), level, np.uint8)))
    frames = [cv2.imread(f"{tmp_path}/run000{run}/frame000000_00_frame.png") for run in (1, 2)]
    assert [frame[0, 0, 0] for frame in frames] == [50, 200]


def test_a_run_takes_the_number_after_the_highest(tmp_path: Path) -> None:
    for name in ("run0001", "run0041", "run-of-mine", "running"):
        (tmp_path / name).mkdir()
    assert CropDump(tmp_path).folder.name == "run0042"


def test_the_margin_around_a_box_ends_at_the_edge() -> None:
    assert around(blank(), Box(0, 0, 10, 20)).shape == (30, 20, 3)
    assert around(blank(), Box(635, 235, 5, 5)).shape == (7, 7, 3)


def test_an_unwritable_dump_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        CropDump(tmp_path / "file")


def test_the_headless_opencv_says_what_to_install_for_a_window() -> None:
    if "GUI:                           NONE" not in cv2.getBuildInformation():
        pytest.skip("the OpenCV that is installed has windows")
    with pytest.raises(
        ImportError, match=r"--show needs an OpenCV with windows.* -m pip install opencv-python( \"numpy<2\")?$"
    ):
        Window()
