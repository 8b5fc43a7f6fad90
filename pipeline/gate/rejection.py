"""Whether the model says "none" where it should, and only there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from device.runner import Runner
from pipeline.gate.case import Case
from pipeline.gate.check import Check, at_least, at_most, not_judged, passed


def rejection(case: Case) -> Iterator[Check]:
    """Yields how many digits the manifest's threshold keeps, and how many crops that show none it lets pass."""
    threshold, negatives = case.manifest.threshold, case.negatives
    if negatives is None:
        yield _unknown(threshold)
        return
    kept = 100 * float(np.mean([prediction.label is not None for prediction in case.predictions]))
    yield at_least("digits kept", kept, case.limits.digits_kept_percent_min, " %")
    with Runner(case.folder.path) as runner:
        crops = case.each(negatives, "negatives")
        accepted = np.array([runner.classify(crop).probability for crop in crops]) >= threshold
    percent, most = 100 * float(accepted.mean()), case.limits.negatives_accepted_percent_max
    yield at_most("negatives accepted", percent, most, " %", measured=f"{percent:.2f} % of {len(accepted):,}")


def _unknown(threshold: float) -> Check:
    if threshold:
        return not_judged("negatives accepted", "no crops are known that show nothing of the labels")
    return passed("negatives accepted", "all: the threshold is 0", "reported")
