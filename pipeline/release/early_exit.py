"""Chooses when a crop need not be read to its end, and measures what that saves and costs.

The threshold is chosen on validation images alone: the lowest probability at which stopping there loses, with 95 %
confidence, no more than is allowed. What it loses on the images that chose it would understate what it loses on others.

Sources: Teerapittayanon, McDanel, Kung, BranchyNet, 2016, section III.C (exit by confidence); Clopper, Pearson, The use
of confidence or fiducial limits, 1934.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest
from tqdm import tqdm

from device.arrays import Bools, Float64, Indices
from device.manifest import EarlyExit
from device.pixels import SIDE
from device.runner import Runner
from pipeline.data.splits import LabelledImages

MAX_DROP_PP = 0.10
_CANDIDATES = np.concatenate([np.linspace(0.5, 0.99, 99), 1 - np.geomspace(0.01, 1e-6, 100)])


@dataclass(frozen=True)
class StepOutputs:
    """After each time step, whether a model is right, `<bool>[n, steps]`, and how probable its answer, `[n, steps]`."""

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
        """Returns the step `[n]` at which each image is settled: the last one where no earlier one is."""
        settled = self.probability >= probability
        settled[:, -1] = True
        return np.asarray(settled.argmax(axis=1))

    def drop_pp(self, probability: float) -> float:
        """Returns the accuracy lost by stopping at settled answers, in percentage points."""
        return 100 * float(self.right[:, -1].mean() - self._right_at_exit(probability).mean())

    def max_drop_pp(self, probability: float) -> float:
        """Returns what stopping may lose on other images, in percentage points: the upper end of a 95 % interval.

        Images that stopping wins weigh nothing against those that it loses.
        """
        lost = int((self.right[:, -1] & ~self._right_at_exit(probability)).sum())
        interval = binomtest(lost, len(self.right), alternative="less").proportion_ci(0.95, "exact")
        return 100 * float(interval.high)

    def mean_lines_read(self, probability: float) -> float:
        """Returns the lines read of an image on average."""
        return self.lines_per_step * float(1 + self.exits(probability).mean())

    def _right_at_exit(self, probability: float) -> Bools:
        return np.take_along_axis(self.right, self.exits(probability)[:, np.newaxis], axis=1)[:, 0]


def read_in_steps(runner: Runner, images: LabelledImages, desc: str) -> StepOutputs:
    """Returns what the model says of each image after each time step, read line by line."""
    steps = runner.manifest.steps
    right = np.zeros((len(images), steps), np.bool_)
    probability = np.zeros((len(images), steps))
    for image, (crop, label) in enumerate(zip(tqdm(images.crops, desc=desc, disable=None), images.labels, strict=True)):
        answers = list(runner.steps(crop))
        if len(answers) != steps:
            raise ValueError(f"{runner.manifest.name}: Expected an answer after each step. Received: {len(answers)}")
        right[image] = [answer.index == label for answer in answers]
        probability[image] = [answer.probability for answer in answers]
    return StepOutputs(right, probability)


def choose_exit(validation: StepOutputs, test: StepOutputs) -> EarlyExit:
    """Returns the exit that `validation` chooses, with what it does on the images judged."""
    allowed = [p for p in _CANDIDATES if validation.max_drop_pp(p) <= MAX_DROP_PP]
    probability = float(min(allowed, default=1.0))
    return EarlyExit(
        probability=probability,
        accuracy_after_step=tuple(float(accuracy) for accuracy in test.right.mean(axis=0)),
        mean_lines_read=test.mean_lines_read(probability),
        accuracy_drop_pp=test.drop_pp(probability),
    )
