"""What is asked of a camera, which the command line reads without OpenCV; and sizes, which are written alike."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

MAX_SIDE = 2**15
_MAX_RATE_HZ = 1_000


def parse_size(text: str) -> tuple[int, int]:
    """Returns width and height in pixels for a size such as `1280x720`; raises ValueError for other text."""
    sides = re.fullmatch(r"([0-9]{1,9})x([0-9]{1,9})", text)
    if not sides:
        raise ValueError(f"Expected a size WIDTHxHEIGHT, such as 1280x720. Received: {text}")
    return int(sides[1]), int(sides[2])


@dataclass(frozen=True)
class CameraSettings:
    """The frames that a camera is asked for; None for its own choice."""

    size: tuple[int, int] | None = None  # width and height in pixels
    rate_hz: float | None = None  # frames per second

    def __post_init__(self) -> None:
        if self.size is not None and not all(1 <= side <= MAX_SIDE for side in self.size):
            received = f"{self.size[0]}x{self.size[1]}"
            raise ValueError(f"Expected a camera's frames with sides of 1 to {MAX_SIDE} pixels. Received: {received}")
        if self.rate_hz is not None and not (math.isfinite(self.rate_hz) and 0 < self.rate_hz <= _MAX_RATE_HZ):
            raise ValueError(f"Expected a frame rate above 0 and up to {_MAX_RATE_HZ}. Received: {self.rate_hz}")


AS_IT_COMES = CameraSettings()
