"""Tests of `device.vision.finder` and `device.vision.region` on field photographs, read by the default model.

The floors are for those photographs; how well a model reads is for the gate to say.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from device.runner import Runner
from device.vision.finder import Candidate, Finder
from device.vision.region import Region
from tests.conftest import MODELS

FINDER = Finder()

# The corners of each page's grid, measured in the photographs, of 1280 x 960 and, the second, 960 x 1280 pixels.
PAGES = {
    "image2002": "840,154,837,858,115,865,156,145",
    "image2003": "56,332,870,340,886,1137,72,1151",
    "image2004": "950,49,959,883,141,881,132,56",
    "image2005": "988,46,1007,909,156,911,148,67",
}


@pytest.fixture(scope="session")
def field_folder(mnist_folder: Path) -> Path:
    """The folder with field photographs, beside the one with MNIST."""
    folder = mnist_folder.parent / "field"
    if not folder.is_dir():
        reason = f"{folder} holds no field photographs"
        if os.environ.get("ROWSTREAM_REQUIRE_DATA"):
            pytest.fail(f"{reason}, though ROWSTREAM_REQUIRE_DATA demands them")
        pytest.skip(reason)
    return folder


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    """The default model."""
    with Runner(MODELS / "rows2d") as opened:
        yield opened


def read(path: Path) -> npt.NDArray[np.uint8]:
    image: npt.NDArray[np.uint8] = cv2.imread(str(path))
    assert image is not None, path
    return image


def accuracy(runner: Runner, paths: Sequence[Path], digits: Sequence[int]) -> float:
    """The share of pictures of one digit that are read right; where none is found counts as wrong."""
    found = [FINDER.find_one(read(path)) for path in paths]
    right = [
        candidate is not None and runner.classify(candidate.crop).index == digit
        for candidate, digit in zip(found, digits, strict=True)
    ]
    return float(np.mean(right))


@pytest.mark.sampled
@pytest.mark.parametrize(("kind", "count", "floor"), [("hw", 217, 0.97), ("print", 107, 0.93)])
def test_cells_of_a_grid_are_read(field_folder: Path, runner: Runner, kind: str, count: int, floor: float) -> None:
    paths = sorted((field_folder / "sudoku" / "cells").glob(f"*_{kind}.png"))
    assert len(paths) == count
    assert accuracy(runner, paths, [int(path.stem.split("_")[2]) for path in paths]) >= floor


@pytest.mark.thorough
def test_small_printed_digits_dark_or_light_are_read(field_folder: Path, runner: Runner) -> None:
    paths = sorted(path for path in (field_folder / "printed").iterdir() if not path.name.startswith("0_"))
    assert len(paths) == 707
    assert accuracy(runner, paths, [int(path.name[0]) for path in paths]) >= 0.98


def test_what_shows_no_digit_is_rejected(field_folder: Path, runner: Runner) -> None:
    """Posts, lamps, windows, and digits cut off: most are not found, or fall under the manifest's threshold."""
    paths = sorted((field_folder / "printed").glob("0_*"))
    assert len(paths) == 54
    found = [FINDER.find_one(read(path)) for path in paths]
    rejected = [candidate is None or runner.classify(candidate.crop).label is None for candidate in found]
    assert np.mean(rejected) >= 0.80


def cells(name: str, folder: Path) -> list[tuple[tuple[int, int], Candidate]]:
    """Row and column of each candidate on a page."""
    cut = Region.parse(PAGES[name]).cut(read(folder / f"{name}.jpg"))
    height, width = cut.shape[:2]
    found = []
    for candidate in FINDER.find(cut):
        box = candidate.box
        row, column = (box.y + box.height / 2) * 9 / height, (box.x + box.width / 2) * 9 / width
        found.append(((int(row), int(column)), candidate))
    return found


def test_every_digit_on_a_page_is_found_once(field_folder: Path) -> None:
    counts = [Counter(cell for cell, _ in cells(name, field_folder / "sudoku" / "pages")).values() for name in PAGES]
    assert sum(map(len, counts)) == 4 * 81
    assert max(map(max, counts)) == 1


@pytest.mark.thorough
def test_handwritten_digits_on_pages_are_read(field_folder: Path, runner: Runner) -> None:
    """Of the answers to handwritten digits 97 % are right, and 90 % of those digits get the right answer."""
    pages, truth = field_folder / "sudoku" / "pages", {}
    for path in (field_folder / "sudoku" / "cells").glob("*_hw.png"):
        page, cell, digit = path.stem.split("_")[:3]
        truth[f"image{page}", int(cell[0]), int(cell[1])] = digit
    answers = {
        (name, *cell): runner.classify(candidate.crop).label
        for name in PAGES
        for cell, candidate in cells(name, pages)
        if (name, *cell) in truth
    }
    answered = {cell: label for cell, label in answers.items() if label is not None}
    right = sum(truth[cell] == label for cell, label in answered.items())
    assert len(truth) == 217
    assert right / len(answered) >= 0.97
    assert right / len(truth) >= 0.90


def test_reading_order_follows_the_lines_of_a_page(field_folder: Path) -> None:
    found = [cell for cell, _ in cells("image2004", field_folder / "sudoku" / "pages")]
    assert found == sorted(found)
