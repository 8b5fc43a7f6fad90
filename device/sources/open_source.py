"""Opens a source by its name: a camera, a stream, a video, images, or raw frames on standard input."""

from __future__ import annotations

import glob
import os
import sys
from functools import partial
from pathlib import Path

from ..advice import PICAMERA2
from ..files.image_header import image_format
from ..vision.images import is_heif
from .camera_settings import AS_IT_COMES, CameraSettings
from .captures import Picamera2Capture, open_camera, open_stream
from .frames import Source
from .live_source import LiveSource
from .names import CAMERA_INDEX, CAMERA_PATH, PICAMERA, is_address
from .raw import RawFrames, RawLayout
from .stills import IMAGE_SUFFIXES, Stills, images_in
from .video import VideoFile

STANDARD_INPUT = "-"

# The major number of camera devices, by which links to them are recognised.
_VIDEO4LINUX = 81
_FORMS = "a camera index or device, picamera2, an rtsp or http address, a video, an image, a folder or a pattern"
_PIPED = "watch - --raw-size WIDTHxHEIGHT < PIPE"


def open_source(name: str, raw: RawLayout | None = None, camera: CameraSettings = AS_IT_COMES) -> Source:
    """Returns the source that a name means.

    A number is a camera; for a file of that name, write `./0`. A file takes precedence over a pattern. `raw` is the
    layout of the frames on standard input, for the name `-` alone, and `camera` what a camera is asked for. Raises
    ValueError if there is no such source, if it is not an image or a video, or if `raw` is missing or unexpected, or
    `camera` unexpected; OSError if a file cannot be read; and ImportError for `picamera2` if it is not installed.
    """
    if (name == STANDARD_INPUT) != (raw is not None):
        received = "- without it" if raw is None else f"{name} with it"
        raise ValueError(f"Expected --raw-size with the source -, and no other. Received: {received}")
    if name == PICAMERA:
        return _picamera(camera)
    if CAMERA_INDEX.fullmatch(name):
        return LiveSource(name, partial(open_camera, int(name), camera))
    if CAMERA_PATH.fullmatch(name) or _is_camera(Path(name)):
        return LiveSource(name, partial(open_camera, name, camera))
    if camera != AS_IT_COMES:
        raise ValueError(f"Expected --camera-size and --frame-rate with a camera alone. Received: {name} with them")
    if raw is not None:
        return _standard_input(raw)
    if is_address(name):
        return LiveSource(name, partial(open_stream, name))
    return _files(name)


def _standard_input(raw: RawLayout) -> Source:
    if sys.stdin is None:
        raise ValueError("Expected raw frames on standard input, which is closed")
    return RawFrames(sys.stdin.buffer, raw)


def _picamera(settings: CameraSettings) -> Source:
    try:
        import picamera2  # type: ignore[import-not-found,unused-ignore]  # noqa: F401, PLC0415  # only on a Pi
    except ModuleNotFoundError as error:
        raise ImportError(f"the source picamera2 needs Picamera2: {PICAMERA2}") from error
    return LiveSource(PICAMERA, partial(Picamera2Capture, settings))


def _is_camera(path: Path) -> bool:
    return path.is_char_device() and os.major(path.stat().st_rdev) == _VIDEO4LINUX


def _files(name: str) -> Source:
    path = Path(name)
    if name and path.is_dir():
        return Stills(images_in(path))
    if path.is_file():
        return Stills([path]) if _is_image(path) else VideoFile(path)
    if path.is_fifo():
        raise ValueError(f"{name}: Expected {_FORMS}. Received a pipe; for raw frames use {_PIPED}")
    found = glob.glob(name, recursive=True)  # noqa: PTH207  # Path.glob refuses absolute patterns
    matching = sorted(path for path in map(Path, found) if path.is_file())
    if not matching:
        raise ValueError(f"{name}: Expected {_FORMS}. No file has that name")
    return Stills(matching)


def _is_image(path: Path) -> bool:
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return True
    with path.open("rb") as file:
        head = file.read(12)
    return image_format(head) is not None or is_heif(head)
