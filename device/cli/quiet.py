"""What a command says of itself goes to stderr, a line an event; what its libraries say goes nowhere."""

from __future__ import annotations

import logging
import os
import sys

import cv2


def quieten() -> None:
    """Sends the log to stderr, and keeps OpenCV and FFmpeg from printing there too."""
    # OpenCV and FFmpeg print what is no error of the program's; what is one, is told in a line of its own.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    if hasattr(cv2, "setLogLevel"):
        cv2.setLogLevel(0)
    else:
        cv2.utils.logging.setLogLevel(0)  # type: ignore[attr-defined,unused-ignore]  # OpenCV 5 has moved it
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
