"""Tests of `pipeline.gate.record`: what follows from counts, and which counts are refused."""

from __future__ import annotations

import math

import pytest

from pipeline.gate.record import RecallChange, ReliabilityBin


def test_a_change_of_recall_in_percent() -> None:
    """Recall is the share of images classified correctly, its change that of won minus lost images."""
    lost = RecallChange("7", 200, 190, 10, 4, -1.0, 1.0)
    assert (lost.float_percent, lost.int8_percent, lost.change_pp) == (95.0, 92.0, -3.0)
    won = RecallChange("7", 1, 0, 0, 1, -1.0, 1.0)
    assert (won.float_percent, won.int8_percent, won.change_pp) == (0.0, 100.0, 100.0)


@pytest.mark.parametrize("counts", [(0, 0, 0, 0), (5, 3, 4, 0), (5, 3, 0, 3), (5, 3, -1, 0), (5, 3, 0, -1)])
def test_impossible_counts_are_refused(counts: tuple[int, int, int, int]) -> None:
    """There are images, and lost and won ones are among those that can be."""
    with pytest.raises(ValueError, match="Expected images, and lost and won among them"):
        RecallChange("7", *counts, 0.0, 0.0)


@pytest.mark.parametrize(
    ("lower", "upper", "images", "right"),
    [(-0.1, 0.5, 1, 1), (0.5, 0.5, 1, 1), (0.5, 1.1, 1, 1), (0.0, 0.5, 0, 0), (0.0, 0.5, 2, 3), (0.0, 0.5, 2, -1)],
)
def test_impossible_bins_are_refused(lower: float, upper: float, images: int, right: int) -> None:
    """A bin has a range within 0..1, images, and no more correct ones than images."""
    with pytest.raises(ValueError, match="Expected 0 <= lower < upper <= 1"):
        ReliabilityBin(lower, upper, images, 0.3, right)
    assert math.isclose(ReliabilityBin(0.0, 1.0, 4, 0.3, 1).accuracy, 0.25)
