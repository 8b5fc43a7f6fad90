"""The charts of the report's pages, from the measurements in `pipeline.gate.record`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from scipy.stats import binomtest

from device.contract.manifest import EarlyExit, Manifest
from pipeline.gate.record import Answers, Latency, Measurements, RecallChange, TensorSignal
from pipeline.report.chart import Axis, Chart, Mark, Panel, Points, class_axis, padded, round_ticks, short, with_minus

# Float32 itself rounds at about 140 dB, and eight bits keep some 50: anything beyond this is copied, not computed.
_EXACT_DB = 100
_DOTTED = "2 3"
_DASHES = ("", "7 3", "2 2", "8 3 2 3")
_PERCENT = tuple((percent, f"{percent} %") for percent in range(0, 101, 20))
_MATRIX_WIDTH = 330.0


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
    marks = [Mark("line", ((0, -0.5), (0, len(rows) - 0.5)), "muted")]
    for index, (_, each) in enumerate(rows):
        colour = "lost" if each.change_pp < 0 else "won" if each.change_pp > 0 else "muted"
        marks.append(Mark("line", ((each.low_pp, index), (each.high_pp, index)), colour, opacity=0.6))
        marks.append(Mark("disc", ((each.change_pp, index),), colour, size=3.5))
    x = Axis(low, high, round_ticks(low, high), label, grid=True)
    return Panel(x, class_axis([name for name, _ in rows]), marks, 10, 10 + 26 * max(len(rows), 4))


def reading(made: Manifest, exit_: EarlyExit) -> Chart:
    """Returns the accuracy after each time step, and the mean number of lines with early exit."""
    points, mean = _accuracy_points(made, exit_), exit_.mean_lines_read
    end, after_half = points[-1][0], mean > points[-1][0] / 2
    anchor, dx = ("end", -8) if after_half else ("start", 8)
    text = f"early exit: {mean:.1f} {made.time_axis} on average"
    marks = (
        Mark("line", ((mean, 0), (mean, 100)), "muted", dash=_DOTTED),
        Mark("line", points, "int8"),
        *(Mark("disc", (point,), "int8", size=2.5) for point in points),
        Mark("text", ((mean, 6),), "muted", text=text, anchor=anchor, dx=dx),
    )
    described = (
        f"Accuracy is {points[0][1]:.1f} % after {points[0][0]:.0f} {made.time_axis}, {points[-1][1]:.2f} % after "
        f"{end:.0f}. Early exit reads {mean:.1f} {made.time_axis} on average and costs {exit_.accuracy_drop_pp:.2f} "
        "percentage points."
    )
    panel = Panel(*_accuracy_axes(end, f"{made.time_axis} read"), marks)
    return Chart("reading", "Accuracy after each time step", described, (panel,))


def readings(measured: Mapping[str, Measurements]) -> Chart:
    """Returns the accuracy of each model after each time step, without those that do not stream."""
    curves = {
        name: _accuracy_points(each.manifest, each.early_exit)
        for name, each in measured.items()
        if each.early_exit is not None
    }
    end = max((points[-1][0] for points in curves.values()), default=1.0)
    marks, described = [], []
    for index, (name, points) in enumerate(curves.items()):
        colour, dash, height = f"series-{index % 4}", _DASHES[index % 4], 7 * (len(curves) - index)
        marks.append(Mark("line", points, colour, dash=dash))
        marks.append(Mark("line", ((0.62 * end, height), (0.7 * end, height)), colour, dash=dash))
        marks.append(Mark("text", ((0.72 * end, height),), "ink", text=short(name, 11)))
        half = points[(len(points) - 1) // 2]
        described.append(f"{name} {half[1]:.1f} % after {half[0]:.0f} lines, {points[-1][1]:.2f} % at the end")
    panel = Panel(*_accuracy_axes(end, "lines read"), marks)
    return Chart("readings", "Accuracy after each time step, by model", "; ".join(described) + ".", (panel,))


def _accuracy_points(made: Manifest, exit_: EarlyExit) -> Points:
    return tuple(
        (made.lines_per_step * step, 100 * fraction) for step, fraction in enumerate(exit_.accuracy_after_step, start=1)
    )


def _accuracy_axes(end: float, label: str) -> tuple[Axis, Axis]:
    return Axis(0, end, round_ticks(0, end), label), Axis(0, 103, _PERCENT, "accuracy", grid=True)


def reliability(answers: Answers, model: str) -> Chart:
    """Returns the accuracy by confidence, and below it the number of images, on a logarithmic scale."""
    marks, bars = [Mark("line", ((0, 0), (1, 1)), "muted", dash=_DOTTED)], []
    floor = math.log10(0.7)
    for each in answers.bins:
        interval = binomtest(each.right, each.images).proportion_ci(0.95, "wilson")
        ends = ((each.confidence, float(interval.low)), (each.confidence, float(interval.high)))
        marks.append(Mark("line", ends, model, opacity=0.6))
        marks.append(Mark("disc", ((each.confidence, each.accuracy),), model, size=3.5))
        middle, height = (each.lower + each.upper) / 2, math.log10(each.images)
        bars.append(Mark("bar", ((middle - 0.0275, floor), (middle + 0.0275, height)), model, 0.8))
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
    above = Panel(x, y, marks, bottom=230)
    below = Panel(Axis(0, 1, percent, "confidence"), counts, bars, 264, 330)
    return Chart(f"reliability-{model}", f"Reliability diagram, {model}", described, (above, below))


def signal_to_noise(tensors: Sequence[TensorSignal]) -> Chart:
    """Returns the signal-to-noise ratio of each activation, in the order of the graph, with the worst marked."""
    drawn = [each for each in tensors if math.isfinite(each.snr_db) and each.snr_db < _EXACT_DB]
    left_out = len(tensors) - len(drawn)
    described = f"{len(tensors)} activations, {left_out} of them not drawn: exact, or without signal."
    points = tuple((each.index, each.snr_db) for each in drawn)
    marks = [Mark("line", points, "int8", 0.5), *(Mark("disc", (point,), "int8", size=2.0) for point in points)]
    if drawn:
        worst, best = (choose(drawn, key=lambda each: each.snr_db) for choose in (min, max))
        anchor, dx = ("start", 14) if worst.index < max(each.index for each in drawn) / 2 else ("end", -14)
        at = ((worst.index, worst.snr_db),)
        text = with_minus(f"worst: {worst.snr_db:.1f} dB, tensor {worst.index}")
        marks += [Mark("disc", at, "lost", size=3.5), Mark("ring", at, "lost", size=7)]
        marks.append(Mark("text", at, "lost", text=text, anchor=anchor, dx=dx))
        described += f" The worst, {worst.name}, has {worst.snr_db:.1f} dB, the best {best.snr_db:.1f} dB."
    low, high = padded((y for _, y in points), 0.12) if points else (0, 1)
    end = max((each.index for each in tensors), default=0) + 1
    x = Axis(-1, end, round_ticks(0, end), "index in the graph")
    y = Axis(low, high, round_ticks(low, high), "signal-to-noise ratio, dB", grid=True)
    return Chart("snr", "Signal-to-noise ratio of int8 along the graph", described, (Panel(x, y, marks),))


def latency(measured: Latency) -> Chart:
    """Returns the distribution of the latency."""
    scale, unit = (1e3, "µs") if measured.p99_ms < 1 else (1.0, "ms")
    edges = [scale * edge for edge in measured.edges_ms]
    bins = zip(pairwise(edges), measured.counts, strict=True)
    marks = [Mark("bar", ((low, 0), (high, count)), "int8", 0.85) for (low, high), count in bins]
    top = 1.15 * max(*measured.counts, 1)
    for name, value, height in (("median", scale * measured.median_ms, 0.97), ("p99", scale * measured.p99_ms, 0.85)):
        anchor, dx = ("end", -6) if value > (edges[0] + edges[-1]) / 2 else ("start", 6)
        marks.append(Mark("line", ((value, 0), (value, top)), "muted", dash=_DOTTED))
        text = f"{name}: {value:.0f} {unit}"
        marks.append(Mark("text", ((value, height * top),), "ink", text=text, anchor=anchor, dx=dx))
    described = (
        f"Median {scale * measured.median_ms:.0f} {unit}, p99 {scale * measured.p99_ms:.0f} {unit}. "
        f"{measured.slower:,} slower images are not drawn."
    )
    x = Axis(edges[0], edges[-1], round_ticks(edges[0], edges[-1]), f"latency, {unit}")
    y = Axis(0, top, round_ticks(0, top), "images", grid=True)
    return Chart("latency", "Latency of int8", described, (Panel(x, y, marks),))


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
    return Chart(f"confusion-{model}", f"Confusion matrix, {model}", described, (panel,), _MATRIX_WIDTH)


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
    return Chart("confusion-change", "Confusion matrix, int8 minus float", described, (panel,), _MATRIX_WIDTH)


def _matrix(
    measured: Measurements, counts: Sequence[Sequence[int]], tint: Callable[[int, int], tuple[str, float]], number: str
) -> Panel:
    # Four digits fit into one of ten cells; with more classes the text shrinks.
    size = min(11.0, 110 / max(len(measured.labels), 1))
    marks = []
    for row, counts_of_row in enumerate(counts):
        for column, count in enumerate(counts_of_row):
            if count:
                corners, text = ((column - 0.47, row - 0.47), (column + 0.47, row + 0.47)), number.format(count)
                marks.append(Mark("bar", corners, *tint(row, column)))
                middle = ((column, row),)
                marks.append(Mark("text", middle, "ink", text=with_minus(text), anchor="middle", size=size))
    names = tuple((index, short(label, 5)) for index, label in enumerate(measured.labels))
    columns = Axis(-0.5, len(names) - 0.5, names, "answer")
    return Panel(columns, class_axis(measured.names, "shows", longest=5), marks, bottom=284)
