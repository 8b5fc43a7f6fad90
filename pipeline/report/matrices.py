"""Confusion matrices as charts: of each model, and of the change from float to int8."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pipeline.gate.record import Measurements
from pipeline.report.chart import Axis, Bar, Chart, Label, Panel, class_axis, short, with_minus

_SIDE = 330.0

Matrix = Sequence[Sequence[int]]
Tint = Callable[[int, int], tuple[str, float]]


def confusion(measured: Measurements, model: str) -> Chart:
    """Returns a model's confusion matrix; mistakes are tinted by their number."""
    counts = {"float": measured.float, "int8": measured.int8}[model].confusion
    mistakes = [
        (counts[row][column], name, label)
        for row, name in enumerate(measured.names)
        for column, label in enumerate(measured.labels)
        if name != label
    ]
    maximum, name, label = max(mistakes, default=(0, "", ""))

    def tint(row: int, column: int) -> tuple[str, float]:
        if measured.names[row] == measured.labels[column]:
            return "line", 0.5
        return "lost", 0.12 + 0.45 * counts[row][column] / max(maximum, 1)

    described = f"{sum(each[0] for each in mistakes):,} of {measured.overall.images:,} images are misclassified."
    if maximum:
        described += f" The most frequent mistake is {label} for {name}: {maximum:,} times."
    panel = _matrix(measured, counts, tint, "{}")
    return Chart(f"confusion-{model}", f"Confusion matrix, {model}", described, (panel,), _SIDE)


def confusion_change(measured: Measurements) -> Chart:
    """Returns int8's confusion matrix minus float's; what is worse in one colour, what is better in another."""
    rows = zip(measured.int8.confusion, measured.float.confusion, strict=True)
    change = [[int8 - real for int8, real in zip(*pair, strict=True)] for pair in rows]
    maximum = max((abs(count) for row in change for count in row), default=0)

    def tint(row: int, column: int) -> tuple[str, float]:
        more, is_right = change[row][column] > 0, measured.names[row] == measured.labels[column]
        return "won" if more == is_right else "lost", 0.15 + 0.4 * abs(change[row][column]) / max(maximum, 1)

    changed = sum(count != 0 for row in change for count in row)
    described = f"{changed} of {len(measured.names) * len(measured.labels)} counts differ, by {maximum:,} at most."
    panel = _matrix(measured, change, tint, "{:+}")
    return Chart("confusion-change", "Confusion matrix, int8 minus float", described, (panel,), _SIDE)


def _matrix(measured: Measurements, counts: Matrix, tint: Tint, number: str) -> Panel:
    # Four digits fit into one of ten cells; with more classes the text shrinks.
    size = min(11.0, 110 / max(len(measured.labels), 1))
    bars, labels = [], []
    for row, counts_of_row in enumerate(counts):
        for column, count in enumerate(counts_of_row):
            if count:
                bars.append(Bar((column - 0.47, column + 0.47), (row - 0.47, row + 0.47), *tint(row, column)))
                labels.append(Label(column, row, with_minus(number.format(count)), anchor="middle", size=size))
    names = tuple((index, short(label, 5)) for index, label in enumerate(measured.labels))
    columns = Axis(-0.5, len(names) - 0.5, names, "answer")
    rows = class_axis(measured.names, "shows", longest=5)
    return Panel(columns, rows, 30, 284, bars=tuple(bars), labels=tuple(labels))
