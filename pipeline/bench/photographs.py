"""Reads photographs whose names say what they show, as the device does, and counts how it did.

Not the gate: such photographs are anybody's own, and judge the way from a picture to a crop together with the model.
"""

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
class Shown:
    """A photograph of one thing: what it shows by its name, None for no digit, and what was read."""

    truth: str | None
    best: str | None
    """The most probable digit, answered or not; None where nothing was found."""
    label: str | None
    """The answer; None where it is "not a digit"."""


def read_photographs(runner: Runner, pattern: str, label_field: int, no_digit: str | None) -> list[Shown]:
    """Returns what was read in each picture of a folder or pattern, as `--source` takes it; each shows one thing.

    Args:
        runner: the model.
        pattern: a folder, a file, or a pattern such as `'cells/*_hw.png'`.
        label_field: which part of a picture's name, split at `_`, says what it shows; counted from 0.
        no_digit: the part that stands for "not a digit".

    Raises:
        ValueError: there are no such pictures, one cannot be read, or a name has no such part.
    """
    watcher = Watcher(runner, WatchOptions(one=True))
    with open_source(pattern) as source:
        shown = []
        for frame in tqdm(source, desc="photographs", disable=None):
            truth = _named(frame.source, label_field)
            (reading,) = watcher.observe(frame).readings
            best = runner.manifest.labels[reading.prediction.index] if reading.prediction is not None else None
            shown.append(Shown(None if truth == no_digit else truth, best, reading.label))
        if source.failed:
            raise ValueError(f"{pattern}: Expected pictures that can be read. Received {source.failed} that cannot")
    return shown


def field_table(rows: Sequence[tuple[str, Iterable[Shown]]]) -> str:
    """Returns a table of what was read: digits right with nothing rejected, and what the threshold does."""
    headers = ("photographs", "digits", "right %", "answered %", "right of those %", "no digit", "rejected %")
    lines = [(name, *_counts(list(shown))) for name, shown in rows]
    return tabulate(
        lines, headers, floatfmt=("", "", ".1f", ".1f", ".1f", "", ".1f"), tablefmt="simple", missingval="-"
    )


def _counts(shown: Sequence[Shown]) -> tuple[int | float | None, ...]:
    digits = [each for each in shown if each.truth is not None]
    others = [each for each in shown if each.truth is None]
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


def _named(name: str, label_field: int) -> str:
    parts = Path(name).stem.split("_")
    if label_field >= len(parts):
        raise ValueError(
            f"{name}: Expected a name of at least {label_field + 1} parts between _. Received {len(parts)}"
        )
    return parts[label_field]
