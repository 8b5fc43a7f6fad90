"""Tests of `pipeline.bench.mixture` and `pipeline.bench.drawn_pictures`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from device.arrays import Image
from device.runner import Runner
from device.vision.finder import Finder
from pipeline.bench.drawn_pictures import KINDS, DrawnPictures
from pipeline.bench.mixture import WEIGHTS, SetScore, measure, mixture_table, worth_percent
from pipeline.data.mnist import embedded_splits
from pipeline.synthesis.fonts import held_out_fonts
from tests.conftest import MODELS

HANDS = embedded_splits().test


def pictures(seed: int) -> DrawnPictures:
    return DrawnPictures(HANDS, held_out_fonts(), np.random.default_rng(seed))


@pytest.mark.parametrize("draw", KINDS.values(), ids=KINDS)
def test_a_seed_repeats_a_picture_and_another_draws_another(draw: Callable[[DrawnPictures, int], Image]) -> None:
    first, again, other = (draw(pictures(seed), 4) for seed in (1, 1, 2))
    assert first.dtype == np.uint8
    assert first.ndim == 3
    assert np.array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)


@pytest.mark.parametrize("draw", KINDS.values(), ids=KINDS)
def test_the_finder_finds_what_is_drawn(draw: Callable[[DrawnPictures, int], Image]) -> None:
    """At least eight of ten."""
    drawn, finder = pictures(3), Finder()
    assert sum(finder.find_one(draw(drawn, digit)) is not None for digit in range(10)) >= 8


def test_a_wrong_answer_costs_three_right_ones() -> None:
    """Of 100 pictures, 90 right and 2 wrong are worth 84."""
    assert SetScore(90, 2).worth == 84


def test_the_mixture_weighs_its_sets() -> None:
    """Everything right but MNIST, whose 15 % are not answered."""
    assert sum(WEIGHTS.values()) == 100
    scores = {kind: SetScore(100, 0) for kind in WEIGHTS} | {"MNIST": SetScore(0, 0)}
    assert worth_percent(scores) == 85


def test_the_best_model_stands_first() -> None:
    poor, good = ({kind: SetScore(right, wrong) for kind in WEIGHTS} for right, wrong in ((99, 2), (98, 1)))
    lines = mixture_table({"poor": poor, "good": good}).splitlines()
    assert lines[0].split() == ["right", "%,", "wrong", "%", "weight", "good", "poor"]
    assert lines[2].split() == ["MNIST", "15", "98.0", "1.0", "99.0", "2.0"]
    assert lines[-1].split() == ["worth", "100", "95.0", "93.0"]


@pytest.mark.thorough
def test_a_released_model_reads_most_of_what_is_drawn() -> None:
    """Of 20 of each kind: MNIST, scans and print nearly all; no set is left out."""
    with Runner(MODELS / "rows2d") as runner:
        scores = measure({"rows2d": runner}, HANDS, 20)["rows2d"]
    assert set(scores) == set(WEIGHTS)
    assert min(scores[kind].right for kind in ("MNIST", "scan", "print")) >= 85
