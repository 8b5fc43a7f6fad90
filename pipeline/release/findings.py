"""What validation images choose for a manifest, and test images measure, from logits that were read once."""

from __future__ import annotations

from dataclasses import dataclass

from device.arrays import UInt8
from device.manifest import Accuracy, EarlyExit, Rejection
from pipeline.gate.confidence import fitted_temperature
from pipeline.release.early_exit import StepAnswers, choose_exit
from pipeline.release.step_logits import StepLogits
from pipeline.release.threshold import chosen_threshold, measured_rejection


@dataclass(frozen=True)
class LabelledLogits:
    """The logits of labelled images, and the labels `<uint8>[n]`."""

    steps: StepLogits
    labels: UInt8

    def answers(self, temperature: float) -> StepAnswers:
        """Return the answers after each time step."""
        return StepAnswers(self.steps.right(self.labels), self.steps.probabilities(temperature))


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
        accepted = negatives.probabilities(temperature)[:, -1]
        rejection = measured_rejection(threshold, measured.probability[:, -1], accepted)
    return Findings(
        accuracy=accuracy,
        temperature=temperature,
        threshold=threshold,
        early_exit=choose_exit(chosen, measured) if steps.logits.shape[1] > 1 else None,
        rejection=rejection,
    )
