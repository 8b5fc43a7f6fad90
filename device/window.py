"""A window that shows the frames as they are read, with boxes and labels drawn in."""

from __future__ import annotations

import os
import sys

import cv2

from .overlay import annotated
from .watch import Observation

_TITLE = "Rowstream"
_ESCAPE = 27


class Window:
    """Shows observations until it is closed, or q or Escape is pressed in it."""

    def __init__(self) -> None:
        """Opens the window.

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
            cv2.namedWindow(_TITLE, cv2.WINDOW_NORMAL)
        except cv2.error as error:
            raise OSError(f"--show needs a display. {error.err}") from error

    def show(self, observation: Observation) -> bool:
        """Shows an observation; returns whether the window is still wanted."""
        cv2.imshow(_TITLE, annotated(observation))
        key = cv2.waitKey(1) & 0xFF
        return key not in (_ESCAPE, ord("q")) and cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) >= 1

    def close(self) -> None:
        """Closes the window."""
        cv2.destroyWindow(_TITLE)


def _without_windows() -> bool:
    return any(line.split() == ["GUI:", "NONE"] for line in cv2.getBuildInformation().splitlines())
