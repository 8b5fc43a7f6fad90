"""Shows in the terminal how a digit is read: the lines as they are pushed, and the prediction after each step."""

from __future__ import annotations

import time
from collections.abc import Iterator

from device.arrays import UInt8
from device.pixels import INK
from device.runner import Prediction, Runner

_SHADES = " .:-=+*#%@"
_BAR_WIDTH = 30


def demo(runner: Runner, crop: UInt8, pause_s: float = 0.0) -> Iterator[str]:
    """Yields a text line for each line of a crop, with the prediction so far at the end of each time step.

    Columns are printed as text lines too, in the order in which they are read.
    """
    runner.reset()
    for count, line in enumerate(runner.lines(crop), start=1):
        runner.push(line)
        partial = runner.partial if count % runner.manifest.lines_per_step == 0 else None
        yield f"{count:2d} {_shades(line)} {'' if partial is None else _prediction(partial)}".rstrip()
        time.sleep(pause_s)


def _shades(line: UInt8) -> str:
    return "".join(2 * _SHADES[int(pixel) * (len(_SHADES) - 1) // INK] for pixel in line)


def _prediction(partial: Prediction) -> str:
    label, probability = partial.top[0]
    return f"{label} {'█' * round(_BAR_WIDTH * probability)} {100 * probability:.0f} %"
