"""What a sweep found: the best trial, the trials that no other one beats in everything, a table and a file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tabulate import tabulate

from pipeline.sweep.space import Metric


@dataclass(frozen=True)
class Measured:
    """The metric of the float network and of the int8 file, the file's size, and the work for one whole input."""

    float_metric: float
    int8_metric: float
    file_bytes: int
    multiply_accumulates: int


@dataclass(frozen=True)
class Trial:
    """A trial by its number, the parameters it had, and what was measured, or else the reason why nothing was."""

    number: int
    parameters: Mapping[str, Any]
    measured: Measured | None
    reason: str = ""


@dataclass(frozen=True)
class Results:
    """All trials, in the order of their numbers, and the metric that chooses the best."""

    trials: tuple[Trial, ...]
    metric: Metric

    @property
    def measured(self) -> Iterator[tuple[Trial, Measured]]:
        """The trials that were measured."""
        return ((trial, trial.measured) for trial in self.trials if trial.measured is not None)

    @property
    def best(self) -> Trial:
        """The trial with the best int8 metric, of equal ones that with the least work, then the smallest file.

        Raises ValueError, with the first reason, if none was measured.
        """
        costs = [(self._costs(figures), trial.number) for trial, figures in self.measured]
        if not costs:
            reason = next((trial.reason for trial in self.trials), "no trials")
            raise ValueError(f"Expected at least one trial that trains and converts. Received: {reason}")
        return self.trials[min(costs)[1]]

    @property
    def front(self) -> tuple[Trial, ...]:
        """The trials than which no other is as good in metric, work and bytes, and better in one of them."""
        costs = [(trial, self._costs(figures)) for trial, figures in self.measured]
        return tuple(trial for trial, own in costs if not any(_beats(other, own) for _, other in costs))

    @property
    def table(self) -> str:
        """The trials as a text table; the last column has the best, those on the front, and the reasons."""
        names = list(dict.fromkeys(name for trial in self.trials for name in trial.parameters))
        unit = " %" if self.metric == "accuracy" else " error"
        headers = ["trial", *names, f"float{unit}", f"int8{unit}", "bytes", "multiply-accumulates", ""]
        rows = [
            [trial.number, *(_text(trial.parameters[name]) for name in names), *self._cells(trial), self._note(trial)]
            for trial in self.trials
        ]
        formats = ["", *("" for _ in names), *((".2f" if self.metric == "accuracy" else ".4g",) * 2), ",", ",", ""]
        return tabulate(rows, headers, floatfmt=formats, intfmt=formats)

    @property
    def json(self) -> str:
        """The results as the text of a JSON file."""
        numbers = [trial.number for trial in self.front]
        tables = [dataclasses.asdict(trial) for trial in self.trials]
        found = {"metric": self.metric, "best": self.best.number, "front": numbers, "trials": tables}
        return json.dumps(found, indent=2) + "\n"

    def _costs(self, figures: Measured) -> tuple[float, int, int]:
        loss = -figures.int8_metric if self.metric == "accuracy" else figures.int8_metric
        return loss, figures.multiply_accumulates, figures.file_bytes

    def _cells(self, trial: Trial) -> Sequence[float | None]:
        if trial.measured is None:
            return (None,) * 4
        found, factor = trial.measured, 100 if self.metric == "accuracy" else 1
        return factor * found.float_metric, factor * found.int8_metric, found.file_bytes, found.multiply_accumulates

    def _note(self, trial: Trial) -> str:
        if trial.measured is None:
            return trial.reason
        if trial == self.best:
            return "best"
        return "front" if trial in self.front else ""


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _beats(one: Sequence[float], other: Sequence[float]) -> bool:
    pairs = list(zip(one, other, strict=True))
    return all(mine <= theirs for mine, theirs in pairs) and any(mine < theirs for mine, theirs in pairs)
