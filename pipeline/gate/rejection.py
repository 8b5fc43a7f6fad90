"""Checks that the model rejects crops without a digit, and keeps those with one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from device.runner import Runner
from pipeline.gate.case import Case
from pipeline.gate.check import Check, Note, at_least, at_most, not_judged


def rejection(case: Case) -> Iterator[Check | Note]:
    """Yields how many digits the manifest's threshold keeps, and how many crops without a digit it accepts."""
    threshold, negatives = case.manifest.threshold, case.negatives
    if negatives is None:
        yield _without_negatives(threshold)
        return
    kept = 100 * float(np.mean([prediction.label is not None for prediction in case.predictions]))
    yield at_least("digits kept", kept, case.limits.digits_kept_percent_min, " %")
    with Runner(case.folder.path) as runner:
        crops = case.each(negatives, "negatives")
        accepted = np.array([runner.classify(crop).probability for crop in crops]) >= threshold
    percent, maximum = 100 * float(accepted.mean()), case.limits.negatives_accepted_percent_max
    yield at_most("negatives accepted", percent, maximum, " %", measured=f"{percent:.2f} % of {len(accepted):,}")


def _without_negatives(threshold: float) -> Check | Note:
    if threshold:
        return not_judged("negatives accepted", "the gate has negatives for the labels 0 to 9 only")
    return Note("negatives accepted", "all: the threshold is 0")
