"""The figures of one model's page: what `pipeline.gate.record` holds, drawn.

Int8 has one colour and float another, in all of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.ticker import MaxNLocator, PercentFormatter
from scipy.stats import binomtest

from device.manifest import EarlyExit
from pipeline.gate.record import Answers, Latency, Provenance, RecallChange, TensorSignal
from pipeline.report.svg import FLOAT, INK, INT8, LOST, MUTED, PAPER, WON, Drawing, canvas, drawing, short, with_minus

_WIDTH = 360
# Float32 itself rounds at about 140 dB, and eight bits keep some 50: what lies beyond this is copied, not computed.
_EXACT_DB = 100


def reliability(answers: Answers, model: str) -> Drawing:
    """Returns how often a model is right against how sure it is, and below it how many images that rests on."""
    colour = {"float": FLOAT, "int8": INT8}[model]
    with canvas(_WIDTH, 380, rows=(3, 1)) as (figure, (above, below)):
        above.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (2, 3)))
        for each in answers.bins:
            interval = binomtest(each.right, each.images).proportion_ci(0.95, "wilson")
            above.plot([each.confidence] * 2, [interval.low, interval.high], color=colour, linewidth=1.5, alpha=0.55)
            below.bar((each.lower + each.upper) / 2, each.images, width=0.055, color=colour, alpha=0.8)
        confidence, accuracy = [each.confidence for each in answers.bins], [each.accuracy for each in answers.bins]
        above.plot(confidence, accuracy, "o", color=colour, markersize=6, clip_on=False)
        above.set(ylabel="read right", xlim=(0, 1), ylim=(-0.02, 1.02))
        above.yaxis.set_major_formatter(PercentFormatter(1))
        below.set(yscale="log", ylabel="images", xlabel="probability of the answer", ylim=(0.7, None))
        below.xaxis.set_major_formatter(PercentFormatter(1))
        below.yaxis.set_major_formatter("{x:,.0f}")
        below.minorticks_off()
        described = (
            f"Images grouped by the probability of the {model} model's answer. "
            f"The expected calibration error is {answers.calibration_error_pp:.2f} points. "
            f"Of {answers.bins[-1].images:,} images answered at {100 * answers.bins[-1].lower:.0f} % or more, "
            f"{100 * answers.bins[-1].accuracy:.2f} % are read right."
        )
        return drawing(figure, f"reliability-{model}", f"Reliability diagram, {model}", described)


def recall(classes: Sequence[RecallChange]) -> Drawing:
    """Returns what int8 changes in each class' recall, with 95 % confidence intervals."""
    with canvas(_WIDTH, 60 + 26 * len(classes)) as (figure, (axes,)):
        axes.axvline(0, color=MUTED, linewidth=1)
        for place, each in enumerate(classes):
            colour = LOST if each.change_pp < 0 else WON if each.change_pp > 0 else MUTED
            axes.plot([each.low_pp, each.high_pp], [place, place], color=colour, linewidth=1.5, alpha=0.6)
            axes.plot(each.change_pp, place, "o", color=colour, markersize=6)
        axes.set_yticks(range(len(classes)), [short(each.label) for each in classes])
        axes.set(xlabel="change of recall, percentage points", ylim=(len(classes) - 0.4, -0.6))
        axes.tick_params(axis="y", labelcolor=INK, length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")
        worst = min(classes, key=lambda each: each.change_pp)
        described = (
            f"Int8 changes recall by {worst.change_pp:+.2f} percentage points in class {worst.label}, where it loses "
            f"most. The 95 % interval there is {worst.low_pp:+.2f} to {worst.high_pp:+.2f}."
        )
        return drawing(figure, "recall", "Change of recall by class, int8 less float", described)


def signal_to_noise(tensors: Sequence[TensorSignal]) -> Drawing:
    """Returns how much of the signal each activation keeps, in the graph's order, with the worst marked."""
    seen = [each for each in tensors if math.isfinite(each.snr_db) and each.snr_db < _EXACT_DB]
    with canvas(_WIDTH, 300) as (figure, (axes,)):
        axes.plot([t.index for t in seen], [t.snr_db for t in seen], color=INT8, linewidth=0.75, alpha=0.5)
        axes.plot([t.index for t in seen], [t.snr_db for t in seen], "o", color=INT8, markersize=3.5)
        described = (
            f"{len(tensors)} activations. Not drawn are {len(tensors) - len(seen)} that are exact or keep nothing."
        )
        if seen:
            worst = min(seen, key=lambda each: each.snr_db)
            low, high = worst.snr_db, max(each.snr_db for each in seen)
            axes.plot(worst.index, low, "o", color=PAPER, markersize=12, markeredgecolor=LOST, markeredgewidth=1.5)
            axes.plot(worst.index, low, "o", color=LOST, markersize=5)
            side = "left" if worst.index < max(each.index for each in seen) / 2 else "right"
            axes.annotate(
                with_minus(f"worst: {low:.1f} dB, tensor {worst.index}"),
                (worst.index, low), (14 if side == "left" else -14, -3), textcoords="offset points",
                ha=side, va="center", color=LOST,
            )  # fmt: skip
            axes.set_ylim(low - 0.12 * max(high - low, 1), high + 0.08 * max(high - low, 1))
            described += f" The worst, {worst.name}, keeps {low:.1f} dB, the best {high:.1f} dB."
        axes.set(xlabel="place in the graph", ylabel="signal to noise, dB")
        axes.grid(axis="y")
        return drawing(figure, "snr", "Signal to noise of int8 along the graph", described)


def reading(exit_: EarlyExit, made: Provenance) -> Drawing:
    """Returns the accuracy after each time step, and where reading stops on average."""
    lines = [made.lines_per_step * step for step in range(1, len(exit_.accuracy_after_step) + 1)]
    with canvas(_WIDTH, 300) as (figure, (axes,)):
        axes.axvline(exit_.mean_lines_read, color=MUTED, linewidth=1, linestyle=(0, (2, 3)))
        accuracy = [100 * each for each in exit_.accuracy_after_step]
        axes.plot(lines, accuracy, "o-", color=INT8, linewidth=1.75, markersize=5)
        axes.annotate(
            f"early exit: {exit_.mean_lines_read:.1f} {made.time_axis}\nread on average",
            (exit_.mean_lines_read, 6), (-8 if exit_.mean_lines_read > lines[-1] / 2 else 8, 0),
            textcoords="offset points", ha="right" if exit_.mean_lines_read > lines[-1] / 2 else "left",
            color=MUTED,
        )  # fmt: skip
        axes.set(xlabel=f"{made.time_axis} read", ylabel="accuracy", ylim=(0, 103), xlim=(0, lines[-1] + 0.8))
        axes.set_xticks(range(0, lines[-1] + 1, 4))
        axes.yaxis.set_major_formatter(PercentFormatter(100))
        axes.grid(axis="y")
        described = (
            f"After {lines[0]} {made.time_axis} {accuracy[0]:.1f} % are read right, after {lines[-1]} "
            f"{accuracy[-1]:.2f} %. With early exit {exit_.mean_lines_read:.1f} {made.time_axis} are read on average, "
            f"at a cost of {exit_.accuracy_drop_pp:.2f} percentage points."
        )
        return drawing(figure, "reading", "Accuracy after each time step", described)


def latency(measured: Latency) -> Drawing:
    """Returns the distribution of the times from crop to answer."""
    edges, unit = np.array(measured.edges_ms), "ms"
    if measured.p99_ms < 1:
        edges, unit = 1e3 * edges, "µs"
    scale = 1e3 if unit == "µs" else 1
    with canvas(_WIDTH, 300) as (figure, (axes,)):
        axes.bar(edges[:-1], measured.counts, np.diff(edges), align="edge", color=INT8, edgecolor=PAPER, linewidth=0.5)
        for name, value, height in (("median", measured.median_ms, 0.97), ("99 %", measured.p99_ms, 0.8)):
            axes.axvline(value * scale, color=MUTED, linewidth=1, linestyle=(0, (2, 3)))
            right = value * scale > (edges[0] + edges[-1]) / 2
            axes.annotate(
                f"{name}: {value * scale:.0f} {unit}", (value * scale, height), (-6 if right else 6, 0),
                xycoords=axes.get_xaxis_transform(), textcoords="offset points",
                ha="right" if right else "left", va="top", color=INK,
            )  # fmt: skip
        axes.set(xlabel=f"from crop to answer, {unit}", ylabel="images")
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.grid(axis="y")
        axes.set_axisbelow(True)
        described = (
            f"Half of the images take {measured.median_ms * scale:.0f} {unit} at most, 99 % take "
            f"{measured.p99_ms * scale:.0f} {unit} at most. {measured.slower:,} took longer and are not drawn."
        )
        return drawing(figure, "latency", "Time from crop to answer, int8", described)
