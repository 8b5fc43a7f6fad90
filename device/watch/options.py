"""How a source is watched. The command line reads these options without OpenCV."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..vision.region import Region

if TYPE_CHECKING:
    from ..vision.finder import Finder


@dataclass(frozen=True)
class WatchOptions:
    """How a source is watched.

    Attributes:
        region: the region of interest in each frame; None for the whole frame.
        one: whether each frame, or its region, shows one digit.
        early_exit: whether to stop reading a digit once its answer is settled.
        interval_s: minimum time between two frames that are read, on the source's clock.
        max_frames: maximum number of frames to read; None for no limit.
        stable_frames: report a digit once it is seen in so many consecutive frames; None to report every reading.
        finder: finds the digits in a frame; None for `Finder()`.
    """

    region: Region | None = None
    one: bool = False
    early_exit: bool = False
    interval_s: float = 0.0
    max_frames: int | None = None
    stable_frames: int | None = None
    finder: Finder | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.interval_s) and self.interval_s >= 0):
            raise ValueError(f"Expected interval_s of 0 or more. Received: {self.interval_s}")
        for name, count in (("max_frames", self.max_frames), ("stable_frames", self.stable_frames)):
            if count is not None and count < 1:
                raise ValueError(f"Expected {name} of at least 1. Received: {count}")
