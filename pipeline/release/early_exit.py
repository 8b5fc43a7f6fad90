"""Chooses when the device may stop reading a crop, and measures what that saves and costs.

Validation images alone choose the probability: the lowest one whose loss of accuracy is within the limit with 95 %
confidence. The bare loss on the images that choose it would be too optimistic.

Sources: Teerapittayanon, McDanel, Kung, BranchyNet, 2016, section III.C (exit by confidence); Clopper, Pearson, The use
of confidence or fiducial limits, 1934.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from device.arrays import Bools, Float64, Indices
from device.manifest import EarlyExit
from device.pixels import SIDE

MAX_DROP_PP = 0.10
_CANDIDATES = np.concatenate([np.linspace(0.5, 0.99, 99), 1 - np.geomspace(0.01, 1e-6, 100)])


@dataclass(frozen=True, eq=False)
class StepAnswers:
    """After each time step, whether the answer is right, `<bool>[n, steps]`, and its probability, `[n, steps]`."""

    right: Bools
    probability: Float64

    def __post_init__(self) -> None:
        if self.right.shape != self.probability.shape or not self.right.size:
            raise ValueError(f"Expected both [n, steps]. Received: {self.right.shape} and {self.probability.shape}")

    @property
    def lines_per_step(self) -> int:
        """Lines that one time step takes."""
        return SIDE // self.right.shape[1]

    def exits(self, probability: float) -> Indices:
        """Return the step `[n]` of each image's first answer of at least this probability, else the last step."""
        settled = self.probability >= probability
        settled[:, -1] = True
        return np.asarray(settled.argmax(axis=1))

    def drop_pp(self, probability: float) -> float:
        """Return the accuracy lost by stopping early, in percentage points."""
        return 100 * float(self.right[:, -1].mean() - self._right_at_exit(probability).mean())

    def max_drop_pp(self, probability: float) -> float:
        """Return the upper bound of the 95 % confidence interval of the loss, in percentage points.

        It counts the images that stopping loses, without those that it gains.
        """
        lost = int((self.right[:, -1] & ~self._right_at_exit(probability)).sum())
        interval = binomtest(lost, len(self.right), alternative="less").proportion_ci(0.95, "exact")
        return 100 * float(interval.high)

    def mean_lines_read(self, probability: float) -> float:
        """Return the mean number of lines read of an image."""
        return self.lines_per_step * float(1 + self.exits(probability).mean())

    def _right_at_exit(self, probability: float) -> Bools:
        return np.take_along_axis(self.right, self.exits(probability)[:, np.newaxis], axis=1)[:, 0]


def choose_exit(validation: StepAnswers, test: StepAnswers) -> EarlyExit:
    """Return the early exit that `validation` chooses, with its effect on the test images."""
    allowed = [p for p in _CANDIDATES if validation.max_drop_pp(p) <= MAX_DROP_PP]
    probability = float(min(allowed, default=1.0))
    return EarlyExit(
        probability=probability,
        accuracy_after_step=tuple(float(accuracy) for accuracy in test.right.mean(axis=0)),
        mean_lines_read=test.mean_lines_read(probability),
        accuracy_drop_pp=test.drop_pp(probability),
    )
