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
from pipeline.gate.early_exit import MAX_DROP_PP, StepAnswers, at_exit, exit_steps, max_lost_pp
from pipeline.gate.statements import rejected
from pipeline.release.step_logits import StepLogits

MIN_KEPT = 0.985
_CONFIDENCE = 0.9
# What an early exit may accept more of validation's crops without a digit.
_MAX_MORE_ACCEPTED_PP = 0.25
_CANDIDATES = np.concatenate([np.linspace(0.5, 0.99, 99), 1 - np.geomspace(0.01, 1e-6, 100)])


def choose_exit(
    validation: StepAnswers, test: StepAnswers, negatives: NegativeAnswers | None = None
) -> EarlyExit | None:
    """Returns the early exit that `validation` and negatives choose, with its effect on the test inputs.

    Too few inputs can show that for no probability: then only an answer of probability 1 is settled, to the last bit.
    Returns None if even those are often wrong.
    """
    allowed = [
        p
        for p in _CANDIDATES
        if max_drop_pp(validation, p) <= MAX_DROP_PP
        and (negatives is None or negatives.more_accepted_pp(p) <= _MAX_MORE_ACCEPTED_PP)
    ]
    if not allowed and validation.drop_pp(1.0) > MAX_DROP_PP:
        return None
    return test.measured(float(min(allowed, default=1.0)))


def max_drop_pp(answers: StepAnswers, probability: float) -> float:
    """Returns the most that stopping loses with 95 % confidence, without what it gains, in percentage points."""
    lost = int((answers.right[:, -1] & ~answers.right_at_exit(probability)).sum())
    return max_lost_pp(lost, len(answers.right))


@dataclass(frozen=True, eq=False)
class NegativeAnswers:
    """The probabilities of answers to crops without a digit after each time step, `[n, steps]`, and the threshold."""

    probability: Float64
    threshold: float

    def more_accepted_pp(self, probability: float) -> float:
        """Returns how many more of them are accepted if reading stops at this probability, in percentage points."""
        at_their_exit = at_exit(self.probability, exit_steps(self.probability, probability))
        accepted = [(each >= self.threshold).mean() for each in (at_their_exit, self.probability[:, -1])]
        return 100 * float(accepted[0] - accepted[1])


@dataclass(frozen=True, eq=False)
class Negatives:
    """The logits of crops without a digit: those that choose have all time steps, those that measure the last alone."""

    validation: StepLogits
    test: StepLogits


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


def find(validation: LabelledLogits, test: LabelledLogits, negatives: Negatives | None) -> Choice:
    """Returns what validation inputs choose, and its effect; no threshold without negatives, no exit with one step."""
    steps = validation.steps
    temperature = fitted_temperature(steps.quantisation.dequantise(steps.last), validation.labels)
    chosen, measured = validation.answers(temperature), test.answers(temperature)
    threshold, rejection, seen = 0.0, None, None
    if negatives is not None:
        threshold = chosen_threshold(chosen.probability[:, -1])
        rejection = rejected(threshold, measured.probability[:, -1], negatives.test.probabilities(temperature)[:, -1])
        seen = NegativeAnswers(negatives.validation.probabilities(temperature), threshold)
    early_exit = choose_exit(chosen, measured, seen) if steps.logits.shape[1] > 1 else None
    return Choice(temperature, threshold, early_exit, rejection)


def chosen_threshold(digits: Float64) -> float:
    """Returns the threshold for probabilities `<float64>[n]` of answers to validation digits; 0 for too few digits."""
    rejected = np.arange(len(digits))
    surely_kept = beta.ppf(1 - _CONFIDENCE, len(digits) - rejected, rejected + 1)
    allowed = int((surely_kept >= MIN_KEPT).sum())
    return float(np.sort(digits)[allowed - 1]) if allowed else 0.0
