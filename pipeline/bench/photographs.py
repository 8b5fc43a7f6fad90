"""Evaluates the finder and a model together, on one's own photographs, named or sorted by what they show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
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


@dataclass(frozen=True)
class TruthFrom:
    """Where a photograph's label stands: in a part of its name, split at `_`, or in its folder's name.

    `label_field` is None for the folder's name. A photograph with the label `no_digit` shows none.
    """

    label_field: int | None = 0
    no_digit: str | None = None

    def of(self, photograph: Path) -> str:
        """Returns a photograph's label; raises ValueError if its name has no such part."""
        if self.label_field is None:
            return photograph.resolve().parent.name
        parts = photograph.stem.split("_")
        if self.label_field >= len(parts):
            expected = f"{photograph}: Expected a name of at least {self.label_field + 1} parts between _"
            raise ValueError(f"{expected}. Received {len(parts)}")
        return parts[self.label_field]


@dataclass(frozen=True)
class PhotoReadings:
    """What was read in photographs, and how many of them could not be opened."""

    readings: tuple[PhotoReading, ...]
    unreadable: int


def evaluate_photos(runner: Runner, pattern: str, truth_from: TruthFrom) -> PhotoReadings:
    """Returns what was read in each image of a folder, a file or a pattern such as `'cells/*_hw.png'`.

    With labels in folders' names, a folder's folders are read. Images that cannot be opened are logged and counted.
    Raises ValueError if there are no images, or one's label is not the model's.
    """
    read = [_read(runner, each, truth_from) for each in _sources(pattern, truth_from)]
    return PhotoReadings(tuple(chain(*(each.readings for each in read))), sum(each.unreadable for each in read))


def _sources(pattern: str, truth_from: TruthFrom) -> list[str]:
    folder = Path(pattern)
    # Whole paths, since the source "7" is a camera.
    within = sorted(path.resolve() for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    return [str(path) for path in within] if within and truth_from.label_field is None else [pattern]


def _read(runner: Runner, pattern: str, truth_from: TruthFrom) -> PhotoReadings:
    watcher, labels = Watcher(runner, WatchOptions(one=True)), runner.manifest.labels
    with open_source(pattern) as source:
        readings = []
        for frame in tqdm(source, desc="photographs", disable=None):
            truth = truth_from.of(Path(frame.source))
            if truth not in (*labels, truth_from.no_digit):
                expected = f"one of the labels {', '.join(labels)}, or that of --no-digit"
                raise ValueError(f"{frame.source}: Expected {expected}. Received: {truth}")
            (reading,) = watcher.observe(frame).readings
            best = None if reading.prediction is None else labels[reading.prediction.index]
            readings.append(PhotoReading(None if truth == truth_from.no_digit else truth, best, reading.label))
        return PhotoReadings(tuple(readings), source.failed)


def photos_table(rows: Sequence[tuple[str, PhotoReadings]]) -> str:
    """Returns a table of accuracy without and with rejection."""
    headers = (
        "photographs", "digits", "right %", "answered %", "right of those %", "answered wrongly %", "no digit",
        "rejected %", "unreadable",
    )  # fmt: skip
    lines = [(name, *_counts(read.readings), read.unreadable) for name, read in rows]
    formats = ("", "", ".1f", ".1f", ".1f", ".1f", "", ".1f", "")
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
        _percent(sum(each.label != each.truth for each in answered), len(digits)),
        len(others),
        _percent(sum(each.label is None for each in others), len(others)),
    )


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None
