"""Tests of `device.sources.open_source`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from device.sources.camera_settings import CameraSettings
from device.sources.captures import OpenCvCapture
from device.sources.live_source import LiveSource
from device.sources.open_source import open_source
from device.sources.raw import RawLayout
from device.sources.stills import Stills
from device.sources.video import VideoFile
from tests.conftest import run_python
from tests.support.scenes import blank, write_video

PICAMERA2 = """
import numpy as np
class Picamera2:
    def create_video_configuration(self, main, controls):
        return main, controls
    def configure(self, configuration):
        main, controls = configuration
        print(main["format"], controls)
        self.shape = (*main["size"][::-1], 3)
    def start(self):
        pass
    def capture_array(self, name):
        return np.full(self.shape, (200, 100, 50), np.uint8)
    def close(self):
        print("closed")
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        "0",
        "12",
        "/dev/video0",
        "rtsp://camera.local/live",
        "RTSPS://c/",
        "http://127.0.0.1:1/",
        "https://127.0.0.1:1/a.mp4",
    ],
)
def test_cameras_and_streams_are_live(name: str) -> None:
    with open_source(name) as source:
        assert isinstance(source, LiveSource)
        assert source.endless


@pytest.mark.parametrize("name", ["-a.png", "a[1].png", "a b.png", "0.png", "ä%d.png", "a:b.png", "photo"])
def test_an_image_is_known_by_suffix_or_content_whatever_it_is_called(here: Path, name: str) -> None:
    (here / name).write_bytes(cv2.imencode(".png", blank(8, 6))[1].tobytes())
    with open_source(name) as source:
        assert isinstance(source, Stills)
        assert [frame.image.shape for frame in source] == [(6, 8, 3)]


@pytest.mark.parametrize("name", ["-a.mp4", "clip.avi", "a*.mp4"])
def test_any_other_file_is_a_video(here: Path, name: str) -> None:
    write_video(here / name, [blank(64, 48)] * 3)
    with open_source(name) as source:
        assert isinstance(source, VideoFile)
        assert len(list(source)) == 3


def test_a_file_with_a_cameras_name_is_meant_by_its_path(here: Path) -> None:
    (here / "0").write_bytes(cv2.imencode(".png", blank(8, 6))[1].tobytes())
    with open_source("./0") as source:
        assert isinstance(source, Stills)


def test_folders_and_patterns_give_their_images_by_name(here: Path) -> None:
    (here / "deep").mkdir()
    for name in ("b.png", "a.jpg", "deep/c.png"):
        assert cv2.imwrite(str(here / name), blank(8, 6))
    (here / "notes.txt").touch()
    expected = {
        ".": ["a.jpg", "b.png"],
        "*.png": ["b.png"],
        "**/*.png": ["b.png", "deep/c.png"],
        "[ab].*": ["a.jpg", "b.png"],
    }
    for name, files in expected.items():
        with open_source(name) as source:
            assert [frame.source for frame in source] == files
    with open_source(f"{here}/*.jpg") as source:
        assert [frame.source for frame in source] == [f"{here}/a.jpg"]


@pytest.mark.parametrize("name", ["nosuch.png", "no*such", "ftp://host/a.mp4", "-1", "", "/dev/null", "99999"])
def test_a_name_without_a_source_is_refused_with_the_kinds_of_sources(here: Path, name: str) -> None:
    assert here.exists()
    with pytest.raises(ValueError, match=r"Expected a camera index or device, picamera2, .*No file has that name"):
        open_source(name)


def test_a_pipe_is_refused_with_how_raw_frames_are_given(here: Path) -> None:
    os.mkfifo(here / "pipe")
    with pytest.raises(ValueError, match=r"Received a pipe; .* watch - --raw-size WIDTHxHEIGHT < PIPE"):
        open_source("pipe")


@pytest.mark.parametrize(("name", "raw"), [("-", None), ("0", RawLayout(4, 4))])
def test_only_raw_frames_need_a_size(name: str, raw: RawLayout | None) -> None:
    with pytest.raises(ValueError, match=r"Expected --raw-size with the source -, and no other\. Received: "):
        open_source(name, raw)


def test_picamera2_that_is_not_installed_says_what_to_install() -> None:
    with pytest.raises(ImportError, match=r"sudo apt install python3-picamera2, .* --system-site-packages$"):
        open_source("picamera2")


def test_picamera2_gives_blue_green_red(bare_site: Callable[..., Path]) -> None:
    # Its package is on a Raspberry Pi alone: what stands for it here does as its manual says.
    site = bare_site("numpy", "opencv-python-headless", "pillow")
    (site / "picamera2.py").write_text(PICAMERA2)
    code = """
from device.sources.open_source import open_source
with open_source("picamera2") as source:
    frame = next(iter(source))
print(frame.image.shape, frame.image[0, 0].tolist(), frame.source)
"""
    child = run_python("-c", code, site=site)
    assert child.stderr == ""
    assert sorted(child.stdout.splitlines()) == ["(720, 1280, 3) [200, 100, 50] picamera2", "RGB888 {}", "closed"]
    settings = "CameraSettings((640, 480), 15.0)"
    code = f"from device.sources.camera_settings import CameraSettings{code}".replace(
        '"picamera2")', f'"picamera2", camera={settings})'
    )
    child = run_python("-c", code, site=site)
    assert child.stderr == ""
    assert sorted(child.stdout.splitlines()) == [
        *("(480, 640, 3) [200, 100, 50] picamera2", "RGB888 {'FrameRate': 15.0}", "closed")
    ]


@pytest.mark.parametrize("settings", [CameraSettings((64, 48)), CameraSettings(None, 5.0)])
@pytest.mark.parametrize("name", ["clip.avi", "rtsp://camera.local/live", "."])
def test_settings_of_a_camera_are_refused_for_other_sources(name: str, settings: CameraSettings) -> None:
    with pytest.raises(ValueError, match=r"^Expected --camera-size and --frame-rate with a camera alone\. Received: "):
        open_source(name, camera=settings)


def test_what_a_capture_gives_is_compared_with_what_was_asked_for(here: Path) -> None:
    """A size that a capture does not take, as a video takes none but its own, is refused and not passed over."""
    write_video(here / "clip.avi", [blank(64, 48)] * 3)
    capture = OpenCvCapture(str(here / "clip.avi"), cv2.CAP_FFMPEG)
    capture.ask_for(CameraSettings((64, 48)))
    assert capture.read().shape == (48, 64, 3)
    with pytest.raises(ValueError, match=r"^Expected a camera with frames of 32x24\. Received: 64x48$"):
        capture.ask_for(CameraSettings((32, 24)))
    with pytest.raises(ValueError, match=r"^Expected a camera with 12\.5 frames a second\. It refuses to be set$"):
        capture.ask_for(CameraSettings(None, 12.5))
    capture.close()
