"""Tests of `device.sources.video`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from device.sources.video import VideoFile
from tests.support.scenes import Image, write_video


def barred(place: int) -> Image:
    """A picture with a bright bar, two pixels further right for each place."""
    image = np.zeros((120, 160, 3), np.uint8)
    image[:, 2 * place : 2 * place + 16] = 255
    return image


def place_of(image: Image) -> int:
    return round(float(np.flatnonzero(image.mean(axis=(0, 2)) > 128).mean() - 7.5) / 2)


BARS = [barred(place) for place in range(60)]


@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "-a.mp4", "a:b.mp4", "0.avi", "50%d.mp4"])
def test_every_frame_of_a_video_comes_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    write_video(tmp_path / name, BARS)
    monkeypatch.chdir(tmp_path)
    with VideoFile(Path(name)) as source:
        frames = list(source)
    assert [frame.number for frame in frames] == list(range(60))
    assert [place_of(frame.image) for frame in frames] == list(range(60))
    assert {frame.source for frame in frames} == {name}
    assert not any(frame.still for frame in frames)


@pytest.mark.parametrize("name", ["a.mp4", "a.avi"])
def test_the_positions_are_on_the_videos_own_clock(tmp_path: Path, name: str) -> None:
    write_video(tmp_path / name, BARS, rate_hz=20)
    with VideoFile(tmp_path / name) as source:
        assert source.rate_hz == 20
        assert [frame.position_s for frame in source][::20] == pytest.approx([0, 1, 2])


def test_a_truncated_video_gives_its_readable_frames_and_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rng = np.random.default_rng(0)
    write_video(tmp_path / "a.avi", [rng.integers(0, 256, (120, 160, 3), np.uint8) for _ in range(60)])
    content = (tmp_path / "a.avi").read_bytes()
    (tmp_path / "cut.avi").write_bytes(content[: len(content) // 2])
    with VideoFile(tmp_path / "cut.avi") as source:
        read = len(list(source))
    assert 20 < read < 40
    assert source.failed == 60 - read
    assert caplog.messages == [f"{tmp_path}/cut.avi: the video ends after {read} of 60 frames"]


def test_a_complete_video_logs_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_video(tmp_path / "a.mp4", BARS)
    with VideoFile(tmp_path / "a.mp4") as source:
        assert len(list(source)) == 60
    assert caplog.messages == []


def test_a_file_that_is_not_a_video_is_refused(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", BARS)
    for name, content in {
        "empty.mp4": b"",
        "text.mp4": b"no video at all",
        "headless.mp4": (tmp_path / "a.mp4").read_bytes()[:2000],
    }.items():
        (tmp_path / name).write_bytes(content)
        message = rf"/{name}: Expected a video or image that OpenCV can read\. Received: [0-9,]+ bytes"
        with pytest.raises(ValueError, match=message):
            VideoFile(tmp_path / name)


def test_a_missing_video_is_an_os_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nosuch\.mp4"):
        VideoFile(tmp_path / "nosuch.mp4")
