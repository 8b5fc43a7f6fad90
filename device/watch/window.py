"""Shows the frames in a window as they are read, with boxes and labels."""

from __future__ import annotations

import math
import os
import sys
import time

import cv2

from ..advice import replace_package
from .overlay import annotated
from .watcher import Observation

_TITLE = "Rowstream"
# The window opens at the size of the frame, up to this size.
_MAX_WIDTH, _MAX_HEIGHT = 1280, 720
_QUIT_KEYS = (27, ord("q"))  # Escape
_NEXT_KEYS = (ord(" "), 10, 13)  # Enter
# Short, because signals are handled between two waits.
_WAIT_MS = 50


class Window:
    """Shows observations until it is closed or q or Escape is pressed; Space or Enter go on from a still image."""

    def __init__(self, still_s: float = math.inf) -> None:
        """Opens the window, which shows a still image for `still_s` seconds at most.

        Raises ImportError if the installed OpenCV has no windows, and OSError if there is no display.
        """
        if _without_windows():
            remedy = replace_package("opencv-python-headless", "opencv-python")
            raise ImportError(f"--show needs an OpenCV with windows, not the headless one: {remedy}")
        # Checked here, because Qt ends the process if there is no display.
        if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            raise OSError("--show needs a display. Found neither DISPLAY nor WAYLAND_DISPLAY in the environment")
        try:
            cv2.namedWindow(_TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        except cv2.error as error:
            raise OSError(f"--show needs a display. {error.err}") from error
        self._still_s = still_s
        self._fitted = False

    def show(self, observation: Observation) -> bool:
        """Shows an observation; returns whether to go on."""
        if not self._fitted:
            height, width = observation.frame.image.shape[:2]
            scale = min(1.0, _MAX_WIDTH / width, _MAX_HEIGHT / height)
            cv2.resizeWindow(_TITLE, round(scale * width), round(scale * height))
            self._fitted = True
        cv2.imshow(_TITLE, annotated(observation))
        shown_s = self._still_s if observation.frame.still else 0.0
        until = time.monotonic() + shown_s
        while True:
            # The key is in the lowest byte.
            key = cv2.waitKey(_WAIT_MS if shown_s else 1) & 0xFF
            if key in _QUIT_KEYS or not _is_open():
                return False
            if key in _NEXT_KEYS or time.monotonic() >= until:
                return True

    def close(self) -> None:
        """Closes the window."""
        if _is_open():
            cv2.destroyWindow(_TITLE)


def _without_windows() -> bool:
    return any(line.split() == ["GUI:", "NONE"] for line in cv2.getBuildInformation().splitlines())


def _is_open() -> bool:
    try:
        return bool(cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) >= 1)
    except cv2.error:  # raised by Qt once the user has closed the window
        return False
