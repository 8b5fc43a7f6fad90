"""Tests of `pipeline.synthesis.photograph`; what is found in a photograph is the finder's own matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.runner import Runner
from pipeline.data.mnist import embedded_splits
from pipeline.synthesis.photograph import Photograph, found_any_crop, found_crop, photograph
from tests.conftest import MODELS

SEEDS = st.integers(0, 2**32)
SQUARE = np.full((40, 40), 255, np.uint8)
BAR = np.full((60, 24), 255, np.uint8)


def taken(ink: npt.NDArray[np.uint8], seed: int, neighbour: npt.NDArray[np.uint8] | None = None) -> Photograph:
    return photograph(ink, np.random.default_rng(seed), neighbour)


def ink_over_paper(picture: Photograph) -> float:
    """The grey level at the middle of the box, less that just beside the box."""
    box, thirds = picture.box, picture.box.height // 3
    rows = picture.image[box.y + thirds : box.y + box.height - thirds].astype(np.float64)
    middle = rows[:, box.x + box.width * 2 // 5 : box.x + box.width - box.width * 2 // 5]
    right = box.x + box.width + 2
    beside = np.concatenate([rows[:, max(0, box.x - 6) : max(0, box.x - 2)], rows[:, right : right + 4]], axis=1)
    return float(np.median(middle) - np.median(beside))


@given(seed=SEEDS)
@settings(deadline=None)
def test_a_photograph_is_square_and_its_box_lies_in_it(seed: int) -> None:
    picture = taken(SQUARE, seed)
    side, box = picture.image.shape[0], picture.box
    assert picture.image.dtype == np.uint8
    assert picture.image.shape == (side, side)
    assert 36 <= side <= 240
    assert 0 <= box.x < box.x + box.width <= side
    assert 0 <= box.y < box.y + box.height <= side


@given(seed=SEEDS)
@settings(deadline=None)
def test_the_ink_fills_a_third_of_the_picture_or_more(seed: int) -> None:
    picture = taken(SQUARE, seed)
    assert max(picture.box.width, picture.box.height) >= picture.image.shape[0] / 3


def test_the_box_has_the_inks_proportions() -> None:
    boxes = [taken(BAR, seed).box for seed in range(100)]
    assert all(box.height > box.width for box in boxes)
    assert 1.75 < np.mean([box.height / box.width for box in boxes]) < 2.75


def test_the_ink_lies_where_the_box_says() -> None:
    """Unless it is pale, broken just there, or dim."""
    assert np.mean([abs(ink_over_paper(taken(BAR, seed))) >= 5 for seed in range(300)]) > 0.95


def test_ink_is_dark_on_bright_more_often_than_bright_on_dark() -> None:
    assert 0.6 < np.mean([ink_over_paper(taken(BAR, seed)) < 0 for seed in range(300)]) < 0.8


def test_a_seed_takes_the_same_photograph_again() -> None:
    for seed in range(20):
        first, again = taken(BAR, seed, SQUARE), taken(BAR, seed, SQUARE)
        assert first.box == again.box
        assert np.array_equal(first.image, again.image)


def test_seeds_take_different_photographs() -> None:
    assert len({taken(BAR, seed).image.tobytes() for seed in range(50)}) == 50


def test_a_neighbour_changes_the_picture_and_not_the_box() -> None:
    for seed in range(20):
        alone, beside = taken(BAR, seed), taken(BAR, seed, SQUARE)
        assert alone.box == beside.box
        assert not np.array_equal(alone.image, beside.image)


def test_a_photograph_of_nothing_has_an_empty_box_and_no_crop() -> None:
    for seed in range(20):
        picture = taken(np.zeros((28, 28), np.uint8), seed)
        assert (picture.box.width, picture.box.height) == (0, 0)
        assert found_crop(picture) is None


@pytest.mark.thorough
def test_what_is_found_elsewhere_than_the_ink_is_no_crop() -> None:
    pictures = [taken(BAR, seed) for seed in range(100)]
    crops = [(picture, crop) for picture in pictures if (crop := found_crop(picture)) is not None]
    assert len(crops) >= 50
    for picture, crop in crops:
        elsewhere = replace(picture, box=replace(picture.box, x=0, y=0, width=4, height=4))
        anywhere = found_any_crop(elsewhere)
        assert found_crop(elsewhere) is None
        assert anywhere is not None
        assert np.array_equal(anywhere, crop)


def test_an_even_picture_has_no_crop() -> None:
    picture = Photograph(np.full((64, 64), 128, np.uint8), taken(BAR, 0).box)
    assert found_any_crop(picture) is None
    assert found_crop(picture) is None


@pytest.fixture(scope="module")
def found() -> list[tuple[npt.NDArray[np.uint8], int]]:
    """The crops that are found in photographs of three hundred embedded digits, and what they show."""
    digits, rng = embedded_splits().test[::15], np.random.default_rng(1)
    crops = [found_crop(photograph(crop, rng)) for crop in digits.crops]
    return [(crop, int(label)) for crop, label in zip(crops, digits.labels, strict=True) if crop is not None]


@pytest.mark.thorough
def test_most_photographed_digits_are_found_as_crops(found: list[tuple[npt.NDArray[np.uint8], int]]) -> None:
    assert len(found) >= 200
    assert all(crop.shape == (28, 28) and crop.dtype == np.uint8 for crop, _ in found)


@pytest.mark.thorough
def test_a_released_model_reads_most_found_crops(found: list[tuple[npt.NDArray[np.uint8], int]]) -> None:
    with Runner(MODELS / "rows2d") as runner:
        right = [runner.classify(crop).index == label for crop, label in found]
    assert np.mean(right) >= 0.9
