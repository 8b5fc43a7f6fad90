"""Tests of `pipeline.data.own.overview`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from pipeline.data.own.overview import contact_sheet, describe
from pipeline.data.own.own_data import OwnData
from pipeline.data.own.own_splits import Shares, split
from pipeline.data.own.read import read_data
from tests.conftest import Digits
from tests.support.own_data import own_waves

SHARES = Shares(validation=0.2, test=0.2, max_calibration=10)


def other_tasks() -> list[OwnData]:
    """Waves whose targets are values, labels that do not exclude each other, and labels of each step."""
    data = own_waves(100)
    both = np.stack([np.ones(100), data.targets], axis=1).astype(np.float32)
    values = np.linspace(0, 1, 100, dtype=np.float32)[:, None]
    targets: list[dict[str, Any]] = [
        {"task": "regression", "targets": values, "names": ()},
        {"task": "multilabel", "targets": both},
        {"task": "steps", "targets": np.repeat(data.targets[:, None], 20, axis=1)},
    ]
    return [replace(data, **each) for each in targets]


def test_the_table_counts_each_class_by_part() -> None:
    """Of a hundred waves, the table has 32, 8, 10 and 5 of each class, and the notes of the data."""
    data = replace(own_waves(100), notes=("inputs converted from float64 to float32",))
    assert [line.split() for line in describe(split(data, 1, SHARES)).splitlines()] == [
        ["waves,", "classes"],
        ["training", "validation", "test", "calibration"],
        ["------", "----------", "------------", "------", "-------------"],
        ["slow", "32", "8", "10", "5"],
        ["fast", "32", "8", "10", "5"],
        ["inputs", "64", "16", "20", "10"],
        ["note:", "inputs", "converted", "from", "float64", "to", "float32"],
    ]


def test_a_class_that_a_part_lacks_is_a_warning() -> None:
    """A class without inputs in validation, and one without any, are named with the parts."""
    data = replace(own_waves(30), names=("slow", "fast", "none"))
    parts = np.array(["training"] * 20 + ["validation", "test"] * 5)
    warnings = [line for line in describe(split(replace(data, parts=parts), 1)).splitlines() if "warning" in line]
    assert warnings == [
        "warning: training has no input of none",
        "warning: validation has no input of fast, none",
        "warning: test has no input of slow, none",
        "warning: calibration has no input of none",
    ]


def test_other_tasks_have_tables_too() -> None:
    """Values have their range in each part; labels that do not exclude each other, and steps, are counted."""
    values, flags, steps = (describe(split(data, 1, SHARES)).splitlines() for data in other_tasks())
    assert values[1].split() == ["inputs", "lowest", "mean", "highest"]
    rows = [line.split() for line in values[3:]]
    assert [(row[0], row[3]) for row in rows] == [
        ("training", "64"),
        ("validation", "16"),
        ("test", "20"),
        ("calibration", "10"),
    ]
    assert [line.split() for line in flags[3:5]] == [["slow", "64", "16", "20", "10"], ["fast", "32", "8", "10", "5"]]
    assert steps[3].split() == ["slow", "640", "160", "200", "100"]


def test_the_sheet_shows_digits_of_each_class(tmp_path: Path, digits: Digits) -> None:
    """The sheet of ten classes of digits is a picture with white ink on black beside each name."""
    np.savez(tmp_path / "data.npz", x=digits[0], y=digits[1])
    contact_sheet(split(read_data(str(tmp_path / "data.npz"), (28, 28, 1)), 1), tmp_path / "sheet.png")
    with PIL.Image.open(tmp_path / "sheet.png") as sheet:
        grey = np.asarray(sheet.convert("L"))
    assert grey.shape == (950, 1000)
    # Ten lines of eight digits each have far more black than ten names.
    lines = np.array_split((grey[50:] < 10).sum(axis=1), 10)
    assert min(line.sum() for line in lines) > 8 * 28 * 28 / 2


def test_the_sheet_shows_the_frame_in_the_middle_of_a_video(tmp_path: Path) -> None:
    """Of bright videos with a black frame in the middle, the sheet is mostly black."""
    videos = np.random.default_rng(0).integers(200, 255, (100, 5, 8, 8, 1), np.uint8)
    videos[:, 2] = 0
    contact_sheet(split(replace(own_waves(100), inputs=videos), 1), tmp_path / "sheet.png")
    with PIL.Image.open(tmp_path / "sheet.png") as sheet:
        assert (np.asarray(sheet.convert("L")) < 10).mean() > 0.4


@pytest.mark.parametrize("task", range(3))
def test_the_sheet_shows_sequences_of_each_task(tmp_path: Path, task: int) -> None:
    """Sequences are drawn as lines, for values, several labels and labels of each step too."""
    contact_sheet(split(other_tasks()[task], 1, SHARES), tmp_path / "sheets" / "sheet.png")
    with PIL.Image.open(tmp_path / "sheets" / "sheet.png") as sheet:
        colours = np.asarray(sheet.convert("RGB"), np.int16)
    assert ((colours.max(axis=2) - colours.min(axis=2)) > 100).sum() > 1_000


def test_a_class_without_training_inputs_is_an_empty_line(tmp_path: Path) -> None:
    """A class that training lacks, and a name with signs of mathematics, are drawn without an error."""
    data = replace(own_waves(100), names=("$slow", "fast", "никто"))
    contact_sheet(split(data, 1, SHARES), tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").stat().st_size > 10_000


@pytest.mark.thorough
def test_a_sheet_has_a_hundred_lines_at_most(tmp_path: Path) -> None:
    """Of more than a hundred classes the first hundred are drawn, which keeps the picture to a size that opens."""
    data = own_waves(600)
    names = tuple(f"class {index}" for index in range(150))
    contact_sheet(split(replace(data, targets=np.arange(600) % 150, names=names), 1), tmp_path / "sheet.png")
    with PIL.Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (1000, 9050)
