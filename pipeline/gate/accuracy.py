"""Checks that int8 is as accurate as the float network, its probabilities calibrated, and its threshold effective.

Sources: Agresti, Min, Simple improved confidence intervals for comparing matched proportions, 2005; McNemar, Note on
the sampling error of the difference between correlated proportions, 1947; Guo et al., On Calibration of Modern Neural
Networks, 2017.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest, norm

from device.arrays import Bools, Float64, Indices
from pipeline.gate.case import Case
from pipeline.gate.check import Check, Note, at_least, at_most, not_judged, passed, refused, without_violations
from pipeline.gate.confidence import confidences, expected_calibration_error, fitted_temperature
from pipeline.gate.scored import scored, scored_others
from pipeline.gate.streamed import greatest_difference

# Millionths of the greatest output: float kernels sum in another order than Keras.
_FLOAT_APART_PPM = 100


@dataclass(frozen=True)
class Paired:
    """Which images float and int8 classify correctly, `<bool>[n]` each: int8 lost some of float's, won others."""

    float_right: Bools
    int8_right: Bools

    @property
    def lost(self) -> int:
        return int((self.float_right & ~self.int8_right).sum())

    @property
    def won(self) -> int:
        return int((~self.float_right & self.int8_right).sum())

    @property
    def drop_pp(self) -> float:
        """Float accuracy minus int8 accuracy, in percentage points."""
        return 100 * (self.lost - self.won) / len(self.float_right)

    def __getitem__(self, which: Bools) -> Paired:
        return Paired(self.float_right[which], self.int8_right[which])

    @property
    def drop_interval_pp(self) -> tuple[float, float]:
        """The 95 % confidence interval of the drop, by Agresti and Min (2005)."""
        images = len(self.float_right) + 2
        lost, won = (self.lost + 0.5) / images, (self.won + 0.5) / images
        deviation = math.sqrt((lost + won - (lost - won) ** 2) / images)
        half = float(norm.ppf(0.975)) * deviation
        return 100 * (lost - won - half), 100 * (lost - won + half)

    @property
    def mcnemar_p(self) -> float:
        """The p value of McNemar's exact test, two-sided."""
        differing = self.lost + self.won
        return float(binomtest(self.lost, differing).pvalue) if differing else 1.0


def float_indices(case: Case) -> Indices:
    """Returns the float network's answers `<int>[n]`."""
    return np.asarray(case.float_logits.argmax(axis=1))


def int8_indices(case: Case) -> Indices:
    """Returns the runner's answers `<int>[n]`, below the manifest's threshold or not."""
    return np.array([prediction.index for prediction in case.predictions])


def right(case: Case, answers: Indices) -> Bools:
    """Returns which answers are correct, `<bool>[n]`, by the manifest's labels."""
    labels, names = np.array(case.manifest.labels), np.array(case.splits.names)
    return np.asarray(labels[answers] == names[case.splits.test.labels])


def reference(case: Case) -> Iterator[Check]:
    """Yields whether the float network's logits are finite, and the labels name its classes."""
    finite = np.isfinite(case.float_logits).reshape(len(case.float_logits), -1)
    broken = int((~finite).any(axis=1).sum())
    if broken:
        reason = f"the float network's logits are not finite for {broken:,} images"
        yield refused("float logits finite", f"{broken:,} images not", "all images", reason)
        return
    yield passed("float logits finite", "all images", "all images")
    if case.manifest.continuous:
        yield _as_in_keras(case)
    if case.is_class:
        yield without_violations("labels match classes", tuple(_misnamed(case)), "each")


def accuracy(case: Case) -> Iterator[Check | Note]:
    """Yields the accuracy of int8 and its distance from float, on the same images."""
    if not case.is_class:
        yield from scored(case)
        return
    limits, answers = case.limits, int8_indices(case)
    pair = Paired(right(case, float_indices(case)), right(case, answers))
    minimum = limits.int8_accuracy_percent_min
    yield Note("float accuracy", f"{100 * pair.float_right.mean():.2f} %")
    how = "one after another" if case.manifest.continuous else "whole"
    yield at_least(f"int8 accuracy, {how}", 100 * float(pair.int8_right.mean()), minimum, " %")
    if not case.manifest.continuous:
        by_line = right(case, np.asarray(case.line_logits[:, case.outputs[0].columns].argmax(axis=1)))
        yield at_least("int8 accuracy, line by line", 100 * float(by_line.mean()), minimum, " %")
    yield at_most("accuracy drop", pair.drop_pp, limits.accuracy_drop_pp_max, " pp")
    upper = "accuracy drop, upper bound of the 95 % CI"
    yield at_most(upper, pair.drop_interval_pp[1], limits.accuracy_drop_upper_pp_max, " pp")
    yield Note("McNemar's exact test", f"p = {pair.mcnemar_p:.3g}, {pair.lost} lost, {pair.won} won")
    agreement = 100 * float((float_indices(case) == answers).mean())
    yield at_least("agreement with float", agreement, limits.agreement_percent_min, " %")
    drops = recall_drops_pp(case, pair)
    worst, maximum = int(drops.argmax()), limits.recall_drop_pp_max
    measured = f"{drops[worst]:.2f} pp, class {case.splits.names[worst]}"
    yield at_most("recall drop of the worst class", float(drops[worst]), maximum, " pp", measured=measured)
    if len(case.outputs) > 1:
        yield from scored_others(case)


def recall_drops_pp(case: Case, pair: Paired) -> Float64:
    """Returns float recall minus int8 recall for each class, `<float64>[classes]`, in percentage points."""
    labels = case.splits.test.labels
    lost = pair.float_right.astype(np.int8) - pair.int8_right.astype(np.int8)
    return np.array([100 * lost[labels == label].mean() for label in range(len(case.splits.names))])


def confidence(case: Case) -> Iterator[Check | Note]:
    """Yields the calibration of both models' probabilities, at the manifest's temperature.

    A probability below the threshold is not an answer: it says that the crop may not be a digit, and is too low where
    every image is one. So the limit is on the calibration error of answers.
    """
    if not case.is_class:
        yield Note("calibration error", "the answer is not one class")
        return
    limits, temperature = case.limits, case.manifest.output.temperature
    real = confidences(case.float_logits, temperature)
    int8 = np.array([prediction.probability for prediction in case.predictions])
    int8_right, answered = right(case, int8_indices(case)), int8 >= case.manifest.output.threshold
    for model, probability, is_right in (("float", real, right(case, float_indices(case))), ("int8", int8, int8_right)):
        error = 100 * expected_calibration_error(probability, is_right)
        yield Note(f"calibration error, {model}", f"{error:.2f} pp")
    error = 100 * expected_calibration_error(int8[answered], int8_right[answered])
    yield at_most("calibration error of answers", error, limits.calibration_error_pp_max, " pp")
    drift = 100 * float(int8.mean() - real.mean())
    maximum, measured = limits.confidence_drift_pp_max, f"{drift:+.2f} pp"
    yield at_most("mean confidence, int8 minus float", abs(drift), maximum, " pp", measured=measured)
    if not case.has_its_data:
        yield not_judged("temperature", "the validation images it was fitted on are not in the data loaded")
        return
    fitted = _refitted_temperature(case)
    deviation, maximum = 100 * abs(temperature / fitted - 1), limits.temperature_deviation_percent_max
    measured = f"{temperature:.3f}, refitted {fitted:.3f}"
    yield at_most("temperature", deviation, maximum, " % apart", measured=measured)


def rejection(case: Case) -> Iterator[Check | Note]:
    """Yields how many digits the manifest's threshold keeps, and how many crops without a digit it accepts."""
    if not case.is_class:
        yield Note("negatives accepted", "the answer is not one class")
        return
    threshold = case.manifest.output.threshold
    if case.negatives is None:
        no_digits = "the gate has negatives for the labels 0 to 9 only"
        everything = Note("negatives accepted", "all: the threshold is 0")
        yield not_judged("negatives accepted", no_digits) if threshold else everything
        return
    kept = 100 * float(np.mean([prediction.label is not None for prediction in case.predictions]))
    yield at_least("digits kept", kept, case.limits.digits_kept_percent_min, " %")
    accepted = case.negative_probabilities >= threshold
    percent, maximum = 100 * float(accepted.mean()), case.limits.negatives_accepted_percent_max
    yield at_most("negatives accepted", percent, maximum, " %", measured=f"{percent:.2f} % of {len(accepted):,}")


def _as_in_keras(case: Case) -> Check:
    test, keep_head = case.splits.test, case.splits.task == "regression"
    inputs, runs = case.splits.form.real(test.crops), test.runs or ()
    apart, compared = greatest_difference(case.network, case.conversion, inputs, runs, keep_head=keep_head)
    measured = f"{1e6 * apart:.2f} ppm, {compared}"
    return at_most("float step as in Keras", 1e6 * apart, _FLOAT_APART_PPM, " ppm of the greatest", measured=measured)


def _misnamed(case: Case) -> Iterator[str]:
    answers, labels = float_indices(case), case.splits.test.labels
    for index, label in enumerate(case.manifest.labels):
        of_class = labels[answers == index]
        if not len(of_class):
            yield f"the float network never answers {label}"
        elif (shown := case.splits.names[int(np.bincount(of_class).argmax())]) != label:
            yield f"most images answered {label} show {shown}"


def _refitted_temperature(case: Case) -> float:
    validation = case.splits.validation
    if case.manifest.continuous:
        logits = case.read_on(validation, "validation").rows[:, -1]
    else:
        logits = case.logits(validation.crops, "validation")
    logits = logits[..., case.outputs[0].columns]
    return fitted_temperature(case.manifest.output.quantisation.dequantise(logits), validation.labels)
