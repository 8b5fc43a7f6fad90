"""Tests of `device.watch.unsure_crops`: what is kept to be labelled, and how much."""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from pathlib import Path

import cv2
import numpy as np
import pytest

from device.arrays import UInt8
from device.predictions import Prediction
from device.sources.frames import Frame
from device.vision.boxes import Box
from device.watch.unsure_crops import UnsureCrops
from device.watch.watcher import DigitReading, Observation, Timings

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def observation(*crops: UInt8, sure: bool = False) -> Observation:
    """A frame at noon with crops that look like sevens."""
    frame = Frame(np.zeros((40, 40, 3), np.uint8), time=NOON)
    prediction = Prediction("7" if sure else None, 7, 0.4, (("7", 0.4),), 28, 0.0)
    readings = tuple(DigitReading(frame, Box(0, 0, 9, 9), crop, prediction, Timings(0, 0, 0)) for crop in crops)
    return Observation(frame, readings, readings)


def noise(seed: int) -> UInt8:
    return np.random.default_rng(seed).integers(0, 256, (28, 28)).astype(np.uint8)


def kept(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "unsorted").iterdir())


def test_unsure_crops_are_kept_by_what_they_look_like(tmp_path: Path) -> None:
    """Each is a PNG file named by the most probable digit and the time; sure ones are not kept."""
    crops = UnsureCrops(tmp_path)
    crops.take(observation(noise(1), noise(2)))
    crops.take(observation(noise(3), sure=True))
    assert kept(tmp_path) == ["7_20260301T120000_000.png", "7_20260301T120000_001.png"]
    written = cv2.imread(str(tmp_path / "unsorted" / "7_20260301T120000_001.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(written, noise(2))
    assert sorted(path.name for path in (tmp_path / "sorted").iterdir()) == [*"0123456789", "none"]


def test_a_digit_that_stays_is_kept_once(tmp_path: Path) -> None:
    """A crop that hardly differs from one that was kept lately is left out; another run keeps it again."""
    crop = np.asarray(noise(1) // 2, np.uint8)
    crops = UnsureCrops(tmp_path)
    crops.take(observation(crop))
    crops.take(observation(crop + np.uint8(5)))
    assert len(kept(tmp_path)) == 1
    crops.take(observation(crop + np.uint8(20)))
    assert len(kept(tmp_path)) == 2


def test_a_thousand_are_enough_until_some_are_taken_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A full folder gets no more, which is logged once; with room again, crops are kept again."""
    caplog.set_level(logging.WARNING)
    crops = UnsureCrops(tmp_path)
    for number in range(1_000):
        (tmp_path / "unsorted" / f"{number}.png").touch()
    crops.take(observation(noise(1), noise(2)))
    assert len(kept(tmp_path)) == 1_000
    assert caplog.messages == [f"{tmp_path / 'unsorted'}: Expected fewer than 1,000 crops to sort. No more are kept"]
    (tmp_path / "unsorted" / "0.png").unlink()
    crops.take(observation(noise(3)))
    assert "7_20260301T120000_000.png" in kept(tmp_path)
