"""The charts of the report's pages, from the measurements in `pipeline.gate.record`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from scipy.stats import binomtest

from device.manifest import EarlyExit, Manifest
from pipeline.gate.record import Answers, Latency, Measurements, RecallChange, TensorSignal
from pipeline.report.chart import (
    Axis,
    Bar,
    Chart,
    Dot,
    Label,
    Line,
    Panel,
    Points,
    class_axis,
    padded,
    round_ticks,
    short,
    with_minus,
)

# Float32 itself rounds at about 140 dB, and eight bits keep some 50: anything beyond this is copied, not computed.
_EXACT_DB = 100
_DOTTED = "2 3"
_DASHES = ("", "7 3", "2 2", "8 3 2 3")
_PERCENT = tuple((percent, f"{percent} %") for percent in range(0, 101, 20))


def recall(classes: Sequence[RecallChange]) -> Chart:
    """Returns the change of each class' recall, with 95 % confidence intervals."""
    worst = min(classes, key=lambda each: each.change_pp)
    described = (
        f"Recall changes most in class {worst.label}: by {worst.change_pp:+.2f} percentage points, 95 % CI "
        f"{worst.low_pp:+.2f} to {worst.high_pp:+.2f}."
    )
    panel = _changes([(each.label, each) for each in classes], "change of recall, percentage points")
    return Chart("recall", "Change of recall by class, int8 minus float", described, (panel,))


def drops(measured: Mapping[str, Measurements]) -> Chart:
    """Returns the change of each model's accuracy, with 95 % confidence intervals."""
    changes = ", ".join(f"{name} {each.overall.change_pp:+.2f}" for name, each in measured.items())
    rows = [(name, each.overall) for name, each in measured.items()]
    panel = _changes(rows, "change of accuracy, percentage points")
    return Chart("drops", "Change of accuracy, int8 minus float", f"In percentage points: {changes}.", (panel,))


def _changes(rows: Sequence[tuple[str, RecallChange]], label: str) -> Panel:
    low, high = padded([0.0, *(each.low_pp for _, each in rows), *(each.high_pp for _, each in rows)])
    lines, dots = [Line(((0, -0.5), (0, len(rows) - 0.5)), "muted")], []
    for index, (_, each) in enumerate(rows):
        colour = "lost" if each.change_pp < 0 else "won" if each.change_pp > 0 else "muted"
        lines.append(Line(((each.low_pp, index), (each.high_pp, index)), colour, opacity=0.6))
        dots.append(Dot(each.change_pp, index, colour))
    x = Axis(low, high, round_ticks(low, high), label, grid=True)
    bottom = 10 + 26 * max(len(rows), 4)
    return Panel(x, class_axis([name for name, _ in rows]), 10, bottom, lines=tuple(lines), dots=tuple(dots))


def reading(made: Manifest, exit_: EarlyExit) -> Chart:
    """Returns the accuracy after each time step, and the mean number of lines with early exit."""
    points, mean = _accuracy_points(made, exit_), exit_.mean_lines_read
    end, after_half = points[-1][0], mean > points[-1][0] / 2
    anchor, dx = ("end", -8) if after_half else ("start", 8)
    note = Label(mean, 6, f"early exit: {mean:.1f} {made.time_axis} on average", "muted", anchor, dx)
    lines = (Line(((mean, 0), (mean, 100)), "muted", _DOTTED), Line(points, "int8"))
    dots = tuple(Dot(x, y, "int8", 2.5) for x, y in points)
    described = (
        f"Accuracy is {points[0][1]:.1f} % after {points[0][0]:.0f} {made.time_axis}, {points[-1][1]:.2f} % after "
        f"{end:.0f}. Early exit reads {mean:.1f} {made.time_axis} on average and costs {exit_.accuracy_drop_pp:.2f} "
        "percentage points."
    )
    panel = Panel(*_accuracy_axes(end, f"{made.time_axis} read"), 30, 254, lines=lines, dots=dots, labels=(note,))
    return Chart("reading", "Accuracy after each time step", described, (panel,))


def readings(measured: Mapping[str, Measurements]) -> Chart:
    """Returns the accuracy of each model after each time step, without those that do not stream."""
    curves = {
        name: _accuracy_points(each.manifest, each.manifest.early_exit)
        for name, each in measured.items()
        if each.manifest.early_exit is not None
    }
    end = max((points[-1][0] for points in curves.values()), default=1.0)
    lines, labels, described = [], [], []
    for index, (name, points) in enumerate(curves.items()):
        colour, dash, height = f"series-{index % 4}", _DASHES[index % 4], 7 * (len(curves) - index)
        lines.append(Line(points, colour, dash))
        lines.append(Line(((0.62 * end, height), (0.7 * end, height)), colour, dash))
        labels.append(Label(0.72 * end, height, short(name, 11)))
        half = points[(len(points) - 1) // 2]
        described.append(f"{name} {half[1]:.1f} % after {half[0]:.0f} lines, {points[-1][1]:.2f} % at the end")
    panel = Panel(*_accuracy_axes(end, "lines read"), 30, 254, lines=tuple(lines), labels=tuple(labels))
    return Chart("readings", "Accuracy after each time step, by model", "; ".join(described) + ".", (panel,))


def _accuracy_points(made: Manifest, exit_: EarlyExit) -> Points:
    return tuple(
        (made.lines_per_step * step, 100 * fraction) for step, fraction in enumerate(exit_.accuracy_after_step, start=1)
    )


def _accuracy_axes(end: float, label: str) -> tuple[Axis, Axis]:
    return Axis(0, end, round_ticks(0, end), label), Axis(0, 103, _PERCENT, "accuracy", grid=True)


def reliability(answers: Answers, model: str) -> Chart:
    """Returns the accuracy by confidence, and below it the number of images, on a logarithmic scale."""
    lines, dots, bars = [Line(((0, 0), (1, 1)), "muted", _DOTTED)], [], []
    floor = math.log10(0.7)
    for each in answers.bins:
        interval = binomtest(each.right, each.images).proportion_ci(0.95, "wilson")
        ends = ((each.confidence, float(interval.low)), (each.confidence, float(interval.high)))
        lines.append(Line(ends, model, opacity=0.6))
        dots.append(Dot(each.confidence, each.accuracy, model))
        middle = (each.lower + each.upper) / 2
        bars.append(Bar((middle - 0.0275, middle + 0.0275), (floor, math.log10(each.images)), model, 0.8))
    percent = tuple((value / 100, text) for value, text in _PERCENT)
    powers = range(math.ceil(math.log10(max(each.images for each in answers.bins))) + 1)
    counts = Axis(floor, max(powers[-1], 1), tuple((power, f"{10**power:,}") for power in powers), "images", grid=True)
    last = answers.bins[-1]
    described = (
        f"Accuracy of the {model} model by confidence. The expected calibration error is "
        f"{answers.calibration_error_pp:.2f} percentage points. At {100 * last.lower:.0f} % confidence or more are "
        f"{last.images:,} images, of which {100 * last.accuracy:.2f} % are correct."
    )
    x, y = Axis(0, 1, ()), Axis(-0.02, 1.02, percent, "accuracy", grid=True)
    above = Panel(x, y, 30, 230, lines=tuple(lines), dots=tuple(dots))
    below = Panel(Axis(0, 1, percent, "confidence"), counts, 264, 330, bars=tuple(bars))
    return Chart(f"reliability-{model}", f"Reliability diagram, {model}", described, (above, below))


def signal_to_noise(tensors: Sequence[TensorSignal]) -> Chart:
    """Returns the signal-to-noise ratio of each activation, in the order of the graph, with the worst marked."""
    drawn = [each for each in tensors if math.isfinite(each.snr_db) and each.snr_db < _EXACT_DB]
    left_out = len(tensors) - len(drawn)
    described = f"{len(tensors)} activations, {left_out} of them not drawn: exact, or without signal."
    points = tuple((each.index, each.snr_db) for each in drawn)
    dots, labels = [Dot(x, y, "int8", 2.0) for x, y in points], []
    if drawn:
        worst, best = (choose(drawn, key=lambda each: each.snr_db) for choose in (min, max))
        anchor, dx = ("start", 14) if worst.index < max(each.index for each in drawn) / 2 else ("end", -14)
        dots += [Dot(worst.index, worst.snr_db, "lost"), Dot(worst.index, worst.snr_db, "lost", 7, ring=True)]
        text = with_minus(f"worst: {worst.snr_db:.1f} dB, tensor {worst.index}")
        labels.append(Label(worst.index, worst.snr_db, text, "lost", anchor, dx))
        described += f" The worst, {worst.name}, has {worst.snr_db:.1f} dB, the best {best.snr_db:.1f} dB."
    low, high = padded((y for _, y in points), 0.12) if points else (0, 1)
    end = max((each.index for each in tensors), default=0) + 1
    x = Axis(-1, end, round_ticks(0, end), "index in the graph")
    y = Axis(low, high, round_ticks(low, high), "signal-to-noise ratio, dB", grid=True)
    line = Line(points, "int8", opacity=0.5)
    panel = Panel(x, y, 30, 254, lines=(line,), dots=tuple(dots), labels=tuple(labels))
    return Chart("snr", "Signal-to-noise ratio of int8 along the graph", described, (panel,))


def latency(measured: Latency) -> Chart:
    """Returns the distribution of the latency."""
    scale, unit = (1e3, "µs") if measured.p99_ms < 1 else (1.0, "ms")
    edges = [scale * edge for edge in measured.edges_ms]
    bars = tuple(
        Bar(ends, (0, count), "int8", 0.85) for ends, count in zip(pairwise(edges), measured.counts, strict=True)
    )
    top = 1.15 * max(*measured.counts, 1)
    lines, labels = [], []
    for name, value, height in (("median", scale * measured.median_ms, 0.97), ("p99", scale * measured.p99_ms, 0.85)):
        anchor, dx = ("end", -6) if value > (edges[0] + edges[-1]) / 2 else ("start", 6)
        lines.append(Line(((value, 0), (value, top)), "muted", _DOTTED))
        labels.append(Label(value, height * top, f"{name}: {value:.0f} {unit}", anchor=anchor, dx=dx))
    described = (
        f"Median {scale * measured.median_ms:.0f} {unit}, p99 {scale * measured.p99_ms:.0f} {unit}. "
        f"{measured.slower:,} slower images are not drawn."
    )
    x = Axis(edges[0], edges[-1], round_ticks(edges[0], edges[-1]), f"latency, {unit}")
    y = Axis(0, top, round_ticks(0, top), "images", grid=True)
    panel = Panel(x, y, 30, 254, bars=bars, lines=tuple(lines), labels=tuple(labels))
    return Chart("latency", "Latency of int8", described, (panel,))
