"""Tests of `device.fields.reader`: whole numbers on meters and displays that are drawn here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.fields.field import Field
from device.fields.number import Number
from device.fields.reader import FieldReader
from device.runner import Runner
from tests.conftest import MODELS
from tests.support.meters import Image, counter, needs_opencv_4, on_wall, printed
from tests.support.whole_numbers import score

pytestmark = needs_opencv_4


@pytest.fixture(scope="module")
def reader() -> Iterator[FieldReader]:
    """The default model reads the fields."""
    with Runner(MODELS / "rows2d") as runner:
        yield FieldReader(runner)


def drawn(seed: int = 3) -> np.random.Generator:
    return np.random.default_rng(seed)


def windows(plate: Image) -> tuple[int, ...]:
    """Returns the region of a counter's windows, on a wall at (40, 60)."""
    return (40 + 24, 60 + 24, plate.shape[1] - 48, plate.shape[0] - 48)


def read(reader: FieldReader, plate: Image, **options: object) -> Number:
    """Returns what is read of a counter of 48 pixels."""
    field = Field("a", windows(plate), **options)  # type: ignore[arg-type]  # each test gives its own
    return reader.read(field, on_wall(plate, 40, 60))


@pytest.mark.parametrize("ink", ["light", "either"])
@pytest.mark.parametrize("digits", [6, "find"])
def test_a_counter_is_read_digit_by_digit(reader: FieldReader, ink: str, digits: object) -> None:
    """The digits in the windows make the number, boxes in the frame, from left to right."""
    number = read(reader, counter("204738", 48, drawn()), digits=digits, ink=ink, decimal_places=1)
    assert (number.text, number.value) == ("20473.8", 20473.8)
    boxes = [digit.box for digit in number.digits]
    assert [round((box.x + box.width / 2 - 64) / 58) for box in boxes] == [0, 1, 2, 3, 4, 5]
    assert all(abs(box.y - 94) < 12 and abs(box.height - 48) < 16 for box in boxes)
    assert min(digit.probability for digit in number.digits) > 0.8


def test_ink_of_the_other_kind_is_not_read(reader: FieldReader) -> None:
    """Light digits on dark wheels are no number for a field with dark ink."""
    assert read(reader, counter("204738", 48, drawn()), digits=6, ink="dark").value is None


def test_a_blank_field_shows_no_number(reader: FieldReader) -> None:
    """Of plain paper each of the digits that there should be is unsure; if they are to be found, there are none."""
    frame = np.full((200, 400, 3), 200, np.uint8)
    stated = reader.read(Field("a", (10, 10, 200, 50), digits=4), frame)
    assert (stated.text, stated.value, stated.digits[0].as_json()["index"]) == ("????", None, None)
    assert reader.read(Field("a", (10, 10, 200, 50)), frame).digits == ()


def test_digits_that_touch_are_read_cell_by_cell(reader: FieldReader) -> None:
    """Where two digits touch, finding gives one less; with their number stated, each cell is read alone."""
    sheet = printed("3570826", 60, drawn(0), pitch=0.7)
    region, frame = (100, 80, sheet.shape[1] - 120, 80), on_wall(sheet, 40, 30)
    assert reader.read(Field("a", region, ink="dark"), frame).text == "570826"
    assert reader.read(Field("a", region, 7, ink="dark"), frame).text == "3570826"


def test_a_field_with_four_corners_is_turned_upright(reader: FieldReader) -> None:
    """A number that stands on its head is read through corners that begin at its own top left one."""
    frame = on_wall(counter("15726", 48, drawn()), 40, 60)[::-1, ::-1].copy()
    height, width = frame.shape[:2]
    x, y, w, h = windows(counter("15726", 48, drawn()))
    corners = [(x, y), (x + w, y), (x + w, y + h), (x, y + h)]
    turned = tuple(value for cx, cy in corners for value in (width - cx, height - cy))
    number = reader.read(Field("a", turned, digits=5, ink="light"), frame)
    assert number.text == "15726"
    assert number.digits[0].box.x > number.digits[4].box.x


@pytest.mark.parametrize(
    ("shown", "rolled", "text"), [("1274", 0.0, "1274"), ("1274", 0.65, "1275"), ("1279", 0.65, "1280")]
)
def test_the_last_wheel_half_way_counts_as_the_nearer_digit(
    reader: FieldReader, shown: str, rolled: float, text: str
) -> None:
    """The last wheel half-way counts as the digit of which more is seen, and those that turn with it follow it."""
    number = read(reader, counter(shown, 48, drawn(4), rolled), digits=4, ink="light", rolling=True)
    assert number.text == text
    turning = [digit.half_way for digit in number.digits]
    assert turning == [False] * 4 if not rolled else turning == [False, False, shown == "1279", True]


def test_a_wheel_whose_next_digit_is_hardly_seen_is_unsure(reader: FieldReader) -> None:
    """Too little of the digit that comes up says nothing: the wheel is unsure, and the others stay."""
    number = read(reader, counter("1274", 48, drawn(4), 0.35), digits=4, ink="light", rolling=True)
    assert (number.text, number.value) == ("127?", None)


@given(
    box=st.tuples(st.integers(0, 60), st.integers(0, 30), st.integers(4, 64), st.integers(1, 40)),
    rolling=st.booleans(),
    ink=st.sampled_from(["dark", "light", "either"]),
    seed=st.integers(0, 5),
)
@settings(max_examples=60, deadline=None)
def test_a_field_of_any_size_over_anything_has_its_digits(
    reader: FieldReader, box: tuple[int, int, int, int], rolling: bool, ink: str, seed: int
) -> None:
    """However small a field is, and whatever it shows, each of its four digits is a digit or unsure."""
    rng = np.random.default_rng(seed)
    frame = np.asarray(cv2.resize(rng.integers(0, 256, (9, 16, 3)).astype(np.uint8), (128, 72)), np.uint8)
    number = reader.read(Field("a", box, 4, rolling=rolling, ink=ink), frame)  # type: ignore[arg-type]
    assert len(number.digits) == 4
    assert set(number.text) <= set("0123456789?")


def test_a_model_of_other_classes_reads_no_numbers(model_copy: Path) -> None:
    """A model whose labels are not the ten digits is refused."""
    manifest = json.loads((model_copy / "manifest.json").read_text())
    manifest["outputs"][0]["labels"] = [*"abcdefghij"]
    (model_copy / "manifest.json").write_text(json.dumps(manifest))
    with (
        Runner(model_copy) as runner,
        pytest.raises(ValueError, match="Expected a model of the ten digits to read numbers"),
    ):
        FieldReader(runner)


@pytest.mark.sampled
@pytest.mark.slow
@pytest.mark.parametrize(("kind", "rolled"), [("printed", 0.0), ("counter", 0.0), ("counter", 0.65), ("counter", 0.35)])
def test_whole_numbers_are_right_or_unsure(reader: FieldReader, kind: str, rolled: float) -> None:
    """Of numbers of 4 to 8 digits nine in ten are right, fewer half-way, and hardly any is wrong without a mark."""
    found = score(reader, kind, 40, rolled=rolled)
    assert found.right >= {0.0: 36, 0.65: 28, 0.35: 0}[rolled]
    assert found.wrong <= 1


def test_a_field_beyond_the_frame_is_refused(reader: FieldReader) -> None:
    """A region that reaches beyond the frame is a ValueError that gives both."""
    with pytest.raises(ValueError, match="Expected a region inside 400 x 200 pixels"):
        reader.read(Field("a", (300, 10, 200, 50)), np.zeros((200, 400, 3), np.uint8))
