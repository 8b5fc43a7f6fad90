"""Tests of `pipeline.synthesis.negatives`, on embedded digits and the held-out fonts."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pytest

from device.vision.normalise import crop_of
from pipeline.data.mnist import embedded_splits
from pipeline.data.splits import LabelledImages
from pipeline.synthesis.fonts import Fonts, held_out_fonts
from pipeline.synthesis.negatives import Kind, Negatives

_TEST = embedded_splits().test
DIGITS = _TEST[np.arange(0, len(_TEST), 15)]
KINDS = (
    "letter",
    "photographed_letter",
    "half",
    "several",
    "scribbled",
    "shape",
    "noise",
    "blank",
    "texture",
    "scene",
    "segments",
)


def negatives(seed: int = 0, digits: LabelledImages = DIGITS) -> Negatives:
    return Negatives(held_out_fonts(), digits, np.random.default_rng(seed))


def drawn(kind: str, count: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    of = negatives(seed)
    method: Kind = getattr(of, kind)
    return of.draw_in_turn([method], count)


def halves_in_place(count: int) -> list[npt.NDArray[np.uint8]]:
    """Draws halves of one digit; returns those that were left in place."""
    of, whole = negatives(digits=DIGITS[:1]), DIGITS.crops[0]
    return [crop for crop in of.draw_in_turn([of.half], count) if (crop[crop > 0] == whole[crop > 0]).all()]


@pytest.mark.sampled
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_crops(kind: str) -> None:
    crops = drawn(kind, 50)
    assert crops.shape == (50, 28, 28)
    assert crops.dtype == np.uint8


@pytest.mark.sampled
@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_draws_the_same_again_and_another_seed_others(kind: str) -> None:
    first = drawn(kind, 20, seed=5)
    assert np.array_equal(first, drawn(kind, 20, seed=5))
    assert not np.array_equal(first, drawn(kind, 20, seed=6))


@pytest.mark.parametrize("kind", ["letter", "several", "scribbled"])
def test_normalised_kinds_are_20_pixels_long(kind: str) -> None:
    for crop in drawn(kind, 50):
        lengths = [len(np.flatnonzero(crop.any(axis=axis))) for axis in (0, 1)]
        assert 18 <= max(lengths) <= 20
        assert crop.max() == 255


def test_all_kinds_together_are_crops_and_the_same_for_the_same_seed() -> None:
    crops = negatives().draw(100)
    assert crops.shape == (100, 28, 28)
    assert crops.dtype == np.uint8
    assert np.array_equal(crops, negatives().draw(100))
    assert not np.array_equal(crops, negatives(1).draw(100))


def test_kinds_are_drawn_in_turn() -> None:
    def grey(level: int) -> Callable[[], npt.NDArray[np.uint8]]:
        return lambda: np.full((28, 28), level, np.uint8)

    crops = negatives().draw_in_turn([grey(1), grey(2), grey(3)], 7)
    assert crops[:, 0, 0].tolist() == [1, 2, 3, 1, 2, 3, 1]


def test_a_kind_that_gives_nothing_is_asked_again() -> None:
    answers = iter([None, None, np.ones((28, 28), np.uint8)])
    assert negatives().draw_in_turn([lambda: next(answers)], 1).sum() == 784


def test_halves_keep_less_ink_than_the_whole() -> None:
    halves, whole = halves_in_place(200), int(DIGITS.crops[0].sum())
    assert halves
    assert all(0.2 * whole < half.sum() < 0.7 * whole for half in halves)


def test_halves_are_blank_on_one_side() -> None:
    for half in halves_in_place(100):
        blank = [not side.any() for side in (half[:11], half[17:], half[:, :11], half[:, 17:])]
        assert any(blank)


def test_some_halves_stand_in_place_and_the_others_are_normalised() -> None:
    assert 80 <= len(halves_in_place(200)) <= 160


def test_of_an_eight_the_left_half_alone_is_normalised() -> None:
    """The others look like a zero or a three."""
    eight = DIGITS[np.flatnonzero(DIGITS.labels == 8)[:1]]
    whole, of = eight.crops[0], negatives(digits=eight)
    left = {crop_of(np.where(np.arange(28) < cut, whole, 0).astype(np.uint8)).tobytes() for cut in range(10, 19)}
    moved = [half for half in of.draw_in_turn([of.half], 200) if (half[half > 0] != whole[half > 0]).any()]
    assert 10 <= len(moved) <= 60
    assert left.issuperset(half.tobytes() for half in moved)


def test_blanks_have_hardly_any_edges() -> None:
    steps = [np.abs(np.diff(crop.astype(int), axis=1)).mean() for crop in drawn("blank", 100)]
    assert max(steps) < 20
    noise = [np.abs(np.diff(crop.astype(int), axis=1)).mean() for crop in drawn("noise", 100)]
    assert np.mean(noise) > 2 * np.mean(steps)


def test_letters_that_a_font_lacks_are_not_drawn(tmp_path: Path) -> None:
    """A font without Greek and Cyrillic draws other letters instead: neither blanks nor boxes."""
    plain = Path(shutil.copy(Path(mpl.get_data_path(), "fonts", "ttf", "cmr10.ttf"), tmp_path))
    of = Negatives(Fonts(((plain,),)), DIGITS, np.random.default_rng(0))
    assert len({crop.tobytes() for crop in of.draw_in_turn([of.letter], 100)}) == 100


@pytest.mark.parametrize(
    ("parts", "is_bar"),
    [
        ([(4, 24, 12, 15)], True),
        ([(12, 15, 4, 24)], True),
        ([(4, 7, 12, 15), (10, 24, 12, 15)], False),
        ([(4, 24, 12, 15), (21, 24, 12, 22)], False),
        ([(4, 24, 4, 24)], False),
        ([], False),
    ],
    ids=["upright", "level", "with a dot", "with a foot", "a square", "nothing"],
)
def test_a_single_stroke_looks_like_a_one_and_is_drawn_again(
    parts: list[tuple[int, int, int, int]], is_bar: bool
) -> None:
    crop = np.zeros((28, 28), np.uint8)
    for top, bottom, left, right in parts:
        crop[top:bottom, left:right] = 255
    after = np.full((28, 28), 99, np.uint8)
    answers = iter([crop, after])
    (drawn_crop,) = negatives().draw_in_turn([lambda: next(answers)], 1)
    assert np.array_equal(drawn_crop, after if is_bar else crop)


def test_a_blank_digit_has_no_half() -> None:
    blank = LabelledImages(np.zeros((1, 28, 28), np.uint8), np.zeros(1, np.uint8))
    assert negatives(digits=blank).half() is None


def test_digits_without_a_negative_are_refused() -> None:
    """Faint digits have no half with enough ink."""
    faint = LabelledImages(np.full((3, 28, 28), 60, np.uint8), np.zeros(3, np.uint8))
    of = negatives(digits=faint)
    with pytest.raises(
        ValueError, match=r"^Expected digits to draw negatives from\. Found no negative in 10,000 tries$"
    ):
        of.draw_in_turn([of.half], 1)
