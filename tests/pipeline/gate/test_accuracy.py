"""Tests of `pipeline.gate.accuracy`'s statistics of pairs, against figures worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.gate.accuracy import Paired


def paired(images: int, lost: int, won: int) -> Paired:
    """So many images of which only float reads some right, only int8 some others, and both the rest."""
    float_right, int8_right = np.ones((2, images), np.bool_)
    int8_right[:lost] = False
    float_right[lost : lost + won] = False
    return Paired(float_right, int8_right)


def test_counts() -> None:
    """What one reads right and the other does not is counted apart; what both do alike does not count."""
    pair = paired(10_000, lost=20, won=5)
    assert (pair.lost, pair.won) == (20, 5)
    assert pair.drop_pp == pytest.approx(0.15)


@pytest.mark.parametrize(
    ("images", "lost", "won", "upper_pp"),
    [
        # 100 (15 / 10,002 + 1.95996 sqrt((26 / 10,002 - (15 / 10,002)^2) / 10,002))
        (10_000, 20, 5, 0.249846),
        (10_000, 0, 0, 0.019596),
        (1_000, 0, 0, 0.195605),
        (1_000, 1, 0, 0.376359),
        (10_000, 0, 20, -0.110247),
    ],
)
def test_upper_end_of_the_interval(images: int, lost: int, won: int, upper_pp: float) -> None:
    """The upper end is Agresti's and Min's: half an image more in each cell, two more in all."""
    assert paired(images, lost, won).drop_upper_pp == pytest.approx(upper_pp, abs=1e-6)


@given(st.integers(1_000, 20_000), st.integers(0, 400), st.integers(0, 400))
def test_upper_end_is_above_the_drop(images: int, lost: int, won: int) -> None:
    """Where int8 does not win, the interval reaches above the drop that was measured, shrunk by two images."""
    pair = paired(images, lost, won)
    assert pair.drop_upper_pp > pair.drop_pp * images / (images + 2)


@pytest.mark.parametrize(
    ("lost", "won", "p"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),
        (2, 0, 0.5),
        (5, 5, 1.0),
        # Of 2^25 ways to split 25 as far apart as this, 2 times 1 + 25 + 300 + 2,300 + 12,650 + 53,130.
        (20, 5, 136_812 / 2**25),
        (5, 20, 136_812 / 2**25),
    ],
)
def test_mcnemar(lost: int, won: int, p: float) -> None:
    """The exact test's p value is that of as uneven a split of fair coins, to either side."""
    assert math.isclose(paired(1_000, lost, won).mcnemar_p, p)
