"""What validation images choose for a manifest, and what test images measure, from logits that were read once.

The rejection threshold is the highest one that keeps the required share of digits with 95 % confidence. The early exit
is the lowest probability whose loss of accuracy is within the limit with 95 % confidence; the bare loss on the images
that choose it would be too optimistic.

Sources: Hendrycks, Gimpel, A Baseline for Detecting Misclassified and Out-of-Distribution Examples, 2017;
Teerapittayanon, McDanel, Kung, BranchyNet, 2016, section III.C (exit by confidence); Clopper, Pearson, The use of
confidence or fiducial limits, 1934.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import beta, binomtest

from device.arrays import Bools, Float64, Indices, UInt8
from device.manifest import Accuracy, EarlyExit, Rejection
from device.pixels import SIDE
from pipeline.gate.confidence import fitted_temperature
from pipeline.release.step_logits import StepLogits

MIN_KEPT = 0.985
MAX_DROP_PP = 0.10
_CONFIDENCE = 0.95
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
        """Return the most that stopping loses with 95 % confidence, without what it gains, in percentage points."""
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


@dataclass(frozen=True, eq=False)
class LabelledLogits:
    """The logits of images, and their labels `<uint8>[n]`."""

    steps: StepLogits
    labels: UInt8

    def answers(self, temperature: float) -> StepAnswers:
        """Return the answers after each time step."""
        right = self.steps.logits.argmax(axis=2) == self.labels[:, np.newaxis]
        return StepAnswers(right, self.steps.probabilities(temperature))


@dataclass(frozen=True)
class Findings:
    """The manifest's accuracy, temperature, threshold and early exit, with the effect of the last two."""

    accuracy: Accuracy
    temperature: float
    threshold: float
    early_exit: EarlyExit | None
    rejection: Rejection | None


def find(
    validation: LabelledLogits, test: LabelledLogits, negatives: StepLogits | None, accuracy: Accuracy
) -> Findings:
    """Return what `validation` chooses, and its effect; no threshold without `negatives`, no exit with one step."""
    steps = validation.steps
    temperature = fitted_temperature(steps.quantisation.dequantise(steps.last), validation.labels)
    chosen, measured = validation.answers(temperature), test.answers(temperature)
    threshold, rejection = 0.0, None
    if negatives is not None:
        threshold = chosen_threshold(chosen.probability[:, -1])
        rejection = Rejection(
            digits_kept=float((measured.probability[:, -1] >= threshold).mean()),
            negatives=len(negatives.logits),
            negatives_accepted=float((negatives.probabilities(temperature)[:, -1] >= threshold).mean()),
        )
    early_exit = choose_exit(chosen, measured) if steps.logits.shape[1] > 1 else None
    return Findings(accuracy, temperature, threshold, early_exit, rejection)


def chosen_threshold(digits: Float64) -> float:
    """Return the threshold for probabilities `<float64>[n]` of answers to validation digits; 0 for too few digits."""
    rejected = np.arange(len(digits))
    surely_kept = beta.ppf(1 - _CONFIDENCE, len(digits) - rejected, rejected + 1)
    allowed = int((surely_kept >= MIN_KEPT).sum())
    return float(np.sort(digits)[allowed - 1]) if allowed else 0.0
