"""A matplotlib figure as SVG inside a page: it takes the page's colours and font, and has a text alternative.

Matplotlib knows no CSS variables. So a figure is drawn in colours that stand for them, and named here alone.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Each stands for the CSS variable of the same name.
INK, MUTED, LINE, PAPER = "#000001", "#000002", "#000003", "#000004"
FLOAT, INT8, LOST, WON = "#000005", "#000006", "#000007", "#000008"
SERIES = ("#000011", "#000012", "#000013", "#000014")
_VARIABLES = {
    INK: "ink", MUTED: "muted", LINE: "line", PAPER: "paper",
    FLOAT: "float", INT8: "int8", LOST: "lost", WON: "won",
    **{colour: f"series-{place}" for place, colour in enumerate(SERIES)},
}  # fmt: skip

_POINTS_PER_INCH = 72
_SVG = "{http://www.w3.org/2000/svg}"
_LINKS = {"clip-path", "{http://www.w3.org/1999/xlink}href"}
_STYLE: dict[Any, Any] = {
    "axes.edgecolor": LINE,
    "axes.facecolor": "none",
    "axes.labelcolor": MUTED,
    "axes.linewidth": 1,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "font.size": 12,
    "grid.color": LINE,
    "grid.linewidth": 0.75,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text, in the page's font
    "text.color": INK,
    "text.parse_math": False,  # a tensor's name may hold a dollar sign
    "xtick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.color": LINE,
    "ytick.labelcolor": MUTED,
}


@dataclass(frozen=True)
class Drawing:
    """A figure for a page: its name there, a title, what it shows in a sentence or two, and its SVG."""

    name: str
    title: str
    description: str
    svg: Markup


@contextmanager
def canvas(width: float, height: float, rows: tuple[float, ...] = (1,)) -> Iterator[tuple[Figure, tuple[Axes, ...]]]:
    """Gives a figure of a size in CSS pixels, with axes below each other, `rows` being their heights' ratios."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width / _POINTS_PER_INCH, height / _POINTS_PER_INCH), layout="constrained")
        grid = figure.subplots(len(rows), 1, squeeze=False, sharex=True, height_ratios=rows)
        yield figure, tuple(grid[:, 0])


def drawing(figure: Figure, name: str, title: str, description: str) -> Drawing:
    """Returns a figure as SVG that can stand in HTML; to be called on a `canvas`.

    Args:
        figure: what was drawn.
        name: the prefix of the identifiers, which must be alone on a page.
        title: what it is, for who does not see it.
        description: what it shows, likewise.
    """
    file = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(file, format="svg", metadata={"Date": None})
    root = ET.fromstring(file.getvalue())  # noqa: S314  # matplotlib's own
    _strip(root)
    _rename(root, name)
    _restyle(root)
    for place, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ET.Element(f"{_SVG}{tag}", id=f"{name}-{tag}")
        element.text = text
        root.insert(place, element)
    view = root.get("viewBox", "")
    root.attrib.clear()
    root.attrib.update({"viewBox": view, "role": "img", "aria-labelledby": f"{name}-title {name}-desc"})
    ET.register_namespace("", "http://www.w3.org/2000/svg")
    ET.register_namespace("xlink", "http://www.w3.org/1999/xlink")
    return Drawing(name, title, description, Markup(ET.tostring(root, encoding="unicode")))  # noqa: S704  # made here


def _strip(root: ET.Element) -> None:
    """Takes out metadata, and the style that would hold for the whole page."""
    for parent in root.iter():
        for child in list(parent):
            if child.tag in {f"{_SVG}metadata", f"{_SVG}style"}:
                parent.remove(child)


def _rename(root: ET.Element, name: str) -> None:
    """Keeps the identifiers that something refers to, under names that no other figure has."""
    links = [element.get(attribute, "") for element in root.iter() for attribute in _LINKS]
    referred = {link.partition("#")[2].rstrip(")") for link in links}
    for element in root.iter():
        if (identifier := element.attrib.pop("id", None)) in referred:
            element.set("id", f"{name}-{identifier}")
        for attribute in _LINKS.intersection(element.keys()):
            element.set(attribute, element.attrib[attribute].replace("#", f"#{name}-"))


def _restyle(root: ET.Element) -> None:
    for element in root.iter():
        if style := element.get("style"):
            kept = (_declaration(each.strip()) for each in style.split(";"))
            element.set("style", "; ".join(each for each in kept if each))


def _declaration(style: str) -> str:
    """A style's declaration in the page's colours; of a font its size and weight, the family being the page's."""
    key, _, value = style.partition(": ")
    if key == "font-family":
        return ""
    if key == "font":  # matplotlib before 3.10 writes all of it in one
        size = re.search(r"[\d.]+px", value)
        return f"font-size: {size[0] if size else 'inherit'}; font-weight: {'bold' if 'bold' in value else 'normal'}"
    return f"{key}: var(--{_VARIABLES[value]})" if value in _VARIABLES else style


def with_minus(text: str) -> str:
    """Returns a number's text with a minus sign, which is as wide as a plus, for its hyphen."""
    return text.replace("-", "\N{MINUS SIGN}")


def short(text: str, most: int = 14) -> str:
    """Returns a text that a figure has room for: cut, with an ellipsis, where it is longer."""
    return text if len(text) <= most else text[: most - 1] + "…"
