"""Captures, from which `live_source` reads frames: a camera through OpenCV or Picamera2, or a network stream.

Sources: https://docs.opencv.org/4.x/d8/dfe/classcv_1_1VideoCapture.html;
Raspberry Pi Ltd, The Picamera2 Library, section 4.2.2 (its "RGB888" lies in memory as blue, green, red).
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol
from urllib.parse import urlsplit

import cv2

from ..arrays import Image
from ..vision.images import checked_frame
from .camera_settings import AS_IT_COMES, CameraSettings

_TIMEOUT_MS = 10_000
_PORTS: Mapping[str, int] = MappingProxyType({"http": 80, "https": 443, "rtsp": 554, "rtsps": 322})
_PICAMERA_SIZE = (1280, 720)


class Capture(Protocol):
    """An open camera or stream."""

    def read(self) -> Image:
        """Waits for the next image `<uint8>[h, w, 3]` and returns it; raises OSError if there is none."""

    def close(self) -> None:
        """Releases the camera or stream."""


class OpenCvCapture:
    """A camera or stream through OpenCV."""

    def __init__(self, name: str | int, backend: int, settings: tuple[int, ...] = ()) -> None:
        """Opens the camera or stream; raises OSError if OpenCV cannot."""
        self._capture = cv2.VideoCapture(name, backend, settings)
        if not self._capture.isOpened():
            raise OSError("cannot be opened")

    def read(self) -> Image:
        try:
            there, image = self._capture.read()
        except cv2.error as error:
            raise OSError(f"no frame: {error.err}") from error
        if not there:
            raise OSError("no more frames")
        return checked_frame(image)

    def ask_for(self, settings: CameraSettings) -> None:
        """Sets size and rate; raises ValueError if the camera gives another size, or its rate cannot be set."""
        if settings.size is not None:
            sides = (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
            for side, pixels in zip(sides, settings.size, strict=True):
                self._capture.set(side, pixels)
            # Drivers take the nearest size that they have.
            given = tuple(int(self._capture.get(side)) for side in sides)
            if given != settings.size:
                wanted, received = (f"{width}x{height}" for width, height in (settings.size, given))
                raise ValueError(f"Expected a camera with frames of {wanted}. Received: {received}")
        if settings.rate_hz is not None and not self._capture.set(cv2.CAP_PROP_FPS, settings.rate_hz):
            raise ValueError(f"Expected a camera with {settings.rate_hz:g} frames a second. It refuses to be set")

    def close(self) -> None:
        self._capture.release()


class Picamera2Capture:
    """A Raspberry Pi's camera through Picamera2."""

    def __init__(self, settings: CameraSettings = AS_IT_COMES) -> None:
        """Starts the camera; raises OSError if it cannot be started, ImportError if Picamera2 is not installed."""
        import picamera2  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415  # only on a Raspberry Pi

        try:
            self._camera: Any = picamera2.Picamera2()
            main = {"format": "RGB888", "size": settings.size or _PICAMERA_SIZE}
            controls = {} if settings.rate_hz is None else {"FrameRate": settings.rate_hz}
            self._camera.configure(self._camera.create_video_configuration(main=main, controls=controls))
            self._camera.start()
        except (IndexError, RuntimeError) as error:  # IndexError if there is no camera
            raise OSError(f"cannot be started: {error}") from error

    def read(self) -> Image:
        try:
            return checked_frame(self._camera.capture_array("main"))
        except RuntimeError as error:
            raise OSError(f"no frame: {error}") from error

    def close(self) -> None:
        self._camera.close()


def open_camera(name: str | int, settings: CameraSettings = AS_IT_COMES) -> Capture:
    """Returns the camera at an index or a device path.

    Raises OSError if it cannot be opened, and ValueError if it cannot give what is asked for.
    """
    capture = _opened_camera(name)
    try:
        capture.ask_for(settings)
    except ValueError:
        capture.close()
        raise
    return capture


def _opened_camera(name: str | int) -> OpenCvCapture:
    if sys.platform != "linux":
        return OpenCvCapture(name, cv2.CAP_ANY)
    # Opened here first, because OpenCV does not report why a device cannot be opened.
    with Path(f"/dev/video{name}" if isinstance(name, int) else name).open("rb"):
        pass
    return OpenCvCapture(name, cv2.CAP_V4L2)


def open_stream(address: str) -> Capture:
    """Returns the stream at an address, with a timeout of 10 seconds; raises OSError if it cannot be opened."""
    timeouts = (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, _TIMEOUT_MS)
    try:
        return OpenCvCapture(address, cv2.CAP_FFMPEG, timeouts)
    except OSError as error:
        raise OSError(f"{error}: {_reason(address)}") from error


def _reason(address: str) -> str:
    """Returns why a stream cannot be opened, which OpenCV does not report."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme.lower()]
        with socket.create_connection((host, port), _TIMEOUT_MS / 1e3):
            return f"{host}:{port} accepts connections but sends no video"
    except socket.gaierror as error:
        return f"unknown host {host!r}: {error.strerror}"
    except (OSError, ValueError) as error:
        return str(error)
