"""The real values that a network sees for grey levels, and whether they are those it was trained with."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from device.arrays import Bools, Float32
from pipeline.data.own.own_data import Inputs, Int64

# What messages call the choice of a scaling.
OPTION = "--scaling"
# How far beyond the range an interpolated image may be.
_SLACK = 0.05
# Images of a fiftieth of the range are all dark: they have another scaling.
_MIN_SPAN = 0.02
_TRIED = 300
_MAX_P = 1e-6
_EQUAL_P = 0.05
_MIN_GAIN = 0.1

_NUMBER = r"[-+]?(?:\d+\.?\d*?|\.\d+)(?:e[-+]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})", re.IGNORECASE)
_MOMENTS = re.compile(rf"mean=({_NUMBER}),deviation=({_NUMBER})", re.IGNORECASE)

Predict = Callable[[Float32], Float32]


@dataclass(frozen=True)
class Scaling:
    """The real values for grey levels 0 and 255; `low` is above `high` if the network was trained on inverted ones."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high)) or self.low == self.high:
            raise ValueError(f"Expected two different numbers for grey levels 0 and 255. Received: {self}")

    @classmethod
    def parsed(cls, text: str) -> Scaling:
        """Return the scaling that a text names: `0..1`, or `mean=0.13,deviation=0.31` of grey levels in 0..1.

        Raises ValueError for any other text.
        """
        if values := _RANGE.fullmatch(text):
            return cls(float(values[1]), float(values[2]))
        if (values := _MOMENTS.fullmatch(text)) and float(values[2]) > 0:
            mean, deviation = float(values[1]), float(values[2])
            return cls(-mean / deviation, (1 - mean) / deviation)
        expected = "Expected a scaling such as 0..1, -1..1, 0..255 or mean=0.13,deviation=0.31"
        raise ValueError(f"{expected}. Received: {text!r}")

    def __str__(self) -> str:
        return f"{self.low:.6g}..{self.high:.6g}"

    @property
    def inverted(self) -> Scaling:
        return Scaling(self.high, self.low)

    @property
    def mend(self) -> str:
        """What to change so that a network sees this scaling: a declared one must rise, as int8's does."""
        if self.low < self.high:
            return f"Declare {OPTION} {self}"
        layer = f"Rescaling(-1, offset={self.low + self.high:.6g})"
        return f"Let the network begin with {layer}, and declare {OPTION} {self.inverted}"

    def real(self, levels: Inputs) -> Float32:
        """Return what the network sees for grey levels 0 to 255, `<float32>[n, ...]`."""
        return (self.low + levels.astype(np.float32) * ((self.high - self.low) / 255)).astype(np.float32)

    def levels(self, real: Inputs) -> Float32:
        """Return the grey levels, not rounded, of what the network sees, `<float32>[n, ...]`."""
        return ((real - self.low) * (255 / (self.high - self.low))).astype(np.float32)


# From the narrowest to the widest.
COMMON = (Scaling(0, 1), Scaling(-1, 1), Scaling(0, 255))


def check_scaling(inputs: Inputs, scaling: Scaling) -> None:
    """Raise ValueError with the mend if float images are not in a scaling's range; grey levels always fit."""
    if inputs.dtype == np.uint8 or _fits(inputs, scaling):
        return
    fitting = next((each for each in COMMON if _fits(inputs, each)), None)
    convert = "divide the images by 255" if (scaling, fitting) == COMMON[::2] else f"bring the images into {scaling}"
    mend = f"Declare {OPTION} {fitting}, or {convert}" if fitting else convert.capitalize()
    received = f"{inputs.min():.6g} to {inputs.max():.6g}"
    raise ValueError(f"Expected images over {scaling}, the declared scaling. Received: {received}. {mend}")


def suspect_scaling(predict: Predict, images: Inputs, labels: Int64, scaling: Scaling) -> str | None:
    """Return what is wrong with a scaling, or None: whether a few hundred images are read far better with another.

    `predict` takes `<float32>[n, ...]` and returns `<float32>[n, classes]`; `labels` are `<int64>[n]`. Another scaling,
    or inverted grey levels, must be right on 10 points more, and an exact McNemar test must reject that it is no better
    (p < 1e-6).

    Source: McNemar, Note on the sampling error of the difference between correlated proportions, Psychometrika 12
    (1947); the exact test is the binomial one.
    """
    chosen = np.random.default_rng(0).permutation(len(images))[:_TRIED]
    images, labels = images[chosen], labels[chosen]
    levels = images if images.dtype == np.uint8 else scaling.levels(images)
    right = {each: _right(predict, each.real(levels), labels) for each in _candidates(levels, scaling)}
    most = max(right.values(), key=np.count_nonzero)
    # Many networks hardly notice a factor: of equally good scalings, the first is the likeliest.
    best = next(each for each in right if not _is_better(most, right[each], _EQUAL_P))
    if right[best].mean() - right[scaling].mean() < _MIN_GAIN or not _is_better(right[best], right[scaling], _MAX_P):
        return None
    mend = best.mend if images.dtype == np.uint8 else f"Bring the images from {scaling} to {best}"
    inverted = f" (inverted {best.inverted})" if (best.high > best.low) != (scaling.high > scaling.low) else ""
    measured = f"{right[scaling].mean():.1%} right with the scaling {scaling} and {right[best].mean():.1%} with {best}"
    return f"Of {len(labels)} images, the network gets {measured}{inverted}. {mend}"


def _fits(inputs: Inputs, scaling: Scaling) -> bool:
    low, high = sorted((scaling.low, scaling.high))
    slack, span = _SLACK * (high - low), float(inputs.max()) - float(inputs.min())
    return bool(inputs.min() >= low - slack and inputs.max() <= high + slack and span >= _MIN_SPAN * (high - low))


def _candidates(levels: Inputs, scaling: Scaling) -> list[Scaling]:
    candidates = [scaling, scaling.inverted, *COMMON]
    if levels.std():
        candidates.append(Scaling.parsed(f"mean={levels.mean() / 255:.6g},deviation={levels.std() / 255:.6g}"))
    return [*candidates, *(each.inverted for each in candidates)]


def _right(predict: Predict, inputs: Float32, labels: Int64) -> Bools:
    return np.asarray(predict(inputs).argmax(axis=-1) == labels)


def _is_better(right: Bools, other: Bools, max_p: float) -> bool:
    gained, lost = int((right & ~other).sum()), int((other & ~right).sum())
    return gained > lost and bool(binomtest(gained, gained + lost, 0.5, alternative="greater").pvalue < max_p)
