"""Confusion matrices, drawn: of each model, and of what int8 changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from pipeline.gate.record import Measurements
from pipeline.report.svg import INK, LINE, LOST, MUTED, WON, Drawing, canvas, drawing, short, with_minus

_SIDE = 330

Matrix = Sequence[Sequence[int]]
Tint = Callable[[int, int], tuple[str, float]]


@dataclass(frozen=True)
class _Cells:
    """A matrix `[shown][answered]`, the classes of its rows and columns, and each cell's colour and opacity."""

    counts: Matrix
    names: tuple[str, ...]
    labels: tuple[str, ...]
    tint: Tint
    number: str = "{}"


def confusion(measured: Measurements, model: str) -> Drawing:
    """Returns a model's confusion matrix; tinted are the mistakes, the more the deeper."""
    counts = {"float": measured.float, "int8": measured.int8}[model].confusion
    names, labels = measured.names, measured.labels
    mistakes = [
        (counts[shown][answered], name, label)
        for shown, name in enumerate(names)
        for answered, label in enumerate(labels)
        if name != label
    ]
    most, name, label = max(mistakes, default=(0, "", ""))

    def tint(shown: int, answered: int) -> tuple[str, float]:
        if names[shown] == labels[answered]:
            return LINE, 0.5
        return LOST, 0.12 + 0.45 * counts[shown][answered] / max(most, 1)

    described = (
        f"Of {measured.overall.images:,} images {sum(each[0] for each in mistakes):,} are taken for another class."
    )
    if most:
        described += f" Most often {name} is taken for {label}: {most:,} times."
    return _drawn(_Cells(counts, names, labels, tint), (f"confusion-{model}", f"Confusion matrix, {model}", described))


def confusion_change(measured: Measurements) -> Drawing:
    """Returns int8's confusion matrix less float's; what is worse in one colour, what is better in another."""
    rows = zip(measured.int8.confusion, measured.float.confusion, strict=True)
    change = [[int8 - real for int8, real in zip(*pair, strict=True)] for pair in rows]
    most = max((abs(count) for row in change for count in row), default=0)

    def tint(shown: int, answered: int) -> tuple[str, float]:
        count, is_answer = change[shown][answered], measured.names[shown] == measured.labels[answered]
        return WON if (count > 0) == is_answer else LOST, 0.15 + 0.4 * abs(count) / max(most, 1)

    changed = sum(count != 0 for row in change for count in row)
    described = f"{changed} of {len(measured.names) * len(measured.labels)} counts differ, by {most:,} at most."
    cells = _Cells(change, measured.names, measured.labels, tint, number="{:+}")
    return _drawn(cells, ("confusion-change", "Confusion matrix, int8 less float", described))


def _drawn(cells: _Cells, words: tuple[str, str, str]) -> Drawing:
    with canvas(_SIDE, _SIDE) as (figure, (axes,)):
        # Four digits have room in one of ten cells, and shrink where there are more classes.
        size = min(11, 110 / max(len(cells.labels), 1))
        for shown, row in enumerate(cells.counts):
            for answered, count in enumerate(row):
                if count:
                    colour, alpha = cells.tint(shown, answered)
                    axes.add_patch(
                        Rectangle((answered - 0.47, shown - 0.47), 0.94, 0.94, color=colour, alpha=alpha, lw=0)
                    )
                    text = with_minus(cells.number.format(count))
                    axes.text(answered, shown, text, ha="center", va="center_baseline", color=INK, fontsize=size)
        _label(axes, cells)
        return drawing(figure, *words)


def _label(axes: Axes, cells: _Cells) -> None:
    axes.set_xticks(range(len(cells.labels)), [short(label, 5) for label in cells.labels])
    axes.set_yticks(range(len(cells.names)), [short(name, 5) for name in cells.names])
    axes.set(xlim=(-0.5, len(cells.labels) - 0.5), ylim=(len(cells.names) - 0.5, -0.5), xlabel="answer", ylabel="shows")
    axes.tick_params(length=0, labelcolor=INK)
    axes.xaxis.label.set_color(MUTED)
    for spine in axes.spines.values():
        spine.set_visible(False)
