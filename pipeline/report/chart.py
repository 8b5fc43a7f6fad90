"""Charts as data: axes and marks, which `templates/chart.svg.j2` draws.

Colours are the names of the page's CSS variables, so that a chart follows the page, light or dark.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Points = tuple[tuple[float, float], ...]
Ticks = tuple[tuple[float, str], ...]

_CHARACTER_WIDTH = 7.0
_RIGHT = 22.0


@dataclass(frozen=True)
class Axis:
    """The values along one side of a panel, from `low` to `high`, which may be the smaller one.

    `ticks` are values and their texts; `grid` draws a line across the panel at each of them.
    """

    low: float
    high: float
    ticks: Ticks
    label: str = ""
    grid: bool = False

    def fraction(self, value: float) -> float:
        """Returns how far along the axis a value is, 0 at `low` and 1 at `high`."""
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class Mark:
    """A bar between two corners, a line through points, or a disc, ring or text at a point.

    `size` is a radius, or a font size. `dash` and `anchor` are SVG's `stroke-dasharray` and `text-anchor`; `dx` moves a
    text to the right, in pixels.
    """

    shape: Literal["bar", "line", "disc", "ring", "text"]
    points: Points
    colour: str
    opacity: float = 1.0
    size: float = 12.0
    dash: str = ""
    text: str = ""
    anchor: str = "start"
    dx: float = 0.0


@dataclass(frozen=True)
class Panel:
    """A part of a chart with its own axes, from `top` to `bottom`, in pixels. Bars are drawn first, texts last."""

    x: Axis
    y: Axis
    marks: Sequence[Mark]
    top: float = 30
    bottom: float = 254


@dataclass(frozen=True)
class Chart:
    """A chart: its name, alone on its page, a title, a description in words, and panels below each other."""

    name: str
    title: str
    description: str
    panels: tuple[Panel, ...]
    width: float = 360.0

    @property
    def height(self) -> float:
        return self.panels[-1].bottom + 46

    @property
    def left(self) -> float:
        """Where the panels begin, beside the longest text of a vertical axis."""
        return 12 + _CHARACTER_WIDTH * max(len(text) for panel in self.panels for _, text in panel.y.ticks)

    @property
    def right(self) -> float:
        return self.width - _RIGHT

    def x(self, panel: Panel, value: float) -> float:
        """Returns the horizontal position of a value, in pixels."""
        return round(self.left + panel.x.fraction(value) * (self.right - self.left), 1)

    def y(self, panel: Panel, value: float) -> float:
        """Returns the vertical position of a value, in pixels."""
        return round(panel.bottom - panel.y.fraction(value) * (panel.bottom - panel.top), 1)


def round_ticks(low: float, high: float, count: int = 6) -> Ticks:
    """Returns about `count` round values between two, with their texts."""
    rough = (high - low) / count
    power = math.floor(math.log10(rough))
    step = next(factor * 10.0**power for factor in (1, 2, 5, 10) if factor * 10.0**power >= rough)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    indices = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    return tuple((index * step, with_minus(f"{index * step:,.{decimals}f}")) for index in indices)


def class_axis(names: Sequence[str], label: str = "", longest: int = 14) -> Axis:
    """Returns an axis with a name at each index, the first one on top."""
    ticks = tuple((index, short(name, longest)) for index, name in enumerate(names))
    return Axis(len(names) - 0.5, -0.5, ticks, label)


def padded(values: Iterable[float], share: float = 0.06) -> tuple[float, float]:
    """Returns the range of some values, widened on both sides, and never empty."""
    found = list(values)
    low, high = min(found), max(found)
    margin = share * (high - low) or 1.0
    return low - margin, high + margin


def with_minus(text: str) -> str:
    """Returns a number's text with a minus sign, which is as wide as a plus, for its hyphen."""
    return text.replace("-", "\N{MINUS SIGN}")


def short(text: str, longest: int = 14) -> str:
    """Returns a text cut to a length, with an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
