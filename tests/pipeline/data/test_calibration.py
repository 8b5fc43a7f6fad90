"""Tests of `pipeline.data.calibration`, on the sheet that is part of the project."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pipeline.data.calibration import drawn, read_sheet, write_sheet
from pipeline.data.mnist import embedded_splits, load
from pipeline.synthesis.fonts import held_out_fonts
from pipeline.synthesis.negatives import draw_calibration_sheet, draw_test_negatives

SHEETS = st.integers(1, 4).flatmap(lambda rows: arrays.arrays(np.uint8, (8 * rows, 28, 28)))


def test_the_sheet_holds_64_crops_that_differ_and_all_show_something() -> None:
    crops = read_sheet()
    assert crops.shape == (64, 28, 28)
    assert crops.dtype == np.uint8
    assert len({crop.tobytes() for crop in crops}) == 64
    assert all(crop.max() >= 128 for crop in crops)


@given(crops=SHEETS)
def test_a_sheet_reads_back(crops: npt.NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("sheet") / "negatives.png"
    write_sheet(crops, path)
    assert np.array_equal(read_sheet(path), crops)


def test_crops_are_in_rows_of_eight(tmp_path: Path) -> None:
    """The tenth crop is the second one of the second row."""
    crops = np.zeros((16, 28, 28), np.uint8)
    crops[9, 5, 7] = 200
    write_sheet(crops, tmp_path / "negatives.png")
    picture = cv2.imread(str(tmp_path / "negatives.png"), cv2.IMREAD_UNCHANGED)
    assert picture.shape == (56, 224)
    assert np.argwhere(picture).tolist() == [[28 + 5, 28 + 7]]


def test_a_file_that_is_not_a_sheet_is_refused(tmp_path: Path) -> None:
    text, narrow = tmp_path / "text.png", tmp_path / "narrow.png"
    text.write_text("text")
    cv2.imwrite(str(narrow), np.zeros((28, 196), np.uint8))
    with pytest.raises(ValueError, match=r"text\.png: Expected an image 224 pixels wide .* Received: no image$"):
        read_sheet(text)
    with pytest.raises(ValueError, match=r"narrow\.png: Expected .* a multiple of 28 high\. Received: 196 x 28$"):
        read_sheet(narrow)
    (tmp_path / "empty.png").touch()
    with pytest.raises(ValueError, match=r"empty\.png: Expected an image .* Received: no image$"):
        read_sheet(tmp_path / "empty.png")
    with pytest.raises(FileNotFoundError, match=r"gone\.png"):
        read_sheet(tmp_path / "gone.png")


def test_negatives_follow_the_drawn_images() -> None:
    images = np.arange(3, dtype=np.uint8)[:, np.newaxis, np.newaxis].repeat(28, 1).repeat(28, 2)
    calibration = drawn(images, np.array([2, 0]), "three greys", 5)
    both = calibration.with_negatives()
    assert calibration.crops[:, 0, 0].tolist() == [2, 0]
    assert both.crops.shape == (66, 28, 28)
    assert np.array_equal(both.crops[:2], calibration.crops)
    assert np.array_equal(both.crops[2:], read_sheet())
    assert (both.source, both.seed) == ("three greys and 64 crops that show no digit", 5)
    assert both.indices_sha256 == calibration.indices_sha256


@pytest.mark.parametrize(("names", "calibrate"), [("0123456789", 69), ("abcdefghij", 5)])
def test_the_sheet_calibrates_own_data_if_they_are_digits(names: str, calibrate: int, tmp_path: Path) -> None:
    """For other labels, the sheet may show one of them."""
    crops, labels = np.zeros((5, 28, 28), np.uint8), np.zeros(5, np.uint8)
    own = {f"{use}_crops": crops for use in ("test", "validation", "calibration")}
    np.savez(tmp_path / "crops.npz", test_labels=labels, validation_labels=labels, names=np.array(list(names)), **own)
    assert len(load(tmp_path).calibration.crops) == calibrate


@pytest.mark.thorough
def test_no_crop_of_the_sheet_is_a_test_image() -> None:
    splits = embedded_splits()
    negatives = draw_test_negatives(splits)
    assert negatives is not None
    test = {crop.tobytes() for crop in (*negatives, *splits.test.crops)}
    assert test.isdisjoint(crop.tobytes() for crop in read_sheet())


@pytest.mark.thorough
def test_a_sheet_like_it_can_be_drawn_again() -> None:
    """The same each time, with as much ink in each kind. A model's int8 file keeps the sheet that it was made with."""
    fonts = held_out_fonts()
    drawn = draw_calibration_sheet(fonts)
    assert np.array_equal(drawn, draw_calibration_sheet(fonts))
    assert drawn.shape == read_sheet().shape
    ink = [sheet.reshape(8, 8, 28, 28).mean(axis=(0, 2, 3)) for sheet in (drawn, read_sheet())]
    assert np.abs(ink[0] - ink[1]).max() < 25
