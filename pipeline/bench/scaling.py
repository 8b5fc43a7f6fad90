"""How the forms of a network with an LSTM grow: time, bytes, conversion and load.

With the time steps of a sequence it shows where a converted network should no longer be unrolled:
`converters.workspace.MAX_UNROLLED_STEPS`. With the crops of a frame it shows what reading them in one call would save.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from matplotlib.figure import Figure
from tabulate import tabulate
from tqdm import tqdm

from converters.workspace import MAX_UNROLLED_STEPS, ROOT
from device.files.typed_json import parsed
from pipeline.bench.peers.process import environment
from pipeline.whole_folder import whole_folder

_LIMIT_S = 1_800


class Grows(str, Enum):
    """What grows: the time steps of a sequence, the rows of an image, or the crops of a frame."""

    STEPS = "steps"
    HEIGHT = "height"
    CROPS = "crops"


@dataclass(frozen=True)
class Measured:
    """A form's medians: the size's inputs with one thread and with two, its file's making, and its load."""

    form: str
    us: float
    two_threads_us: float
    file_bytes: int
    conversion_s: float
    load_ms: float


@dataclass(frozen=True)
class Size:
    """What grows, to what size, with how many units; what was measured of the forms, or why nothing was."""

    grows: Grows
    size: int
    units: int
    forms: tuple[Measured, ...] = ()
    failure: str = ""


@dataclass(frozen=True)
class Extent:
    """What is measured, in some rounds: each size with each number of units."""

    sizes: tuple[Size, ...]
    rounds: int


def _sizes(grows: Grows, sizes: Sequence[int], units: Sequence[int]) -> tuple[Size, ...]:
    return tuple(Size(grows, size, each) for each in units for size in sizes)


FULL = Extent(
    (
        *_sizes(Grows.STEPS, (7, 14, 28, 56, 112, 224, 448, 1_000), (32, 128, 512)),
        *_sizes(Grows.HEIGHT, (28, 56, 112, 224, 448), (128,)),
        *_sizes(Grows.CROPS, (1, 2, 4, 8, 16, 32, 64), (128,)),
    ),
    rounds=20,
)
QUICK = Extent(
    (
        *_sizes(Grows.STEPS, (7, 28, 56, 112, 224), (32,)),
        *_sizes(Grows.HEIGHT, (28, 112), (128,)),
        *_sizes(Grows.CROPS, (1, 8), (128,)),
    ),
    rounds=5,
)


def scaling_report(extent: Extent, into: Path) -> str:
    """Measures all sizes, each in a process of its own, writes a folder whole, and returns the table."""
    with whole_folder(into) as folder:
        sizes = [_measured(size, extent.rounds) for size in tqdm(extent.sizes, desc="sizes", disable=None)]
        content = [dataclasses.asdict(size) for size in sizes]
        (folder / "scaling.json").write_text(json.dumps(content, indent=2) + "\n")
        (folder / "scaling.md").write_text(scaling_table(sizes) + "\n")
        _draw(sizes, folder / "scaling.svg")
    return scaling_table(sizes)


def scaling_table(sizes: Sequence[Size]) -> str:
    """Returns a Markdown table with a line for each form of each size, and what failed below it."""
    rows = [
        (size.grows.value, size.size, size.units, form.form, f"{form.us:,.0f}", f"{form.us / size.forms[0].us:.2f}",
         f"{form.two_threads_us:,.0f}", f"{form.file_bytes:,}", f"{form.conversion_s:.1f}", f"{form.load_ms:,.1f}")
        for size in sizes for form in size.forms
    ]  # fmt: skip
    headers = ("of", "size", "units", "form", "µs", "/ first", "µs, 2 threads", "bytes", "conversion, s", "load, ms")
    failures = "".join(
        f"\n{size.size} {size.grows.value}, {size.units} units: {size.failure}" for size in sizes if size.failure
    )
    return f"{tabulate(rows, headers, tablefmt='github', disable_numparse=True)}\n{failures}".rstrip()


def _measured(size: Size, rounds: int) -> Size:
    case = (size.grows.value, size.size, size.units, rounds)
    command = [sys.executable, "-m", "pipeline.bench.peers.scaling_case", *map(str, case)]
    try:
        child = subprocess.run(
            command, cwd=ROOT, env=environment(2), capture_output=True, text=True, check=False, timeout=_LIMIT_S
        )
    except subprocess.TimeoutExpired:
        return dataclasses.replace(size, failure=f"not done within {_LIMIT_S} s")
    if child.returncode:
        last = child.stderr.strip().rpartition("\n")[2]
        return dataclasses.replace(size, failure=f"ended with status {child.returncode}: {last}")
    forms = json.loads(child.stdout.splitlines()[-1])
    return dataclasses.replace(size, forms=tuple(parsed(Measured, each, "form") for each in forms))


def _draw(sizes: Sequence[Size], path: Path) -> None:
    """Draws the time over the size, for each form, what grows and number of units."""
    panels = list(dict.fromkeys((size.grows, size.units) for size in sizes))
    figure = Figure(figsize=(5 * len(panels), 4.5), layout="constrained")
    for number, (grows, units) in enumerate(panels, start=1):
        axes = figure.add_subplot(1, len(panels), number, xscale="log", yscale="log")
        axes.set(title=f"LSTM of {units} units", xlabel=grows.value, ylabel="median µs, one thread")
        measured = [
            (size.size, form) for size in sizes if (size.grows, size.units) == (grows, units) for form in size.forms
        ]
        for name in dict.fromkeys(form.form for _, form in measured):
            points = [(size, form.us) for size, form in measured if form.form == name]
            axes.plot(*zip(*points, strict=True), marker="o", label=name)
        if grows is Grows.STEPS:
            axes.axvline(MAX_UNROLLED_STEPS, color="grey", linestyle=":", label="no longer unrolled")
        axes.legend(fontsize=8)
    figure.savefig(path)
