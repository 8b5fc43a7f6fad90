"""Evaluates a model on photographs with the digit in their names, read as the device reads them.

This measures the finder and the model together, on one's own photographs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate
from tqdm import tqdm

from device.runner import Runner
from device.sources.open_source import open_source
from device.watch.watcher import Watcher, WatchOptions


@dataclass(frozen=True)
class PhotoReading:
    """The digit that a photograph shows by its name, None for no digit, and what was read in it."""

    truth: str | None
    best: str | None
    """The most probable digit, rejected or not; None if nothing was found."""
    label: str | None
    """The answer; None if it was rejected."""


def evaluate_photos(runner: Runner, pattern: str, label_field: int, no_digit: str | None) -> list[PhotoReading]:
    """Returns what was read in each picture of a folder or pattern; each shows one thing.

    Args:
        runner: the model.
        pattern: a folder, a file, or a pattern such as `'cells/*_hw.png'`.
        label_field: index of the part of a picture's name, split at `_`, that is its label.
        no_digit: the label of pictures without a digit.

    Raises:
        ValueError: there are no pictures, one cannot be read, or a name has no such part.
    """
    watcher = Watcher(runner, WatchOptions(one=True))
    with open_source(pattern) as source:
        readings = []
        for frame in tqdm(source, desc="photographs", disable=None):
            truth = _label(frame.source, label_field)
            (reading,) = watcher.observe(frame).readings
            best = runner.manifest.labels[reading.prediction.index] if reading.prediction is not None else None
            readings.append(PhotoReading(None if truth == no_digit else truth, best, reading.label))
        if source.failed:
            raise ValueError(f"{pattern}: Expected readable pictures. Received: {source.failed} unreadable")
    return readings


def photos_table(rows: Sequence[tuple[str, Iterable[PhotoReading]]]) -> str:
    """Returns a table of accuracy without and with rejection."""
    headers = ("photographs", "digits", "right %", "answered %", "right of those %", "no digit", "rejected %")
    lines = [(name, *_counts(list(readings))) for name, readings in rows]
    return tabulate(
        lines, headers, floatfmt=("", "", ".1f", ".1f", ".1f", "", ".1f"), tablefmt="simple", missingval="-"
    )


def _counts(readings: Sequence[PhotoReading]) -> tuple[int | float | None, ...]:
    digits = [each for each in readings if each.truth is not None]
    others = [each for each in readings if each.truth is None]
    answered = [each for each in digits if each.label is not None]
    return (
        len(digits),
        _percent(sum(each.best == each.truth for each in digits), len(digits)),
        _percent(len(answered), len(digits)),
        _percent(sum(each.label == each.truth for each in answered), len(answered)),
        len(others),
        _percent(sum(each.label is None for each in others), len(others)),
    )


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


def _label(name: str, label_field: int) -> str:
    parts = Path(name).stem.split("_")
    if label_field >= len(parts):
        raise ValueError(
            f"{name}: Expected a name of at least {label_field + 1} parts between _. Received {len(parts)}"
        )
    return parts[label_field]
