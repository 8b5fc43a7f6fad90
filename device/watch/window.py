"""A window that shows the frames as they are read, with boxes and labels drawn in."""

from __future__ import annotations

import math
import os
import sys
import time

import cv2

from .overlay import annotated
from .watcher import Observation

_TITLE = "Rowstream"
# At first the window is as large as a frame, where the frame is no larger than most displays.
_WIDEST, _HIGHEST = 1280, 720
_ENDS = (27, ord("q"))  # Escape
_GOES_ON = (ord(" "), 10, 13)  # Enter
# A signal that asks for the end is heeded between two waits.
_WAIT_MS = 50


class Window:
    """Shows observations until it is closed, or q or Escape is pressed in it; a still image until Space or Enter is."""

    def __init__(self, still_s: float = math.inf) -> None:
        """Opens the window, which shows a still image for so many seconds at most.

        Raises:
            ImportError: the OpenCV that is installed has no windows; the message says what to install.
            OSError: there is no display.
        """
        if _without_windows():
            raise ImportError(
                "--show needs an OpenCV with windows; the headless one has none: "
                "pip uninstall opencv-python-headless && pip install opencv-python"
            )
        # Asked for a window without a display, Qt ends the process.
        if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            raise OSError("--show needs a display. Found neither DISPLAY nor WAYLAND_DISPLAY in the environment")
        try:
            cv2.namedWindow(_TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        except cv2.error as error:
            raise OSError(f"--show needs a display. {error.err}") from error
        self._still_s = still_s
        self._fitted = False

    def show(self, observation: Observation) -> bool:
        """Shows an observation; returns whether the window is still wanted."""
        if not self._fitted:
            height, width = observation.frame.image.shape[:2]
            scale = min(1.0, _WIDEST / width, _HIGHEST / height)
            cv2.resizeWindow(_TITLE, round(scale * width), round(scale * height))
            self._fitted = True
        cv2.imshow(_TITLE, annotated(observation))
        shown_s = self._still_s if observation.frame.still else 0.0
        until = time.monotonic() + shown_s
        while True:
            # What a wait returns holds the key in its lowest byte.
            key = cv2.waitKey(_WAIT_MS if shown_s else 1) & 0xFF
            if key in _ENDS or not _is_open():
                return False
            if key in _GOES_ON or time.monotonic() >= until:
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
    except cv2.error:  # Qt knows a window no more that its user has closed.
        return False
