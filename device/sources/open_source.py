"""What a name on the command line means: a camera, a stream, a video, images, or raw frames on the standard input."""

from __future__ import annotations

import glob
import os
import re
import stat
import sys
from functools import partial
from pathlib import Path

import cv2

from .captures import Picamera2Capture, open_camera, open_stream
from .frames import Source
from .live_source import LiveSource
from .raw import RawFrames, RawLayout
from .stills import IMAGE_SUFFIXES, Stills, images_in
from .video import VideoFile

STANDARD_INPUT = "-"

_ADDRESS = re.compile(r"(rtsps?|https?)://.+", re.IGNORECASE)
_CAMERA_INDEX = re.compile(r"[0-9]{1,4}")
_CAMERA_PATH = re.compile(r"/dev/video[0-9]+")
# The major number of a camera's device, whatever link leads to it.
_VIDEO4LINUX = 81
_PICAMERA = "picamera2"
_KINDS = "a camera's index or device, picamera2, an rtsp or http address, a video, an image, a folder or a pattern"

_PIPED = "--source - --raw-size WIDTHxHEIGHT < PIPE"


def open_source(name: str, raw: RawLayout | None = None) -> Source:
    """Returns the source that a name means.

    A number is a camera; a file of such a name is meant by `./0`. What there is under a name goes before what the
    name would mean as a pattern.

    Args:
        name: see `--source`.
        raw: how the frames on the standard input lie; for the name `-`.

    Raises:
        ValueError: nothing has that name, it is no image or video, or it does not go together with `raw`.
        OSError: a file cannot be read.
        ImportError: the name is `picamera2`, and that is not installed; the message says what to install.
    """
    if (name == STANDARD_INPUT) != (raw is not None):
        raise ValueError("Expected the size of raw frames (--raw-size) for the standard input, and for it alone")
    if raw is not None:
        return _standard_input(raw)
    if name == _PICAMERA:
        return _picamera()
    if _CAMERA_INDEX.fullmatch(name):
        return LiveSource(name, partial(open_camera, int(name)))
    if _CAMERA_PATH.fullmatch(name) or _is_camera(name):
        return LiveSource(name, partial(open_camera, name))
    if _ADDRESS.fullmatch(name):
        return LiveSource(name, partial(open_stream, name))
    return _files(name)


def _standard_input(raw: RawLayout) -> Source:
    if sys.stdin is None:
        raise ValueError("Expected raw frames on the standard input. It is closed")
    return RawFrames(sys.stdin.buffer, raw)


def _picamera() -> Source:
    try:
        import picamera2  # type: ignore[import-not-found,unused-ignore]  # noqa: F401, PLC0415  # on a Pi alone
    except ModuleNotFoundError as error:
        raise ImportError("--source picamera2 needs Picamera2: sudo apt install python3-picamera2") from error
    return LiveSource(_PICAMERA, Picamera2Capture)


def _is_camera(name: str) -> bool:
    if not Path(name).exists():
        return False
    status = Path(name).stat()
    return stat.S_ISCHR(status.st_mode) and os.major(status.st_rdev) == _VIDEO4LINUX


def _files(name: str) -> Source:
    path = Path(name)
    if name and path.is_dir():
        return Stills(images_in(path))
    if path.is_file():
        return Stills([path]) if _is_image(path) else VideoFile(path)
    if path.is_fifo():
        raise ValueError(f"{name}: Expected {_KINDS}. Received a pipe: raw frames come on the standard input, {_PIPED}")
    found = glob.glob(name, recursive=True)  # noqa: PTH207  # Path.glob takes no absolute patterns
    matching = sorted(path for path in map(Path, found) if path.is_file())
    if not matching:
        raise ValueError(f"{name}: Expected {_KINDS}. Found nothing of that name")
    return Stills(matching)


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES or bool(cv2.haveImageReader(str(path.absolute())))
