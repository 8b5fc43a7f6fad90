"""Chooses the probability below which an answer is none, and draws the crops without digits that judge it.

The threshold is chosen on validation digits alone: the highest that keeps, with 95 % confidence, as many as it must.
What shows no digit judges it, and chose nothing; the letters among it are of fonts that no training saw.

Sources: Hendrycks, Gimpel, A Baseline for Detecting Misclassified and Out-of-Distribution Examples, 2017; Clopper,
Pearson, The use of confidence or fiducial limits, 1934.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import beta
from tqdm import tqdm

from device.arrays import Crops, Float64
from device.manifest import Rejection
from device.runner import Runner

MIN_KEPT = 0.985
_CONFIDENCE = 0.95


def probabilities(runner: Runner, crops: Crops, desc: str) -> Float64:
    """Returns the probability of the runner's answer to each crop, `<float64>[n]`."""
    return np.array([runner.classify(crop).probability for crop in tqdm(crops, desc=desc, disable=None)])


def chosen_threshold(digits: Float64) -> float:
    """Returns the least probability that an answer must have, by those of validation digits, `<float64>[n]`.

    It is 0 where there are too few digits to be sure of any.
    """
    rejected = np.arange(len(digits))
    surely_kept = beta.ppf(1 - _CONFIDENCE, len(digits) - rejected, rejected + 1)
    allowed = int((surely_kept >= MIN_KEPT).sum())
    return float(np.sort(digits)[allowed - 1]) if allowed else 0.0


def measured_rejection(threshold: float, digits: Float64, negatives: Float64) -> Rejection:
    """Returns what a threshold does to the images judged."""
    return Rejection(
        digits_kept=float((digits >= threshold).mean()),
        negatives=len(negatives),
        negatives_accepted=float((negatives >= threshold).mean()),
    )
