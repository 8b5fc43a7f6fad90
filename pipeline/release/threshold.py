"""Chooses the probability below which the device answers "not a digit", and measures its effect.

Validation digits alone choose the threshold: the highest one that keeps the required share of digits with 95 %
confidence.

Sources: Hendrycks, Gimpel, A Baseline for Detecting Misclassified and Out-of-Distribution Examples, 2017; Clopper,
Pearson, The use of confidence or fiducial limits, 1934.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import beta

from device.arrays import Float64
from device.manifest import Rejection

MIN_KEPT = 0.985
_CONFIDENCE = 0.95


def chosen_threshold(digits: Float64) -> float:
    """Return the threshold for the probabilities `<float64>[n]` of the answers to validation digits.

    It is 0 if there are too few digits to choose one.
    """
    rejected = np.arange(len(digits))
    surely_kept = beta.ppf(1 - _CONFIDENCE, len(digits) - rejected, rejected + 1)
    allowed = int((surely_kept >= MIN_KEPT).sum())
    return float(np.sort(digits)[allowed - 1]) if allowed else 0.0


def measured_rejection(threshold: float, digits: Float64, negatives: Float64) -> Rejection:
    """Return what a threshold does to test digits and to crops without a digit, by probabilities `<float64>[n]`."""
    return Rejection(
        digits_kept=float((digits >= threshold).mean()),
        negatives=len(negatives),
        negatives_accepted=float((negatives >= threshold).mean()),
    )
