"""Keeps crops of which the model was unsure, for people to label: `docs/training.md` says how they come back."""

from __future__ import annotations

import logging
from itertools import count
from pathlib import Path

import numpy as np

from ..arrays import UInt8
from .crop_dump import write_png
from .watcher import DigitReading, Observation

# The folders of labelled crops; crops of the last one show no digit.
LABELLED = (*"0123456789", "none")
UNSORTED, SORTED = "unsorted", "sorted"
_MAX_CROPS = 1_000
# A crop that differs less from one that was kept lately, in grey levels on average, is the same digit once more.
_MIN_DIFFERENCE = 10.0
_LATELY = 50

log = logging.getLogger(__name__)


class UnsureCrops:
    """Writes PNG files to `unsorted/`, named by the most probable digit, and makes `sorted/0` to `9` and `none`.

    When `unsorted/` has a thousand files, no more are kept until some are taken out.
    """

    def __init__(self, folder: Path) -> None:
        """Makes the folders; raises OSError if that fails."""
        self._unsorted = folder / UNSORTED
        for place in (self._unsorted, *(folder / SORTED / label for label in LABELLED)):
            place.mkdir(parents=True, exist_ok=True)
        self._lately: list[UInt8] = []
        self._is_full = False

    def take(self, observation: Observation) -> None:
        """Writes the unsure crops of an observation; raises OSError if a file cannot be written."""
        for reading in observation.readings:
            if reading.prediction is None or reading.label is not None or reading.crop is None:
                continue
            if self._is_new(reading.crop) and self._has_room():
                self._keep(reading, reading.crop)

    def _keep(self, reading: DigitReading, crop: UInt8) -> None:
        guess = "" if reading.prediction is None else reading.prediction.top[0][0]
        name = f"{guess}_{reading.frame.time:%Y%m%dT%H%M%S}"
        paths = (self._unsorted / f"{name}_{number:03}.png" for number in count())
        write_png(next(path for path in paths if not path.exists()), crop)
        self._lately = [*self._lately[1 - _LATELY :], crop]

    def _is_new(self, crop: UInt8) -> bool:
        others = (np.abs(crop.astype(np.int16) - other).mean() for other in self._lately)
        return min(others, default=_MIN_DIFFERENCE) >= _MIN_DIFFERENCE

    def _has_room(self) -> bool:
        was_full, self._is_full = self._is_full, sum(1 for _ in self._unsorted.iterdir()) >= _MAX_CROPS
        if self._is_full and not was_full:
            log.warning(f"{self._unsorted}: Expected fewer than {_MAX_CROPS:,} crops to sort. No more are kept")
        return not self._is_full
