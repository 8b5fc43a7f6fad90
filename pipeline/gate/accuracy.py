"""Whether int8 reads as well as the float network, on the same images, and is as sure of itself as it should be.

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
from tqdm import tqdm

from device.arrays import Bools, Float64, Indices
from device.runner import Runner
from pipeline.gate.case import Case
from pipeline.gate.check import Check, at_least, at_most, held, not_judged, passed, refused
from pipeline.gate.confidence import confidences, expected_calibration_error, fitted_temperature


@dataclass(frozen=True)
class Paired:
    """Which images float and int8 read right, `<bool>[n]` each."""

    float_right: Bools
    int8_right: Bools

    @property
    def lost(self) -> int:
        """Images that only float reads right."""
        return int((self.float_right & ~self.int8_right).sum())

    @property
    def won(self) -> int:
        """Images that only int8 reads right."""
        return int((~self.float_right & self.int8_right).sum())

    @property
    def drop_pp(self) -> float:
        """Accuracy that int8 loses, in percentage points."""
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
    def drop_upper_pp(self) -> float:
        """The upper end of that interval."""
        return self.drop_interval_pp[1]

    @property
    def mcnemar_p(self) -> float:
        """The exact McNemar test's p value: how likely so uneven a split is, where neither reads better."""
        differing = self.lost + self.won
        return float(binomtest(self.lost, differing).pvalue) if differing else 1.0


def float_indices(case: Case) -> Indices:
    """Returns the float network's answers `<int>[n]`."""
    return np.asarray(case.float_logits.argmax(axis=1))


def int8_indices(case: Case) -> Indices:
    """Returns the runner's answers `<int>[n]`, below the manifest's threshold or not."""
    return np.array([prediction.index for prediction in case.predictions])


def right(case: Case, answers: Indices) -> Bools:
    """Returns which answers name what the image shows, by the manifest's labels."""
    said, shown = np.array(case.manifest.labels), np.array(case.splits.names)
    return np.asarray(said[answers] == shown[case.splits.test.labels])


def reference(case: Case) -> Iterator[Check]:
    """Yields whether the float network can be compared with, and the labels name its classes."""
    if not np.isfinite(case.float_logits).all():
        broken = int((~np.isfinite(case.float_logits)).any(axis=1).sum())
        yield refused(
            "float finite", f"{broken:,} not", "all", f"for {broken:,} images the float network gives no number"
        )
        return
    yield passed("float finite", "all", "all")
    yield held("labels", tuple(_misnamed(case)), "each names its class")


def accuracy(case: Case) -> Iterator[Check]:
    """Yields how int8 does on the images that float is judged on too."""
    limits, answers = case.limits, int8_indices(case)
    pair = Paired(right(case, float_indices(case)), right(case, answers))
    by_line = right(case, np.asarray(case.line_logits.argmax(axis=1)))
    least = limits.int8_accuracy_percent_min
    yield passed("float accuracy", f"{100 * pair.float_right.mean():.2f} %", "reported")
    yield at_least("int8 accuracy, whole", 100 * float(pair.int8_right.mean()), least, " %")
    yield at_least("int8 accuracy, by line", 100 * float(by_line.mean()), least, " %")
    yield at_most("accuracy drop", pair.drop_pp, limits.accuracy_drop_pp_max, " pp")
    yield at_most("accuracy drop, upper end of 95 %", pair.drop_upper_pp, limits.accuracy_drop_upper_pp_max, " pp")
    yield passed("McNemar's exact test", f"p = {pair.mcnemar_p:.3g}, {pair.lost} lost, {pair.won} won", "reported")
    agreement = 100 * float((float_indices(case) == answers).mean())
    yield at_least("agreement", agreement, limits.agreement_percent_min, " %")
    drops = recall_drops_pp(case, pair)
    worst = int(drops.argmax())
    measured = f"{drops[worst]:.2f} pp, of {case.splits.names[worst]}"
    yield at_most("recall drop of any class", float(drops[worst]), limits.recall_drop_pp_max, " pp", measured=measured)


def recall_drops_pp(case: Case, pair: Paired) -> Float64:
    """Returns the recall that int8 loses of each class `<float64>[classes]`, in percentage points."""
    labels = case.splits.test.labels
    lost = pair.float_right.astype(np.int8) - pair.int8_right.astype(np.int8)
    return np.array([100 * lost[labels == label].mean() for label in range(len(case.splits.names))])


def confidence(case: Case) -> Iterator[Check]:
    """Yields how far both models' probabilities can be believed, at the manifest's temperature.

    A probability under the threshold is no answer. It says that this may be no digit at all, and where all images are
    digits, as here, it is too low by as much: what must be believable is the probability of an answer.
    """
    limits, temperature = case.limits, case.manifest.temperature
    int8 = np.array([prediction.probability for prediction in case.predictions])
    twin = confidences(case.float_logits, temperature)
    int8_right, answered = right(case, int8_indices(case)), int8 >= case.manifest.threshold
    for model, probability, is_right in (("float", twin, right(case, float_indices(case))), ("int8", int8, int8_right)):
        error = 100 * expected_calibration_error(probability, is_right)
        yield passed(f"calibration error, {model}", f"{error:.2f} pp", "reported")
    error = 100 * expected_calibration_error(int8[answered], int8_right[answered])
    yield at_most("calibration error of answers", error, limits.calibration_error_pp_max, " pp")
    drift = 100 * float(int8.mean() - twin.mean())
    measured = f"{drift:+.2f} pp"
    yield at_most("drift of mean confidence", abs(drift), limits.confidence_drift_pp_max, " pp", measured=measured)
    if not case.has_its_data:
        yield not_judged("temperature", "the validation images that it was fitted to are not at hand")
        return
    fitted = _refitted_temperature(case)
    deviation = 100 * abs(temperature / fitted - 1)
    measured = f"{temperature:.3f}, {fitted:.3f} by validation"
    most = limits.temperature_deviation_percent_max
    yield at_most("temperature", deviation, most, " % apart", measured=measured)


def _misnamed(case: Case) -> Iterator[str]:
    answers, shown = float_indices(case), case.splits.test.labels
    for index, label in enumerate(case.manifest.labels):
        of_class = shown[answers == index]
        if not len(of_class):
            yield f"the float network answers {label} to no image"
        elif (most := case.splits.names[int(np.bincount(of_class).argmax())]) != label:
            yield f"what is labelled {label} mostly shows {most}"


def _refitted_temperature(case: Case) -> float:
    validation = case.splits.validation
    with Runner(case.folder.path) as runner:
        logits = np.array([runner.logits(crop) for crop in tqdm(validation.crops, desc="validation", disable=None)])
    return fitted_temperature(case.manifest.output.quantisation.dequantise(logits), validation.labels)
