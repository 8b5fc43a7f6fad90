"""Checks reading that stops at the first answer that is settled by the manifest: what it loses, and what it accepts."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from device.arrays import Bools, Float64, Indices
from device.contract.manifest import EarlyExit
from device.runner import Runner
from pipeline.gate.accuracy import right
from pipeline.gate.case import Case
from pipeline.gate.check import Check, Note, at_least, at_most, passed, refused

# What an early exit may lose on validation inputs, with 95 % confidence.
MAX_DROP_PP = 0.10
_TRIED_CROPS = 1_000

Values = TypeVar("Values", bound=npt.NDArray[Any])


@dataclass(frozen=True, eq=False)
class StepAnswers:
    """After each time step, whether the answer is right, `<bool>[n, steps]`, and its probability, `[n, steps]`.

    `lines` is how many an input has.
    """

    right: Bools
    probability: Float64
    lines: int

    def __post_init__(self) -> None:
        if self.right.shape != self.probability.shape or not self.right.size:
            raise ValueError(f"Expected both [n, steps]. Received: {self.right.shape} and {self.probability.shape}")

    @property
    def lines_per_step(self) -> int:
        return self.lines // self.right.shape[1]

    def exits(self, probability: float) -> Indices:
        """Returns the step `[n]` of each image's first answer of at least this probability, else the last step."""
        return exit_steps(self.probability, probability)

    def right_at_exit(self, probability: float) -> Bools:
        """Returns whether the answer at which reading stops is right, `<bool>[n]`."""
        return at_exit(self.right, self.exits(probability))

    def drop_pp(self, probability: float) -> float:
        """Returns the accuracy lost by stopping early, in percentage points."""
        return 100 * float(self.right[:, -1].mean() - self.right_at_exit(probability).mean())

    def mean_lines_read(self, probability: float) -> float:
        """Returns the mean number of lines read of an image."""
        return self.lines_per_step * float(1 + self.exits(probability).mean())

    def measured(self, probability: float) -> EarlyExit:
        """Returns what the manifest says of an early exit at this probability."""
        return EarlyExit(
            probability=probability,
            accuracy_after_step=tuple(float(accuracy) for accuracy in self.right.mean(axis=0)),
            mean_lines_read=self.mean_lines_read(probability),
            accuracy_drop_pp=self.drop_pp(probability),
        )


def exit_steps(probabilities: Float64, probability: float) -> Indices:
    """Returns the step `[n]` of each input's first answer of at least a probability, of `[n, steps]`, else the last."""
    settled = probabilities >= probability
    settled[:, -1] = True
    return np.asarray(settled.argmax(axis=1))


def max_lost_pp(lost: int, inputs: int) -> float:
    """Returns the upper end of a one-sided 95 % confidence interval of a loss, in percentage points."""
    return 100 * float(binomtest(lost, inputs, alternative="less").proportion_ci(0.95, "exact").high)


def no_exit_is_sure(case: Case) -> bool:
    """Returns whether even answers of probability 1 to validation inputs, too few to show it, are often wrong early."""
    validation, names = case.splits.validation, np.array(case.splits.names)
    if max_lost_pp(0, len(validation)) <= MAX_DROP_PP:
        return False
    with Runner(case.folder.path) as runner:
        read = [list(runner.steps(one)) for one in case.each(validation.crops, "validation, line by line")]
    labels = np.array(case.manifest.labels)[np.array([[answer.index for answer in steps] for steps in read])]
    probabilities = np.array([[answer.probability for answer in steps] for steps in read])
    answers = StepAnswers(labels == names[validation.labels][:, np.newaxis], probabilities, case.manifest.lines)
    return answers.drop_pp(1.0) > MAX_DROP_PP


def step_answers(case: Case) -> StepAnswers:
    """Returns the runner's answers for the test images after each time step."""
    indices = case.readings.indices
    by_step = [right(case, indices[:, step]) for step in range(indices.shape[1])]
    return StepAnswers(np.stack(by_step, axis=1), case.readings.probabilities, case.manifest.lines)


def measured_early_exit(case: Case) -> EarlyExit | None:
    """Returns what reading to the manifest's probability does; None where the manifest has none."""
    stated = case.manifest.early_exit
    return None if stated is None else step_answers(case).measured(stated.probability)


def early_exit(case: Case) -> Iterator[Check | Note]:
    """Yields what the runner loses and accepts when it stops at the manifest's probability."""
    if case.manifest.early_exit is None:
        yield Note("early exit", "none")
        return
    limits, answers, probability = case.limits, step_answers(case), case.manifest.early_exit.probability
    exits = answers.exits(probability)
    yield _as_read(case, exits)
    yield at_most("accuracy drop, early exit", answers.drop_pp(probability), limits.early_exit_drop_pp_max, " pp")
    if case.negatives is None:
        return
    kept = 100 * float((at_exit(answers.probability, exits) >= case.manifest.output.threshold).mean())
    yield at_least("digits kept, early exit", kept, limits.digits_kept_percent_min, " %")
    with Runner(case.folder.path) as runner:
        crops = case.each(case.negatives, "negatives, early exit")
        accepted = [runner.read(crop, early_exit=True).label is not None for crop in crops]
    percent, maximum = 100 * float(np.mean(accepted)), limits.early_exit_negatives_percent_max
    measured = f"{percent:.2f} % of {len(accepted):,}"
    yield at_most("negatives accepted, early exit", percent, maximum, " %", measured=measured)


def at_exit(values: Values, exits: Indices) -> Values:
    """Returns each image's value `[n]` at its exit `<int>[n]`, of values `[n, steps]`."""
    return typing.cast("Values", np.take_along_axis(values, exits[:, np.newaxis], axis=1)[:, 0])


def _as_read(case: Case, exits: Indices) -> Check:
    """Returns whether the runner stops where its answers after each step say it does, with the same answer."""
    name, limit = "answers with early exit", "as after each step"
    expected = zip(at_exit(case.readings.indices, exits), (1 + exits) * case.manifest.lines_per_step, strict=True)
    with Runner(case.folder.path) as runner:
        crops = case.each(case.splits.test.crops[:_TRIED_CROPS], "early exit")
        read = [runner.read(crop, early_exit=True) for crop in crops]
    pairs = zip(read, expected, strict=False)
    differing = sum((each.index, each.lines_read) != (index, lines) for each, (index, lines) in pairs)
    measured = f"{differing:,} of {len(read):,} differ"
    if differing:
        reason = f"the runner stops elsewhere, or answers otherwise, for {differing:,} images"
        return refused(name, measured, limit, reason)
    return passed(name, measured, limit)
