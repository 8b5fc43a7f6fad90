"""The options of `watcher`, which the command line reads without OpenCV."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..fields.field import Field
from ..vision.region import Region

if TYPE_CHECKING:
    from ..vision.finder import Finder

ROTATIONS = (0, 90, 180, 270)


@dataclass(frozen=True)
class WatchOptions:
    """How a source is watched."""

    region: Region | None = None  # the region of interest in each frame; None for the whole frame
    one: bool = False  # whether each frame, or its region, shows one digit
    early_exit: bool = False  # whether to stop reading a digit once its answer is settled
    interval_s: float = 0.0  # minimum time between two frames that are read, on the source's clock
    max_frames: int | None = None  # maximum number of frames to read; None for no limit
    stable_frames: int | None = None  # report a digit once seen in so many frames in a row; None for every reading
    rotation_degrees: int = 0  # how far to turn each frame clockwise before it is read
    finder: Finder | None = None  # finds the digits in a frame; None for `Finder()`
    numbers: bool = False  # whether the digits on one line are reported as one number
    fields: tuple[Field, ...] = ()  # what to read alone, one number each

    def __post_init__(self) -> None:
        if not (math.isfinite(self.interval_s) and self.interval_s >= 0):
            raise ValueError(f"Expected interval_s of 0 or more. Received: {self.interval_s}")
        if self.rotation_degrees not in ROTATIONS:
            raise ValueError(f"Expected rotation_degrees in {ROTATIONS}. Received: {self.rotation_degrees}")
        if (self.fields or self.numbers) and (self.one or self.early_exit):
            raise ValueError("Expected numbers or fields without one and early_exit. Received: them together")
        if self.fields and (self.numbers or self.region):
            raise ValueError("Expected fields, or numbers and a region. Received: them together")
        for name, count in (("max_frames", self.max_frames), ("stable_frames", self.stable_frames)):
            if count is not None and count < 1:
                raise ValueError(f"Expected {name} of at least 1. Received: {count}")
