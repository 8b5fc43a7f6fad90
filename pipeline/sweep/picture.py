"""Draws what the trials of a sweep reach: the metric over the work, with the file's size as the disc's area."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from device.files.whole_file import whole_file
from pipeline.sweep.results import Results

_LARGEST_POINTS2 = 400.0


def draw_front(results: Results, path: Path) -> None:
    """Writes the picture as SVG: each measured trial a disc, those on the front filled and numbered."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    largest = max(figures.file_bytes for _, figures in results.measured)
    factor, name = (100, "int8 accuracy, %") if results.metric == "accuracy" else (1, "int8 mean error")
    for trial, figures in results.measured:
        place = figures.multiply_accumulates, factor * figures.int8_metric
        on_front = trial in results.front
        area = _LARGEST_POINTS2 * figures.file_bytes / largest
        axes.scatter(*place, s=area, color="tab:blue" if on_front else "none", edgecolors="tab:blue", alpha=0.6)
        if on_front:
            text = f"{trial.number}: {figures.file_bytes:,} bytes"
            axes.annotate(text, place, xytext=(0, 12), textcoords="offset points", ha="center", size=8)
    axes.set(xlabel="multiply-accumulates for one input", ylabel=name, title="Area: bytes of the file. Filled: front")
    axes.margins(0.15)
    # The same results give the same bytes.
    with whole_file(path) as unfinished, mpl.rc_context({"svg.hashsalt": "rowstream"}):
        figure.savefig(unfinished, format="svg", metadata={"Date": None})
