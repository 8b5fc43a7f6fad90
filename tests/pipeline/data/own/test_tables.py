"""Tests of `pipeline.data.own.tables`, with real CSV files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.data.own.own_data import Task
from pipeline.data.own.read import read_data
from tests.conftest import Digits
from tests.support.own_data import waves, write_png


def refusal(path: Path, text: str, task: Task | None = None) -> str:
    path.write_text(text)
    with pytest.raises(ValueError, match="Expected") as refused:
        read_data(str(path), (2, 1), task=task)
    return str(refused.value).removeprefix(f"{path}: ")


def test_a_table_of_paths_is_relative_to_itself(tmp_path: Path, digits: Digits) -> None:
    """Paths are relative to the CSV file; labels may be texts such as "NA", groups numbers, and parts are kept."""
    lines = ["path,label,group,part"]
    for index, name in enumerate(("NA", "None", "NA")):
        write_png(tmp_path / "images" / f"{index}.png", digits[0][index])
        lines.append(f"images/{index}.png,{name},{index // 2},{'test' if index == 2 else 'train'}")
    (tmp_path / "table.csv").write_text("\ufeff" + "\n".join(lines), encoding="utf-8")
    data = read_data(str(tmp_path / "table.csv"), (28, 28, 1))
    assert np.array_equal(data.inputs[..., 0], digits[0][:3])
    assert (data.names, data.targets.tolist()) == (("NA", "None"), [0, 1, 0])
    assert data.groups is not None
    assert data.parts is not None
    assert (data.groups.tolist(), data.parts.tolist()) == (["0", "0", "1"], ["training", "training", "test"])
    assert (data.source, data.items[2]) == ("images of table.csv", "images/2.png")


def test_a_table_of_values_is_a_regression(tmp_path: Path, digits: Digits) -> None:
    """Labels that are real numbers are values to predict."""
    write_png(tmp_path / "1.png", digits[0][0])
    (tmp_path / "table.csv").write_text("path,label\n1.png,2.5\n1.png,-1\n")
    data = read_data(str(tmp_path / "table.csv"), (28, 28, 1))
    assert (data.task, data.targets.tolist(), data.names) == ("regression", [[2.5], [-1.0]], ())


def test_a_table_has_labels_of_several_outputs(tmp_path: Path, digits: Digits) -> None:
    """`label_OUTPUT` is a column for each labelled output, in a table of paths and in one of windows."""
    write_png(tmp_path / "1.png", digits[0][0])
    (tmp_path / "table.csv").write_text("path,label_kind,label_size\n1.png,cat,2.5\n1.png,dog,-1\n")
    data = read_data(str(tmp_path / "table.csv"), (28, 28, 1))
    assert (data.output, data.names, data.targets.tolist()) == ("kind", ("cat", "dog"), [0, 1])
    assert data.others["size"].targets.tolist() == [[2.5], [-1.0]]
    rows = ["w0,a0,0.5,1", "w0,a0,0.5,1", "w1,a1,1.5,1", "w1,a1,1.5,1"]
    (tmp_path / "table.csv").write_text("\n".join(["window,label_kind,label_size,ax", *rows]))
    data = read_data(str(tmp_path / "table.csv"), (2, 1))
    assert (data.inputs.shape, data.names) == ((2, 2, 1), ("a0", "a1"))
    assert data.others["size"].targets.tolist() == [[0.5], [1.5]]


def test_windows_are_gathered_from_rows_in_the_order_of_time(tmp_path: Path) -> None:
    """The rows of two windows may alternate; each window keeps the order of its rows."""
    inputs, _ = waves(2, steps=3)
    rows = [
        f"w{window},{('slow', 'fast')[window]},anna,{inputs[window, step, 0]:.9g},{inputs[window, step, 1]:.9g}"
        for step in range(3)
        for window in range(2)
    ]
    (tmp_path / "table.csv").write_text("\n".join(["window,label,group,ax,ay", *rows]))
    data = read_data(str(tmp_path), (3, 2))
    assert np.array_equal(data.inputs, inputs)
    assert [data.label(index) for index in range(2)] == ["slow", "fast"]
    assert data.items == ("window w0", "window w1")
    assert data.groups is not None
    assert data.groups.tolist() == ["anna", "anna"]


def test_labels_of_each_step_need_their_task(tmp_path: Path) -> None:
    """A label that changes within a window is a mistake, unless the task is one label for each step."""
    text = "window,label,a\n1,up,0\n1,down,1\n2,up,1\n2,up,3\n"
    message = refusal(tmp_path / "table.csv", text)
    assert message == (
        "Expected one label in each window; labels for each step are the task steps. Received: down, up in window 1"
    )
    data = read_data(str(tmp_path / "table.csv"), (2, 1), task="steps")
    assert (data.targets.tolist(), data.names) == ([[1, 0], [1, 1]], ("down", "up"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("window,label,a\n1,0,5\n1,0,6\n2,0,7\n", "Expected windows of 2 rows. Received: window 2 of 1"),
        ("window,label,a\n1,0,x\n1,0,6\n", "Expected features that are numbers. Received: text in the column a"),
        ("window,label\n1,0\n1,0\n", "Expected features that are numbers. Received: no column"),
        ("window,label,a\n1,0,5\n1,,6\n", "Expected a label in each row. Received: none in line 3"),
        ("window,label,group,a\n1,0,g,5\n1,0,h,6\n", "Expected one group in each window. Received: g, h in window 1"),
        ("window,label,a,b\n1,0,5,1\n1,0,6,1\n", "windows of table.csv: Expected inputs [n, 2, 1]. Received: shape="),
        ("window,label,a\n1,0,5\n1,0,\n", "Expected finite inputs. Received: NaN or infinity in window 1"),
        ("a,b\n1,2\n", "Expected rows with the columns path,label or window,label. Received: 1 rows of a, b"),
        ("window,label,a\n", "Expected rows with the columns path,label or window,label. Received: 0 rows of"),
        ("", "Expected a CSV file in UTF-8. No columns to parse from file"),
    ],
)
def test_tables_that_do_not_fit_are_refused(tmp_path: Path, text: str, message: str) -> None:
    """Windows of another length, text among features, empty cells and other columns are refused by name."""
    assert message in refusal(tmp_path / "table.csv", text)


def test_a_table_of_missing_images_names_them_all(tmp_path: Path) -> None:
    """Images that a table lists and that are not there are listed in one error."""
    (tmp_path / "table.csv").write_text("path,label\na.png,0\nb.png,1\n")
    with pytest.raises(ValueError, match=r"Received 2 others:\n.*a\.png: .*\n.*b\.png: "):
        read_data(str(tmp_path / "table.csv"), (4, 4, 1))
