"""Evaluates the finder and a model together, on one's own photographs with the digit in their names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate
from tqdm import tqdm

from device.runner import Runner
from device.sources.open_source import open_source
from device.watch.options import WatchOptions
from device.watch.watcher import Watcher


@dataclass(frozen=True)
class PhotoReading:
    """What a photograph shows by its name, the most probable digit in it, and the answer.

    Each may be None: if it shows no digit, if nothing was found, if the answer was rejected.
    """

    truth: str | None
    best: str | None
    label: str | None


def evaluate_photos(runner: Runner, pattern: str, label_field: int, no_digit: str | None) -> list[PhotoReading]:
    """Returns what was read in each image of a folder, a file or a pattern such as `'cells/*_hw.png'`.

    An image's label is part `label_field` of its name, split at `_`, and is `no_digit` if it shows none. Raises
    ValueError if there are no images, one cannot be read, or a name has no such part.
    """
    watcher = Watcher(runner, WatchOptions(one=True))
    with open_source(pattern) as source:
        readings = []
        for frame in tqdm(source, desc="photographs", disable=None):
            truth = _label(frame.source, label_field)
            if truth not in (*runner.manifest.labels, no_digit):
                labels = ", ".join(runner.manifest.labels)
                expected = f"one of the labels {labels}, or that of --no-digit"
                raise ValueError(f"{frame.source}: Expected {expected}. Received: {truth}")
            (reading,) = watcher.observe(frame).readings
            best = None if reading.prediction is None else runner.manifest.labels[reading.prediction.index]
            readings.append(PhotoReading(None if truth == no_digit else truth, best, reading.label))
        if source.failed:
            raise ValueError(f"{pattern}: Expected readable images. Received: {source.failed} unreadable")
    return readings


def photos_table(rows: Sequence[tuple[str, Iterable[PhotoReading]]]) -> str:
    """Returns a table of accuracy without and with rejection."""
    headers = ("photographs", "digits", "right %", "answered %", "right of those %", "no digit", "rejected %")
    lines = [(name, *_counts(list(readings))) for name, readings in rows]
    formats = ("", "", ".1f", ".1f", ".1f", "", ".1f")
    return tabulate(lines, headers, floatfmt=formats, tablefmt="simple", missingval="-")


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
        expected = f"{name}: Expected a name of at least {label_field + 1} parts between _"
        raise ValueError(f"{expected}. Received {len(parts)}")
    return parts[label_field]
