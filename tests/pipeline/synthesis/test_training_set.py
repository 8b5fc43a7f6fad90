"""Tests of `pipeline.synthesis.training_set`: a small one of embedded digits and the held-out fonts."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipeline.data.mnist import embedded_splits
from pipeline.data.splits import LabelledImages
from pipeline.synthesis.fonts import held_out_fonts
from pipeline.synthesis.training_set import NO_DIGIT, TrainingMix, TrainingSet, build_training_set, photographed_digits

DIGITS = embedded_splits().test[::15]
MIX = TrainingMix(
    photographed=60,
    negatives=40,
    written_share=0.25,
    printed_share=0.25,
    epoch_images=100,
    photographed_share=0.35,
    negative_share=0.2,
    seed=11,
)


@pytest.fixture(scope="module")
def training_set() -> TrainingSet:
    return build_training_set(DIGITS, held_out_fonts(), MIX)


def numbered(count: int, first: int, label: int) -> LabelledImages:
    """Crops that each hold their own number, so that each is recognised."""
    crops = np.zeros((count, 28, 28), np.uint8)
    crops[:, 0, 0] = np.arange(first, first + count)
    return LabelledImages(crops, np.full(count, label, np.uint8))


def numbered_set(**shares: Any) -> TrainingSet:
    """Ten digits, numbered from 0, five photographed, from 100, and four negatives, from 200."""
    mix = replace(MIX, **shares)
    return TrainingSet(mix, "0" * 64, numbered(10, 0, 3), numbered(5, 100, 4), numbered(4, 200, NO_DIGIT))


def numbers(training_set: TrainingSet, epoch: int) -> list[int]:
    return [int(crop[0, 0]) for crop in training_set.epoch(epoch).crops]


def times_each_is_there(training_set: TrainingSet, first: int, count: int) -> set[int]:
    drawn = numbers(training_set, 0)
    return {drawn.count(number) for number in range(first, first + count)}


def test_a_training_set_has_the_numbers_of_its_mix(training_set: TrainingSet) -> None:
    assert training_set.digits is DIGITS
    assert (len(training_set.photographed), len(training_set.negatives)) == (60, 40)
    assert training_set.photographed.crops.dtype == training_set.negatives.crops.dtype == np.uint8
    assert training_set.fonts_sha256 == held_out_fonts().sha256


def test_photographed_digits_are_labelled_and_negatives_are_not(training_set: TrainingSet) -> None:
    assert set(training_set.photographed.labels.tolist()) <= set(range(10))
    assert len(set(training_set.photographed.labels.tolist())) >= 8
    assert training_set.negatives.labels.tolist() == [10] * 40


def test_the_same_mix_draws_the_same_training_set(training_set: TrainingSet) -> None:
    again = build_training_set(DIGITS, held_out_fonts(), MIX)
    assert np.array_equal(training_set.photographed.crops, again.photographed.crops)
    assert np.array_equal(training_set.photographed.labels, again.photographed.labels)
    assert np.array_equal(training_set.negatives.crops, again.negatives.crops)


@pytest.mark.thorough
def test_another_seed_draws_another_training_set(training_set: TrainingSet) -> None:
    other = build_training_set(DIGITS, held_out_fonts(), replace(MIX, seed=12))
    assert not np.array_equal(training_set.photographed.crops, other.photographed.crops)
    assert not np.array_equal(training_set.negatives.crops, other.negatives.crops)


@pytest.mark.thorough
def test_photographs_are_of_mnists_digits_where_no_others_are_wanted() -> None:
    mix = replace(MIX, written_share=0, printed_share=0, display_share=0, drum_share=0)
    sevens = DIGITS[np.flatnonzero(DIGITS.labels == 7)]
    photographed = photographed_digits(sevens, held_out_fonts(), mix, (0, 60))
    assert photographed.labels.tolist() == [7] * 60


@pytest.mark.thorough
@pytest.mark.parametrize("shares", [(1.0, 0.0), (0.0, 1.0)])
def test_photographs_are_of_displays_and_counters_where_no_others_are_wanted(shares: tuple[float, float]) -> None:
    mix = replace(MIX, written_share=0, printed_share=0, display_share=shares[0], drum_share=shares[1])
    sevens = DIGITS[np.flatnonzero(DIGITS.labels == 7)]
    photographed = photographed_digits(sevens, held_out_fonts(), mix, (0, 60))
    assert len(set(photographed.labels.tolist())) >= 8


@pytest.mark.thorough
@pytest.mark.parametrize("shares", [(1.0, 0.0), (0.0, 1.0), (0.5, 0.5)])
def test_photographs_are_of_written_and_printed_digits_where_no_others_are_wanted(shares: tuple[float, float]) -> None:
    mix = replace(MIX, written_share=shares[0], printed_share=shares[1], display_share=0, drum_share=0)
    sevens = DIGITS[np.flatnonzero(DIGITS.labels == 7)]
    photographed = photographed_digits(sevens, held_out_fonts(), mix, (0, 60))
    assert len(set(photographed.labels.tolist())) >= 8


def test_an_epoch_holds_the_shares_of_its_mix(training_set: TrainingSet) -> None:
    """Of 100 crops 35 are photographed and 20 show no digit."""
    assert (training_set.epoch(0).labels == NO_DIGIT).sum() == 20
    drawn = numbers(numbered_set(), 0)
    assert [sum(first <= number < first + 100 for number in drawn) for first in (0, 100, 200)] == [45, 35, 20]


def test_an_epoch_is_the_same_each_time(training_set: TrainingSet) -> None:
    first, again = training_set.epoch(3), training_set.epoch(3)
    assert np.array_equal(first.crops, again.crops)
    assert np.array_equal(first.labels, again.labels)


def test_epochs_differ(training_set: TrainingSet) -> None:
    assert not np.array_equal(training_set.epoch(3).crops, training_set.epoch(4).crops)
    assert not np.array_equal(training_set.epoch(3).labels, training_set.epoch(4).labels)


def test_an_epoch_of_another_seed_differs() -> None:
    assert numbers(numbered_set(), 0) != numbers(numbered_set(seed=12), 0)


def test_no_crop_comes_twice_before_each_came_once() -> None:
    """45 of 10 digits, 35 of 5 photographed and 20 of 4 negatives: each as often as the others, or once more."""
    training_set = numbered_set()
    assert times_each_is_there(training_set, 0, 10) == {4, 5}
    assert times_each_is_there(training_set, 100, 5) == {7}
    assert times_each_is_there(training_set, 200, 4) == {5}
    assert times_each_is_there(numbered_set(epoch_images=20), 0, 10) == {0, 1}


def test_crops_keep_their_labels() -> None:
    labelled = numbered_set().epoch(0)
    expected = {0: 3, 1: 4, 2: NO_DIGIT}
    assert [expected[number // 100] for number in labelled.crops[:, 0, 0]] == labelled.labels.tolist()


def test_an_epoch_mixes_what_it_holds() -> None:
    kinds = [number // 100 for number in numbers(numbered_set(), 0)]
    assert kinds != sorted(kinds)
    assert len(set(kinds[:20])) == 3


@pytest.mark.parametrize(
    ("photographed", "negatives", "kinds"), [(0, 0, {0}), (1, 0, {1}), (0, 1, {2}), (0.5, 0.5, {1, 2})]
)
def test_shares_of_nothing_and_of_all_are_kept(photographed: float, negatives: float, kinds: set[int]) -> None:
    training_set = numbered_set(photographed_share=photographed, negative_share=negatives)
    drawn = numbers(training_set, 0)
    assert len(drawn) == 100
    assert {number // 100 for number in drawn} == kinds


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"written_share": -0.1}, "Expected shares in 0..1, together at most 1. Received: (-0.1, 0.25, 0.2, 0.08)"),
        ({"printed_share": 0.8}, "Expected shares in 0..1, together at most 1. Received: (0.25, 0.8, 0.2, 0.08)"),
        ({"photographed_share": 0.9}, "Expected shares in 0..1, together at most 1. Received: (0.9, 0.2)"),
        ({"negative_share": -0.5}, "Expected shares in 0..1, together at most 1. Received: (0.35, -0.5)"),
        ({"negative_share": 1.5}, "Expected shares in 0..1, together at most 1. Received: (0.35, 1.5)"),
    ],
)
def test_a_mix_refuses_shares_out_of_range(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        replace(MIX, **values)


@pytest.mark.parametrize("field", ["photographed", "negatives", "epoch_images"])
def test_a_mix_refuses_nothing_to_draw(field: str) -> None:
    with pytest.raises(ValueError, match=rf"^Expected at least one crop of each\. Received: .*'{field}': 0"):
        replace(MIX, **{field: 0})
