"""Tests of `device.vision.finder`, with what it is built on: `device.vision.ink` and `device.vision.shapes`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from device.vision.boxes import Box
from device.vision.finder import Candidate, Finder
from device.vision.normalise import crop_of
from tests.conftest import Digits

Image = npt.NDArray[np.uint8]
Stroke = tuple[int, int, int, int, int, int]

FINDER = Finder()
BLUE_PEN = (150, 60, 30)
PLACES = ((100, 80), (600, 60), (1000, 90), (250, 450), (800, 420))


@dataclass(frozen=True)
class Sheet:
    """A sheet of paper to write digits of MNIST on."""

    image: Image

    @classmethod
    def of(cls, width: int, height: int, paper: int = 200) -> Sheet:
        return cls(np.full((height, width, 3), paper, np.uint8))

    def write(self, digit: Image, x: int, y: int, side: int, pen: tuple[int, int, int] = BLUE_PEN) -> Sheet:
        """Writes a digit into a square of the sheet."""
        ink = cv2.resize(digit, (side, side), interpolation=cv2.INTER_CUBIC)[..., np.newaxis] / 255
        square = self.image[y : y + side, x : x + side]
        square[:] = square * (1 - ink) + np.array(pen) * ink
        return self

    def photographed(self, *, brightness: float = 1.0, shade: float = 0.0, noise: float = 2.0) -> Image:
        """The sheet under light that falls off to the right."""
        height, width = self.image.shape[:2]
        light = brightness * (1 - shade * np.linspace(0, 1, width))[np.newaxis, :, np.newaxis]
        grain = np.random.default_rng(0).normal(0, noise, (height, width, 1))
        return np.asarray(np.clip(self.image * light + grain, 0, 255), np.uint8)


def likeness(candidate: Candidate | None, digit: Image) -> float:
    """The correlation of a candidate's crop with the digit's own, a pixel off at most."""
    assert candidate is not None
    around = cv2.copyMakeBorder(candidate.crop, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    return float(cv2.matchTemplate(around, crop_of(digit), cv2.TM_CCOEFF_NORMED).max())


@pytest.fixture
def five(digits: Digits) -> list[Image]:
    """A nought, a two, a four, a six and an eight."""
    return [digits[0][np.flatnonzero(digits[1] == label)[3]] for label in (0, 2, 4, 6, 8)]


def written(five: list[Image], sheet: Sheet, pen: tuple[int, int, int] = BLUE_PEN) -> Sheet:
    for digit, (x, y) in zip(five, PLACES, strict=True):
        sheet.write(digit, x, y, 140, pen)
    return sheet


def assert_found(found: tuple[Candidate, ...], five: list[Image], least: float = 0.9) -> None:
    assert len(found) == 5
    for candidate, digit, (x, y) in zip(found, five, PLACES, strict=True):
        box = candidate.box
        assert likeness(candidate, digit) > least
        assert x - 3 <= box.x
        assert y - 3 <= box.y
        assert box.x + box.width <= x + 143
        assert box.y + box.height <= y + 143


@pytest.mark.parametrize("pen", [(30, 30, 30), BLUE_PEN, (40, 40, 190), (60, 120, 40), (180, 180, 180)])
def test_digits_in_pens_of_any_colour_are_found_in_reading_order(five: list[Image], pen: tuple[int, int, int]) -> None:
    assert_found(FINDER.find(written(five, Sheet.of(1280, 720), pen).photographed()), five)


def test_light_digits_on_dark_are_found(five: list[Image]) -> None:
    assert_found(FINDER.find(written(five, Sheet.of(1280, 720, 40), (210, 220, 230)).photographed()), five)


def test_digits_in_a_grey_image_are_found(five: list[Image]) -> None:
    grey = cv2.cvtColor(written(five, Sheet.of(1280, 720)).photographed(), cv2.COLOR_BGR2GRAY)
    assert_found(FINDER.find(grey), five)


def test_digits_under_uneven_light_are_found(five: list[Image]) -> None:
    assert_found(FINDER.find(written(five, Sheet.of(1280, 720)).photographed(shade=0.7)), five)


def test_ten_grey_levels_of_contrast_suffice(five: list[Image]) -> None:
    assert_found(FINDER.find(written(five, Sheet.of(1280, 720), (188, 188, 188)).photographed(noise=0.5)), five, 0.85)


@pytest.mark.parametrize("squared", [False, True])
def test_digits_on_ruled_paper_are_found_without_the_lines(five: list[Image], squared: bool) -> None:
    sheet = Sheet.of(1280, 720)
    for y in range(20, 720, 40):
        cv2.line(sheet.image, (0, y), (1279, y + 12), (190, 170, 150), 2, cv2.LINE_AA)
    for x in range(20, 1280, 40) if squared else ():
        cv2.line(sheet.image, (x, 0), (x - 7, 719), (190, 170, 150), 2, cv2.LINE_AA)
    assert_found(FINDER.find(written(five, sheet).photographed()), five, 0.85)


@pytest.mark.thorough
def test_crops_of_a_large_image_are_cut_at_full_resolution(five: list[Image]) -> None:
    sheet = Sheet.of(4000, 3000)
    for column, digit in enumerate(five):
        sheet.write(digit, 300 + 700 * column, 1000, 180)
    found = FINDER.find(sheet.photographed())
    assert len(found) == 5
    assert all(likeness(candidate, digit) > 0.95 for candidate, digit in zip(found, five, strict=True))


def test_a_digit_cut_off_by_the_edge_of_a_frame_is_not_a_candidate(five: list[Image]) -> None:
    image = Sheet.of(640, 480).write(five[4], 200, 150, 140).photographed()
    assert len(FINDER.find(image)) == 1
    assert FINDER.find(image[:, :270]) == ()


def test_the_one_digit_of_a_cell_is_found_between_its_lines(five: list[Image]) -> None:
    for digit in five:
        sheet = Sheet.of(64, 64).write(digit, 12, 10, 46)
        sheet.image[:3] = sheet.image[:, -4:] = 20
        assert likeness(FINDER.find_one(sheet.photographed()), digit) > 0.9


def test_a_foot_along_the_line_beneath_it_stays() -> None:
    plain = Sheet.of(64, 64)
    bent = np.array([(20, 22), (26, 17), (36, 17), (39, 24), (20, 55)], np.int32)
    cv2.polylines(plain.image, [bent], False, BLUE_PEN, 4, cv2.LINE_AA)
    cv2.line(plain.image, (20, 56), (42, 55), BLUE_PEN, 4, cv2.LINE_AA)
    whole = FINDER.find_one(plain.photographed())
    plain.image[58:62] = 20
    assert whole is not None
    assert likeness(FINDER.find_one(plain.photographed()), whole.crop) > 0.9


def test_both_sides_of_a_loop_that_the_picture_cuts_are_one_shape() -> None:
    sheet = Sheet.of(64, 64)
    for side in ([(46, 10), (22, 40), (20, 66)], [(28, 46), (38, 46), (38, 66)]):
        cv2.polylines(sheet.image, [np.array(side, np.int32)], False, BLUE_PEN, 4, cv2.LINE_AA)
    found = FINDER.find_one(sheet.photographed())
    assert found is not None
    assert np.count_nonzero(found.crop[20]) > 5
    assert found.crop[20, 14:20].max() > 200


def test_the_one_digit_may_be_light(five: list[Image]) -> None:
    for digit in five:
        image = Sheet.of(28, 36, 15).write(digit, 2, 4, 26, (50, 50, 50)).photographed(noise=1)
        assert likeness(FINDER.find_one(image), digit) > 0.85


def test_the_one_digit_of_a_large_picture_is_found(five: list[Image]) -> None:
    for digit in five:
        image = Sheet.of(1500, 2000).write(digit, 400, 600, 700).photographed(shade=0.4)
        assert likeness(FINDER.find_one(image), digit) > 0.9


def test_parts_that_stand_apart_are_one_digit() -> None:
    digit = np.zeros((28, 28), np.uint8)
    cv2.line(digit, (9, 7), (19, 7), 255, 2)
    cv2.ellipse(digit, (13, 17), (6, 6), 0, -100, 150, 255, 2)
    alone = FINDER.find_one(Sheet.of(84, 84).write(digit, 0, 0, 84).photographed())
    assert likeness(alone, digit) > 0.85
    (among,) = FINDER.find(Sheet.of(1280, 720).write(digit, 500, 300, 168).photographed())
    assert likeness(among, digit) > 0.85


def test_the_box_of_the_one_digit_is_in_pixels_of_the_image() -> None:
    image = np.full((400, 300), 220, np.uint8)
    cv2.rectangle(image, (100, 120), (179, 279), 30, 14)
    found = FINDER.find_one(image)
    assert found is not None
    box = found.box
    assert abs(box.x - 93) <= 6
    assert abs(box.y - 113) <= 6
    assert abs(box.width - 94) <= 10
    assert abs(box.height - 174) <= 10


@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (300, 7, 3), (64, 64), (64, 64, 3), (720, 1280, 3), (1, 900)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_blank_image_has_no_candidates(shape: tuple[int, ...], level: int) -> None:
    blank = np.full(shape, level, np.uint8)
    assert FINDER.find(blank) == ()
    assert FINDER.find_one(blank) is None


def test_noise_has_no_candidates() -> None:
    assert FINDER.find(Sheet.of(1280, 720).photographed(noise=6)) == ()


def test_an_empty_image_has_no_candidates() -> None:
    assert FINDER.find(np.zeros((0, 0, 3), np.uint8)) == ()
    assert FINDER.find_one(np.zeros((5, 0), np.uint8)) is None
    assert FINDER.alternatives(np.zeros((5, 0), np.uint8), None) == ()


def test_a_digit_that_fills_the_picture_is_an_alternative_to_its_hole() -> None:
    """A zero from edge to edge: what is found alone lies within it."""
    image = np.full((100, 80, 3), 200, np.uint8)
    cv2.ellipse(image, (40, 50), (32, 42), 0, 0, 360, (20, 20, 20), 22)
    one = FINDER.find_one(image)
    others = FINDER.alternatives(image, one)
    assert Box(0, 0, 80, 100) in [candidate.box for candidate in others]
    assert one not in others


def test_a_shadow_along_the_edge_is_no_digit() -> None:
    """Ragged, it fills less than half of its box."""
    image = np.full((100, 100, 3), 200, np.uint8)
    for row in range(0, 100, 4):
        image[row : row + 4, : 4 + 16 * (row % 16 == 0)] = 60
    assert FINDER.find_one(image) is None


def test_a_foot_from_edge_to_edge_is_a_rule_or_a_stroke() -> None:
    """A two whose foot looks like a ruled line is found without it, and with it as an alternative."""
    image = np.full((64, 48, 3), 200, np.uint8)
    cv2.ellipse(image, (24, 18), (14, 12), 0, 180, 390, (40, 40, 40), 5)
    cv2.line(image, (36, 26), (6, 56), (40, 40, 40), 5)
    cv2.line(image, (0, 57), (47, 57), (40, 40, 40), 5)
    one = FINDER.find_one(image)
    assert one is not None
    assert one.box.width < 44
    assert max(candidate.box.width for candidate in FINDER.alternatives(image, one)) == 48


@settings(max_examples=40, deadline=None)
@given(image=hnp.arrays(np.uint8, st.tuples(st.integers(8, 70), st.integers(8, 70), st.just(3))))
def test_boxes_lie_in_any_image(image: Image) -> None:
    height, width = image.shape[:2]
    one = FINDER.find_one(image)
    for candidate in (*FINDER.find(image), *(() if one is None else (one,)), *FINDER.alternatives(image, one)):
        box = candidate.box
        assert min(box.x, box.y, box.width - 1, box.height - 1) >= 0
        assert box.x + box.width <= width
        assert box.y + box.height <= height
        assert candidate.crop.shape == (28, 28)


@pytest.mark.parametrize(
    ("image", "received"),
    [
        (np.zeros((64, 64), np.float32), r"shape=\(64, 64\), dtype=float32"),
        (np.zeros((64, 64, 4), np.uint8), r"shape=\(64, 64, 4\), dtype=uint8"),
        (np.zeros(64, np.uint8), r"shape=\(64,\), dtype=uint8"),
    ],
)
def test_other_arrays_are_refused(image: Image, received: str) -> None:
    for search in (FINDER.find, FINDER.find_one, partial(FINDER.alternatives, found=None)):
        with pytest.raises(ValueError, match=rf"Expected image <uint8>.* Received: {received}"):
            search(image)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_contrast": 0}, "Expected min_contrast in 1..255. Received: 0"),
        ({"min_height": 0.0}, "Expected min_height and min_height_alone above 0, up to 1. Received: 0.0, 0.2"),
        ({"min_height": 1.5}, "Expected min_height and min_height_alone above 0, up to 1. Received: 1.5, 0.2"),
        ({"min_height_alone": 1.5}, "Expected min_height and min_height_alone above 0, up to 1. Received: 0.03, 1.5"),
        ({"frame_px": 31}, "Expected frame_px and alone_px of at least 32. Received: 31, 96"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Finder(**options)


def ink_on(size: tuple[int, int], *inks: Stroke, paper: int = 200) -> Image:
    """A grey image (width, height) with rings or bars on it: x, y, width, height, thickness (0: filled), level."""
    width, height = size
    image = np.full((height, width), paper, np.uint8)
    for x, y, w, h, thickness, level in inks:
        part = image[y : y + h, x : x + w]
        inside = part[thickness : h - thickness, thickness : w - thickness].copy()
        part[:] = level
        if thickness:
            part[thickness : h - thickness, thickness : w - thickness] = inside
    return image


def boxes_in(image: Image) -> list[Box]:
    return [candidate.box for candidate in FINDER.find(image)]


def box_alone_in(image: Image) -> Box | None:
    found = FINDER.find_one(image)
    return None if found is None else found.box


RING = (100, 100, 40, 60, 6, 60)
RING_BOX = Box(100, 100, 40, 60)
FRAME_SIZE = (600, 400)
# Shapes of one ring or bar, and whether `find` takes it for a candidate.
SHAPES = [
    (RING, True),
    ((100, 100, 64, 40, 6, 60), True),  # 1.6 times as wide as high
    ((100, 100, 65, 40, 6, 60), False),
    ((100, 100, 4, 64, 0, 60), True),  # 16 times as high as wide
    ((100, 100, 4, 65, 0, 60), False),
    ((100, 100, 10, 12, 2, 60), True),  # 3 % of the image's height
    ((100, 100, 10, 11, 2, 60), False),
    ((100, 100, 30, 60, 0, 60), True),  # a filled box is a stroke up to half as wide as high
    ((100, 100, 31, 60, 0, 60), False),
    ((1, 100, 40, 60, 6, 60), True),
    ((0, 100, 40, 60, 6, 60), False),
    ((559, 100, 40, 60, 6, 60), True),
    ((560, 100, 40, 60, 6, 60), False),
    ((100, 1, 40, 60, 6, 60), True),
    ((100, 0, 40, 60, 6, 60), False),
    ((100, 339, 40, 60, 6, 60), True),
    ((100, 340, 40, 60, 6, 60), False),
    ((100, 100, 40, 60, 6, 191), True),
    ((100, 100, 40, 60, 6, 193), False),  # fewer than 8 grey levels of contrast
]


@pytest.mark.parametrize(("shape", "is_candidate"), SHAPES, ids=str)
def test_a_candidate_has_the_proportions_and_the_contrast_of_a_digit(shape: Stroke, is_candidate: bool) -> None:
    x, y, width, height, _, _ = shape
    assert boxes_in(ink_on(FRAME_SIZE, shape)) == ([Box(x, y, width, height)] if is_candidate else [])


def test_candidates_are_ordered_by_line_and_then_from_left_to_right() -> None:
    image = ink_on(FRAME_SIZE, *((x, y, 40, 60, 6, 60) for x, y in ((300, 100), (100, 129), (200, 131), (40, 60))))
    assert [(box.x, box.y) for box in boxes_in(image)] == [(40, 60), (100, 129), (300, 100), (200, 131)]


@pytest.mark.parametrize(
    ("piece", "box"),
    [
        ((100, 84, 40, 10, 0, 60), Box(100, 84, 40, 76)),  # 6 pixels above the ring
        ((100, 82, 40, 10, 0, 60), RING_BOX),  # 8 pixels above it
        ((144, 100, 6, 36, 0, 60), Box(100, 100, 50, 60)),  # beside the ring, 3/5 as high
        ((144, 100, 5, 9, 0, 60), Box(100, 100, 49, 60)),
        ((144, 100, 4, 9, 0, 60), RING_BOX),  # less than 4 % of the ring's ink
        ((144, 100, 8, 8, 0, 60), RING_BOX),  # less than 15 % of the ring's height
        ((144, 124, 40, 10, 0, 60), Box(100, 100, 84, 60)),  # together 1.4 times as wide as high
        ((144, 124, 41, 10, 0, 60), RING_BOX),
    ],
)
def test_pieces_that_make_one_digit_have_one_box(piece: Stroke, box: Box) -> None:
    assert boxes_in(ink_on(FRAME_SIZE, RING, piece)) == [box]


@pytest.mark.parametrize(
    ("piece", "box"),
    [((144, 100, 6, 37, 0, 60), Box(144, 100, 6, 37)), ((142, 100, 40, 60, 6, 60), Box(142, 100, 40, 60))],
)
def test_neighbours_of_similar_height_are_two_candidates(piece: Stroke, box: Box) -> None:
    assert boxes_in(ink_on(FRAME_SIZE, RING, piece)) == [RING_BOX, box]


@pytest.mark.parametrize(
    ("piece", "is_candidate"),
    [
        ((115, 115, 10, 30, 0, 230), False),  # in the ring
        ((147, 110, 6, 40, 0, 215), False),
        ((148, 110, 6, 40, 0, 215), True),  # an eighth of the ring's height beside it
        ((110, 167, 6, 40, 0, 215), False),
        ((110, 168, 6, 40, 0, 215), True),
    ],
)
def test_paler_ink_of_the_other_polarity_near_a_digit_is_no_candidate(piece: Stroke, is_candidate: bool) -> None:
    x, y, width, height, _, _ = piece
    assert boxes_in(ink_on(FRAME_SIZE, RING, piece)) == [
        RING_BOX,
        *([Box(x, y, width, height)] if is_candidate else []),
    ]


def test_the_box_of_a_shrunk_image_is_given_in_its_own_pixels() -> None:
    assert boxes_in(ink_on((2400, 1600), (401, 203, 161, 241, 25, 60))) == [Box(402, 204, 159, 240)]


@pytest.mark.parametrize(
    ("inks", "box"),
    [
        ([(30, 20, 36, 56, 5, 60)], Box(30, 20, 36, 56)),
        ([(30, 20, 36, 56, 5, 235)], Box(30, 20, 36, 56)),
        ([(0, 20, 30, 56, 5, 60)], Box(0, 20, 30, 56)),
        ([(0, 20, 30, 56, 5, 60), (50, 30, 20, 36, 4, 60)], Box(50, 30, 20, 36)),  # at the edge counts less
        ([(4, 20, 30, 56, 5, 60), (50, 30, 20, 36, 4, 60)], Box(4, 20, 30, 56)),
        ([(4, 20, 30, 56, 5, 150), (50, 30, 28, 46, 4, 40)], Box(50, 30, 28, 46)),  # stronger ink
        ([(40, 40, 14, 20, 3, 60)], Box(40, 40, 14, 20)),  # a fifth of the image's height
        ([(40, 40, 14, 19, 3, 60)], None),
        ([(57, 38, 20, 20, 4, 60), (38, 67, 20, 20, 4, 60)], Box(57, 38, 20, 20)),  # nearer to the middle
        ([(34, 38, 20, 20, 4, 60), (60, 34, 28, 28, 4, 60)], Box(34, 38, 20, 20)),  # against half as much ink again
        ([(38, 57, 20, 20, 4, 60), (67, 38, 20, 20, 4, 60)], Box(38, 57, 20, 20)),
        ([(40, 1, 10, 60, 0, 60)], Box(40, 1, 10, 60)),
        ([(40, 0, 10, 60, 0, 60)], None),  # a bar that reaches the edge
    ],
)
def test_the_most_prominent_shape_is_the_one_digit(inks: list[Stroke], box: Box | None) -> None:
    assert box_alone_in(ink_on((96, 96), *inks)) == box


def test_the_box_of_the_one_digit_of_a_shrunk_image_is_given_in_its_own_pixels() -> None:
    assert box_alone_in(ink_on((300, 400), (97, 121, 120, 200, 20, 60))) == Box(96, 120, 120, 200)


@pytest.mark.parametrize(("side", "count"), [(8, 1), (7, 0)])
def test_an_image_has_at_least_8_pixels_on_a_side(side: int, count: int) -> None:
    image = ink_on((side, 40), (3, 4, 2, 30, 0, 60))
    assert len(boxes_in(image)) == count
    assert (box_alone_in(image) is not None) == bool(count)


def test_the_crop_of_a_ring_has_soft_inner_edges() -> None:
    (candidate,) = FINDER.find(ink_on(FRAME_SIZE, RING))
    side, top = [*[0] * 8, 255, 242, *[0] * 9, 242, 255, *[0] * 7], [*[0] * 8, *[255] * 13, *[0] * 7]
    assert [candidate.crop[y].tolist() for y in (3, 4, 14, 23, 24)] == [[0] * 28, top, side, top, [0] * 28]


# The bars (x, y, width, height) of a display's digit at (0, 0), 60 wide and 100 high, with gaps of 4 pixels.
BARS = {
    "A": (10, 0, 40, 10), "B": (50, 8, 10, 38), "C": (50, 54, 10, 38), "D": (10, 90, 40, 10), "E": (0, 54, 10, 38),
    "F": (0, 8, 10, 38), "G": (12, 45, 36, 10),
}  # fmt: skip


def display(size: tuple[int, int], *digits: tuple[str, int, int]) -> Image:
    """An image of this width and height with digits of lit bars at their places."""
    image = np.full(size[::-1], 30, np.uint8)
    for lit, x, y in digits:
        for name in lit:
            left, top, width, height = BARS[name]
            image[y + top : y + top + height, x + left : x + left + width] = 220
    return image


@pytest.mark.parametrize(
    ("lit", "box"),
    [
        ("ABCDEF", Box(50, 40, 60, 100)),
        ("ABDEG", Box(50, 40, 60, 100)),
        ("BCFG", Box(50, 48, 60, 84)),
        ("ABCDEFG", Box(50, 40, 60, 100)),
        ("BC", Box(100, 48, 10, 84)),
    ],
)
def test_the_bars_of_a_display_are_one_digit(lit: str, box: Box) -> None:
    """In a picture of one digit, and in a frame beside another."""
    assert box_alone_in(display((160, 180), (lit, 50, 40))) == box
    assert boxes_in(display((600, 400), (lit, 50, 40), ("ACDFG", 150, 40))) == [box, Box(150, 40, 60, 100)]


def test_the_dots_of_a_matrix_are_one_digit() -> None:
    """A column of seven dots, and a row of five that meets it."""
    image = np.full((200, 200), 220, np.uint8)
    for x, y in [*((0, row) for row in range(7)), *((column, 6) for column in range(5))]:
        cv2.circle(image, (60 + 14 * x, 50 + 14 * y), 5, 30, -1)
    assert box_alone_in(image) == Box(56, 46, 66, 94)


def test_a_page_is_searched_in_tiles(digits: Digits) -> None:
    """Digits of 24 pixels on a page of 2,000, of which some lie where tiles meet, are found once each, in order."""
    sheet = Sheet.of(1500, 2000)
    places = [(x, y) for y in (100, 630, 790, 1430) for x in range(40, 1440, 75)]
    for (x, y), digit in zip(places, digits[0], strict=False):
        sheet.write(digit, x, y, 34)
    image = sheet.photographed(noise=1.0)
    assert FINDER.find(image) == ()
    middles = [(c.box.x + c.box.width / 2, c.box.y + c.box.height / 2) for c in FINDER.find_small(image)]
    assert len(middles) == len(places) == 76
    assert np.abs(np.array(middles) - np.array(places) - 17).max() < 6


def test_a_large_digit_is_found_once_among_tiles(five: list[Image]) -> None:
    image = written(five, Sheet.of(1280, 720)).photographed()
    assert_found(FINDER.find_small(image), five)
    assert [c.box for c in FINDER.find_small(image)] == [c.box for c in FINDER.find(image)]


def test_the_work_in_a_picture_of_specks_is_bounded(digits: Digits) -> None:
    """Of thousands of specks the finder looks at the 500 largest alone, and so still finds a digit among them."""
    image = np.full((300, 1196, 3), 220, np.uint8)
    for y in range(4, 285, 13):
        for x in range(4, 1190, 6):
            image[y : y + 9, x : x + 2] = 40
    assert cv2.connectedComponents(np.asarray(image[..., 0] < 99, np.uint8))[0] > 4_000
    assert len(FINDER.find(image)) == 500
    image[100:200, 500:600] = 220
    Sheet(image).write(digits[0][60], 505, 105, 90)
    found = FINDER.find(image)
    assert len(found) <= 500
    largest = max(found, key=lambda candidate: candidate.box.height)
    assert largest.box.height > 40
    assert likeness(largest, digits[0][60]) > 0.8
