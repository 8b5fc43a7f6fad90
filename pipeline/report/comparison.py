"""The figures of the index page: the judged models beside each other."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.ticker import MaxNLocator, PercentFormatter

from pipeline.gate.record import Measurements
from pipeline.report.svg import INK, MUTED, SERIES, Drawing, canvas, drawing, short

_WIDTH = 360
_MARKERS = "osD^"


def drops(measured: Mapping[str, Measurements]) -> Drawing:
    """Returns what int8 changes in each model's accuracy, with 95 % confidence intervals."""
    with canvas(_WIDTH, max(300, 80 + 40 * len(measured))) as (figure, (axes,)):
        axes.axvline(0, color=MUTED, linewidth=1)
        for place, each in enumerate(measured.values()):
            colour, change = SERIES[place % len(SERIES)], each.overall
            axes.plot([change.low_pp, change.high_pp], [place, place], color=colour, linewidth=2, alpha=0.5)
            axes.plot(change.change_pp, place, _MARKERS[place % len(_MARKERS)], color=colour, markersize=7)
        axes.set_yticks(range(len(measured)), [short(name) for name in measured])
        axes.set(xlabel="change of accuracy, percentage points", ylim=(len(measured) - 0.4, -0.6))
        axes.tick_params(axis="y", labelcolor=INK, length=0)
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.grid(axis="x")
        changes = [f"{name} {each.overall.change_pp:+.2f}" for name, each in measured.items()]
        described = f"In percentage points, with 95 % intervals: {', '.join(changes)}."
        return drawing(figure, "drops", "Change of accuracy, int8 less float", described)


def readings(measured: Mapping[str, Measurements]) -> Drawing:
    """Returns the accuracy of each model after each time step; of those that do not stream there is none."""
    with canvas(_WIDTH, 300) as (figure, (axes,)):
        described = []
        for place, (name, each) in enumerate(measured.items()):
            if each.early_exit is None:
                continue
            accuracy = [100 * fraction for fraction in each.early_exit.accuracy_after_step]
            lines = [each.provenance.lines_per_step * step for step in range(1, len(accuracy) + 1)]
            colour, marker = SERIES[place % len(SERIES)], _MARKERS[place % len(_MARKERS)]
            axes.plot(lines, accuracy, color=colour, marker=marker, linewidth=1.75, markersize=4.5, label=short(name))
            halfway = (len(lines) - 1) // 2
            described.append(
                f"{name} {accuracy[halfway]:.1f} % after {lines[halfway]}, {accuracy[-1]:.2f} % at the end"
            )
        axes.set(xlabel="lines read", ylabel="accuracy", ylim=(0, 103), xlim=(0, None))
        axes.set_xticks(range(0, 29, 4))
        axes.yaxis.set_major_formatter(PercentFormatter(100))
        axes.grid(axis="y")
        if described:
            axes.legend(loc="lower right", labelcolor=INK)
        return drawing(figure, "readings", "Accuracy after each time step, by model", "; ".join(described) + ".")
