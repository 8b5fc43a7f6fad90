"""What live frames are grabbed from: a camera through OpenCV or Picamera2, or a network stream.

Not a source yet: `device.sources.live_source` grabs from a capture in a thread, and opens it anew when it fails.

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

_TIMEOUT_MS = 10_000
_PORTS: Mapping[str, int] = MappingProxyType({"http": 80, "https": 443, "rtsp": 554, "rtsps": 322})
_PICAMERA_SIZE = (1280, 720)


class Capture(Protocol):
    """An open camera or stream."""

    def read(self) -> Image:
        """Returns the next picture `<uint8>[h, w, 3]`, waiting for it; raises OSError where none comes."""

    def close(self) -> None:
        """Lets go of the camera or stream."""


class OpenCvCapture:
    """A camera or stream through OpenCV."""

    def __init__(self, name: str | int, backend: int, settings: tuple[int, ...] = ()) -> None:
        """Opens it; raises OSError where OpenCV cannot."""
        self._capture = cv2.VideoCapture(name, backend, settings)
        if not self._capture.isOpened():
            raise OSError("it cannot be opened")

    def read(self) -> Image:
        """See `Capture`."""
        try:
            there, image = self._capture.read()
        except cv2.error as error:
            raise OSError(f"it gives no frame: {error.err}") from error
        if not there:
            raise OSError("it gives no more frames")
        return checked_frame(image)

    def close(self) -> None:
        """See `Capture`."""
        self._capture.release()


class Picamera2Capture:
    """A Raspberry Pi's camera through Picamera2."""

    def __init__(self) -> None:
        """Starts the camera; raises OSError where that fails, ImportError where Picamera2 is not installed."""
        import picamera2  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415  # on a Raspberry Pi alone

        try:
            self._camera: Any = picamera2.Picamera2()
            main = {"format": "RGB888", "size": _PICAMERA_SIZE}
            self._camera.configure(self._camera.create_video_configuration(main=main))
            self._camera.start()
        except (IndexError, RuntimeError) as error:  # IndexError where there is no camera
            raise OSError(f"it cannot be started: {error}") from error

    def read(self) -> Image:
        """See `Capture`."""
        try:
            return checked_frame(self._camera.capture_array("main"))
        except RuntimeError as error:
            raise OSError(f"it gives no frame: {error}") from error

    def close(self) -> None:
        """See `Capture`."""
        self._camera.close()


def open_camera(name: str | int) -> Capture:
    """Returns the camera with an index, or at a device's path; raises OSError where it cannot be opened."""
    if sys.platform != "linux":
        return OpenCvCapture(name, cv2.CAP_ANY)
    # OpenCV keeps to itself why a device cannot be opened.
    with Path(f"/dev/video{name}" if isinstance(name, int) else name).open("rb"):
        pass
    return OpenCvCapture(name, cv2.CAP_V4L2)


def open_stream(address: str) -> Capture:
    """Returns the stream at an address; raises OSError where it cannot be opened.

    A stream that stands still for ten seconds counts as gone.
    """
    timeouts = (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, _TIMEOUT_MS)
    try:
        return OpenCvCapture(address, cv2.CAP_FFMPEG, timeouts)
    except OSError as error:
        raise OSError(f"{error}: {_reason(address)}") from error


def _reason(address: str) -> str:
    """Why a stream cannot be opened, which OpenCV does not tell."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme.lower()]
        with socket.create_connection((host, port), _TIMEOUT_MS / 1e3):
            return f"{host} answers at port {port}, but sends no video from there"
    except socket.gaierror as error:
        return f"nobody knows the host {host!r}: {error.strerror}"
    except (OSError, ValueError) as error:
        return str(error)
