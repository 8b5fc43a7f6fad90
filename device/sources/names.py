"""The names of sources that never end, which the command line checks without OpenCV."""

from __future__ import annotations

import re

PICAMERA = "picamera2"
_ADDRESS = re.compile(r"(rtsps?|https?)://.+", re.IGNORECASE)
CAMERA_INDEX = re.compile(r"[0-9]{1,4}")
CAMERA_PATH = re.compile(r"/dev/video[0-9]+")
_DEVICES = "/dev/"


def is_camera_name(name: str) -> bool:
    """Whether a name can be only that of a camera: an index, picamera2, or a device or a link to one in /dev."""
    return name == PICAMERA or CAMERA_INDEX.fullmatch(name) is not None or name.startswith(_DEVICES)


def is_address(name: str) -> bool:
    """Whether a name is the rtsp or http address of a stream."""
    return _ADDRESS.fullmatch(name) is not None
