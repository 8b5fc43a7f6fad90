"""What validation images choose for a manifest, and what test images measure, from logits that were read once.

The rejection threshold is the highest one that keeps the required share of digits with 95 % confidence.

Sources: Hendrycks, Gimpel, A Baseline for Detecting Misclassified and Out-of-Distribution Examples, 2017; Clopper,
Pearson, The use of confidence or fiducial limits, 1934.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from device.arrays import Float64, UInt8
from device.manifest import Accuracy, EarlyExit, Rejection
from pipeline.gate.confidence import fitted_temperature
from pipeline.release.early_exit import StepAnswers, choose_exit
from pipeline.release.step_logits import StepLogits

MIN_KEPT = 0.985
_CONFIDENCE = 0.95


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
    """Return what `validation` chooses, and its effect on `test` and on crops without a digit.

    Without `negatives` there is no threshold; with one time step there is no early exit.
    """
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
    """Return the threshold for the probabilities `<float64>[n]` of the answers to validation digits.

    It is 0 if there are too few digits to choose one.
    """
    rejected = np.arange(len(digits))
    surely_kept = beta.ppf(1 - _CONFIDENCE, len(digits) - rejected, rejected + 1)
    allowed = int((surely_kept >= MIN_KEPT).sum())
    return float(np.sort(digits)[allowed - 1]) if allowed else 0.0
