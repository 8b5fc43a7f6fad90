"""Draws what `bench` measured: accuracy against time, accuracy against bytes, and the time of each stage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from pipeline.bench.measured import BenchResult, Stage


def draw_pictures(result: BenchResult, folder: Path) -> None:
    """Writes `accuracy-time.svg` and `accuracy-bytes.svg` of the peers whose accuracy is known, and `stages.svg`."""
    known = [row for row in result.rows if not row.failure and row.accuracy_percent is not None]
    times = [(row.name, row.times[0].us.median, row.accuracy_percent or 0.0) for row in known if row.times]
    sizes = [(row.name, float(row.file_bytes), row.accuracy_percent or 0.0) for row in known if row.file_bytes]
    _scatter(times, "median µs, one thread", folder / "accuracy-time.svg")
    _scatter(sizes, "bytes of the file", folder / "accuracy-bytes.svg")
    if result.stages:
        _bars(result.stages, folder / "stages.svg")


def _scatter(points: list[tuple[str, float, float]], across: str, path: Path) -> None:
    figure = Figure(figsize=(10, 5), layout="constrained")
    axes = figure.add_subplot(xlabel=across, ylabel="accuracy, %", xscale="log")
    # Many lie on one line, so that names beside them would cover each other.
    for number, (name, x, y) in enumerate(points, start=1):
        axes.scatter([x], [y], s=60, marker=f"${number}$", label=name)
    figure.legend(loc="outside right center", fontsize=8)
    figure.savefig(path)


def _bars(stages: Sequence[Stage], path: Path) -> None:
    figure = Figure(figsize=(8, 0.6 + 0.4 * len(stages)), layout="constrained")
    axes = figure.add_subplot(xlabel="µs, one thread; the line is from quartile to quartile")
    for stage in stages:
        below, above = stage.us.median - stage.us.quartile_1, stage.us.quartile_3 - stage.us.median
        axes.barh([stage.name], [stage.us.median], xerr=[[below], [above]])
    axes.invert_yaxis()
    figure.savefig(path)
