"""Shows what the parts of the data hold: counts as a table, and some inputs of each class as a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from tabulate import tabulate

from device.arrays import Indices
from device.whole_file import whole_file
from pipeline.data.own.own_data import PARTS, OwnData
from pipeline.data.own.own_splits import OwnSplits

_ALL_PARTS = (*PARTS, "calibration")
_SHOWN = 8
_MAX_LINES = 100
_LINE_INCHES = 0.9
_VALUE_LINES = 5


def describe(splits: OwnSplits) -> str:
    """Return a table of how many inputs each part has of each class, and warnings of classes that a part lacks.

    Of labels for each step, the steps are counted; of values, the table has the range in each part.
    """
    if splits.training.task == "regression":
        table, warnings = _ranges(splits), []
    else:
        counts = {part: _counts(getattr(splits, part)) for part in _ALL_PARTS}
        table = _table(splits, counts)
        warnings = _lacking(splits.training.names, counts)
    notes = [f"note: {note}" for note in splits.notes]
    return "\n".join([f"{splits.training.source}, {splits.training.task}", table, *warnings, *notes])


def contact_sheet(splits: OwnSplits, path: Path) -> None:
    """Write a picture with some training inputs of each class in a line, or of each fifth of the values.

    Sequences are drawn as lines over time, of videos the frame in the middle. With more than 100 classes, the first 100
    are drawn, and the sheet says so.
    """
    lines = _lines(splits.training)
    figure = Figure(figsize=(_SHOWN + 2, _LINE_INCHES * min(len(lines), _MAX_LINES) + 0.5), layout="constrained")
    left_out = f" (the first {_MAX_LINES} of {len(lines):,} lines)" if len(lines) > _MAX_LINES else ""
    figure.suptitle(f"{splits.training.source}{left_out}")
    cells = figure.subplots(min(len(lines), _MAX_LINES), 1, squeeze=False)[:, 0]
    for cell, (name, indices) in zip(cells, lines, strict=False):
        _draw(cell, splits.training, indices)
        cell.set_ylabel(name, rotation=0, ha="right", va="center", parse_math=False)
    with whole_file(path) as unfinished:
        figure.savefig(unfinished)


def _counts(data: OwnData) -> Indices:
    """Return how often each name is a target, `<intp>[names]`."""
    if data.task == "multilabel":
        return np.asarray(data.targets.sum(axis=0), np.intp)
    return np.bincount(data.targets.astype(np.intp).ravel(), minlength=len(data.names))


def _table(splits: OwnSplits, counts: dict[str, Indices]) -> str:
    rows = [[name, *(counts[part][index] for part in _ALL_PARTS)] for index, name in enumerate(splits.training.names)]
    total = ["inputs", *(len(getattr(splits, part)) for part in _ALL_PARTS)]
    return tabulate([*rows, total], ["", *_ALL_PARTS], intfmt=",", disable_numparse=[0])


def _lacking(names: tuple[str, ...], counts: dict[str, Indices]) -> list[str]:
    return [
        f"warning: {part} has no input of {', '.join(names[index] for index in np.flatnonzero(counts[part] == 0))}"
        for part in _ALL_PARTS
        if (counts[part] == 0).any()
    ]


def _ranges(splits: OwnSplits) -> str:
    names = splits.training.names or tuple(f"value {index}" for index in range(splits.training.targets.shape[1]))
    rows = [
        [part, name, len(values), values.min(), values.mean(), values.max()]
        for part in _ALL_PARTS
        for name, values in zip(names, getattr(splits, part).targets.T, strict=True)
    ]
    return tabulate(rows, ["", "", "inputs", "lowest", "mean", "highest"], intfmt=",")


def _lines(data: OwnData) -> list[tuple[str, Indices]]:
    """Return the title and the inputs of each line of a sheet."""
    if data.task == "regression":
        order = np.argsort(data.targets[:, 0], kind="stable")
        fifths = [each for each in np.array_split(order, _VALUE_LINES) if each.size]
        return [(f"{data.label(each[0])} …\n{data.label(each[-1])}", each) for each in fifths]
    targets = data.targets.reshape(len(data), -1)
    if data.task == "multilabel":
        return [(name, np.flatnonzero(targets[:, index])) for index, name in enumerate(data.names)]
    return [(name, np.flatnonzero((targets == index).any(axis=1))) for index, name in enumerate(data.names)]


def _draw(cell: Axes, data: OwnData, indices: Indices) -> None:
    cell.set_xticks([])
    cell.set_yticks([])
    cell.set_frame_on(False)
    inputs = data.inputs[indices[:_SHOWN]]
    while inputs.ndim > 4:
        inputs = inputs[:, inputs.shape[1] // 2]
    is_image = inputs.dtype == np.uint8 or inputs.ndim == 4
    if is_image:
        pixels = np.zeros((_SHOWN, *inputs.shape[1:]), inputs.dtype)
        pixels[: len(inputs)] = inputs
        joined = np.concatenate(list(pixels), axis=1)
        if joined.ndim == 3 and joined.shape[2] not in (3, 4):
            joined = joined[..., 0]
        low, high = float(data.inputs.min()), float(data.inputs.max())
        cell.imshow((joined - low) / (high - low or 1), cmap="gray", vmin=0, vmax=1, aspect="equal")
        return
    for position, sequence in enumerate(inputs):
        # A feature has the same colour in each sequence.
        cell.set_prop_cycle(None)
        cell.plot(np.linspace(position, position + 0.9, len(sequence)), sequence, linewidth=0.8)
    cell.set_xlim(0, _SHOWN)
