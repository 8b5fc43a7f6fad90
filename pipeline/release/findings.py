"""What validation images choose for a manifest, and what test images measure, from logits that were read once.

The rejection threshold is the highest one that keeps the required share of digits with 90 % confidence: more would let
everything pass where there are few images, since a threshold that rejects nothing is surely kept. The early exit
is the lowest probability whose loss of accuracy is within the limit with 95 % confidence; the bare loss on the images
that choose it would be too optimistic.

Sources: Hendrycks, Gimpel, A Baseline for Detecting Misclassified and Out-of-Distribution Examples, 2017;
Teerapittayanon, McDanel, Kung, BranchyNet, 2016, section III.C (exit by confidence); Clopper, Pearson, The use of
confidence or fiducial limits, 1934.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from device.arrays import Float64, UInt8
from device.contract.manifest import Accuracy, EarlyExit, Fidelity, OutputContract, Rejection
from pipeline.gate.confidence import fitted_temperature
from pipeline.gate.early_exit import MAX_DROP_PP, StepAnswers, max_lost_pp
from pipeline.gate.statements import rejected
from pipeline.release.step_logits import StepLogits

MIN_KEPT = 0.985
_CONFIDENCE = 0.9
_CANDIDATES = np.concatenate([np.linspace(0.5, 0.99, 99), 1 - np.geomspace(0.01, 1e-6, 100)])


def choose_exit(validation: StepAnswers, test: StepAnswers) -> EarlyExit | None:
    """Returns the early exit that `validation` chooses, with its effect on the test inputs.

    Too few inputs can show that for no probability: then only an answer of probability 1 is settled, to the last bit.
    Returns None if even those are often wrong.
    """
    allowed = [p for p in _CANDIDATES if max_drop_pp(validation, p) <= MAX_DROP_PP]
    if not allowed and validation.drop_pp(1.0) > MAX_DROP_PP:
        return None
    return test.measured(float(min(allowed, default=1.0)))


def max_drop_pp(answers: StepAnswers, probability: float) -> float:
    """Returns the most that stopping loses with 95 % confidence, without what it gains, in percentage points."""
    lost = int((answers.right[:, -1] & ~answers.right_at_exit(probability)).sum())
    return max_lost_pp(lost, len(answers.right))


@dataclass(frozen=True, eq=False)
class LabelledLogits:
    """The logits of images, and their labels `<uint8>[n]`."""

    steps: StepLogits
    labels: UInt8
    lines: int

    def answers(self, temperature: float) -> StepAnswers:
        """Returns the answers after each time step."""
        right = self.steps.logits.argmax(axis=2) == self.labels[:, np.newaxis]
        return StepAnswers(right, self.steps.probabilities(temperature), self.lines)


@dataclass(frozen=True)
class Findings:
    """What a manifest says of accuracy, outputs, early exit and rejection."""

    accuracy: Accuracy | None
    fidelity: tuple[Fidelity, ...]
    outputs: tuple[OutputContract, ...]
    early_exit: EarlyExit | None
    rejection: Rejection | None


@dataclass(frozen=True)
class Choice:
    """The temperature, threshold and early exit that validation inputs choose, and the effect of the last two."""

    temperature: float
    threshold: float
    early_exit: EarlyExit | None
    rejection: Rejection | None


def find(validation: LabelledLogits, test: LabelledLogits, negatives: StepLogits | None) -> Choice:
    """Returns what `validation` chooses, and its effect; no threshold without `negatives`, no exit with one step."""
    steps = validation.steps
    temperature = fitted_temperature(steps.quantisation.dequantise(steps.last), validation.labels)
    chosen, measured = validation.answers(temperature), test.answers(temperature)
    threshold, rejection = 0.0, None
    if negatives is not None:
        threshold = chosen_threshold(chosen.probability[:, -1])
        rejection = rejected(threshold, measured.probability[:, -1], negatives.probabilities(temperature)[:, -1])
    early_exit = choose_exit(chosen, measured) if steps.logits.shape[1] > 1 else None
    return Choice(temperature, threshold, early_exit, rejection)


def chosen_threshold(digits: Float64) -> float:
    """Returns the threshold for probabilities `<float64>[n]` of answers to validation digits; 0 for too few digits."""
    rejected = np.arange(len(digits))
    surely_kept = beta.ppf(1 - _CONFIDENCE, len(digits) - rejected, rejected + 1)
    allowed = int((surely_kept >= MIN_KEPT).sum())
    return float(np.sort(digits)[allowed - 1]) if allowed else 0.0
