"""CSV files: of paths to images, or of windows of time steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from device.arrays import Float32
from pipeline.data.own.images import read_images
from pipeline.data.own.own_data import Shape, Strings, Task, some
from pipeline.data.own.raw import Raw, part_names

_OTHER_COLUMNS = ("window", "label", "group", "part")
# With the name of one of several outputs.
_LABEL_OF = "label_"


def read_table(path: Path, shape: Shape, task: Task | None) -> Raw:
    """Return what a CSV file with a header lists.

    Either the columns `path,label[,group][,part]`, with paths relative to the file; or one row for each time step,
    `window,label[,group][,part]` and the features, in the order of time. `label_OUTPUT` has the labels of one of
    several outputs. Raises ValueError if it has other columns or an empty cell, and OSError if it cannot be read.
    """
    try:
        # Only an empty cell lacks: a class may be called "NA" or "None".
        table = pd.read_csv(path, keep_default_na=False, na_values=[""], encoding="utf-8-sig")
    except ValueError as error:
        raise ValueError(f"{path}: Expected a CSV file in UTF-8. {error}") from error
    kinds = {"path", "window"} & set(table.columns)
    labels = [column for column in table.columns if column == "label" or str(column).startswith(_LABEL_OF)]
    if len(kinds) != 1 or not labels or table.empty:
        expected = f"{path}: Expected rows with the columns path,label or window,label"
        raise ValueError(f"{expected}. Received: {len(table):,} rows of {', '.join(map(str, table.columns))}")
    for column in kinds | {*labels, *({"group", "part"} & set(table.columns))}:
        if lacking := [str(row + 2) for row in np.flatnonzero(table[column].isna())]:
            raise ValueError(f"{path}: Expected a {column} in each row. Received: none in line {some(lacking)}")
    return _images(table, path, shape) if kinds == {"path"} else _windows(table, path, shape, task)


def _images(table: pd.DataFrame, path: Path, shape: Shape) -> Raw:
    items = tuple(_texts(table["path"]).tolist())
    images = read_images([path.parent / item for item in items], shape)
    return Raw(
        source=f"images of {path.name}",
        inputs=images.pixels,
        labels=_values(table["label"]) if "label" in table else None,
        by_output={name: _values(table[_LABEL_OF + name]) for name in _outputs(table)},
        items=items,
        groups=_texts(table["group"]) if "group" in table else None,
        parts=part_names(_texts(table["part"]), str(path)) if "part" in table else None,
        notes=images.notes,
    )


def _windows(table: pd.DataFrame, path: Path, shape: Shape, task: Task | None) -> Raw:
    codes, windows = pd.factorize(table["window"])
    # The rows of a window need not follow each other, but are in the order of time.
    table = table.iloc[np.argsort(codes, kind="stable")]
    items = tuple(f"window {window}" for window in windows)
    steps = _steps(np.bincount(codes), items, shape, path)
    inputs = _features(table, path).reshape(len(items), steps, -1)
    columns = [column for column in ("label", *(_LABEL_OF + name for name in _outputs(table))) if column in table]
    labels = {column: _values(table[column]).reshape(len(items), steps) for column in columns}
    if task != "steps":
        hint = "; labels for each step are the task steps"
        expected = f"{path}: Expected one label in each window{hint}"
        labels = {column: _one_each(values, items, expected) for column, values in labels.items()}
    each = {
        name: _one_each(_texts(table[name]).reshape(-1, steps), items, f"{path}: Expected one {name} in each window")
        for name in ("group", "part")
        if name in table
    }
    return Raw(
        source=f"windows of {path.name}",
        inputs=inputs,
        labels=labels.pop("label", None),
        by_output={column.removeprefix(_LABEL_OF): values for column, values in labels.items()},
        items=items,
        groups=each.get("group"),
        parts=part_names(each["part"], str(path)) if "part" in each else None,
    )


def _steps(lengths: npt.NDArray[np.intp], items: tuple[str, ...], shape: Shape, path: Path) -> int:
    steps = int(lengths[0]) if shape[0] is None else shape[0]
    others = [f"{item} of {length}" for item, length in zip(items, lengths, strict=True) if length != steps]
    if others:
        raise ValueError(f"{path}: Expected windows of {steps} rows. Received: {some(others)}")
    return steps


def _features(table: pd.DataFrame, path: Path) -> Float32:
    others = (*_OTHER_COLUMNS, *(_LABEL_OF + name for name in _outputs(table)))
    columns = [column for column in table.columns if column not in others]
    texts = [str(column) for column in columns if not pd.api.types.is_numeric_dtype(table[column])]
    if texts or not columns:
        received = f"text in the column {some(texts)}" if texts else "no column"
        raise ValueError(f"{path}: Expected features that are numbers. Received: {received}")
    return np.asarray(table[columns], np.float32)


def _outputs(table: pd.DataFrame) -> list[str]:
    return [str(name).removeprefix(_LABEL_OF) for name in table.columns if str(name).startswith(_LABEL_OF)]


def _one_each(values: npt.NDArray[Any], items: tuple[str, ...], expected: str) -> npt.NDArray[Any]:
    mixed = np.flatnonzero((values != values[:, :1]).any(axis=1))
    if mixed.size:
        received = ", ".join(map(str, np.unique(values[mixed[0]]).tolist()))
        raise ValueError(f"{expected}. Received: {received} in {items[mixed[0]]}")
    return values[:, 0]


def _values(column: pd.Series[Any]) -> npt.NDArray[Any]:
    return column.to_numpy() if pd.api.types.is_numeric_dtype(column) else _texts(column)


def _texts(column: pd.Series[Any]) -> Strings:
    return np.array(column.astype(str).tolist(), np.str_)
