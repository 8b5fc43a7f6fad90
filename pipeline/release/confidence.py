"""How far a model's probabilities can be believed, and the temperature that makes them more so.

Source: Guo, Pleiss, Sun, Weinberger, On Calibration of Modern Neural Networks, 2017, sections 2 and 4.2.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from device.arrays import Bools, Float32, Float64, Indices, UInt8

BINS = 15
_LEAST, _MOST = 0.1, 10.0


def confidences(logits: Float32, temperature: float) -> Float64:
    """Returns the probability of the most probable class, `<float64>[n]`, for logits `<float32>[n, classes]`."""
    return np.asarray(softmax(logits.astype(np.float64) / temperature, axis=1).max(axis=1))


def fitted_temperature(logits: Float32, labels: UInt8) -> float:
    """Returns the temperature, 0.1..10, under which the labels `<uint8>[n]` are most probable."""
    real = logits.astype(np.float64)
    each = np.arange(len(labels))

    def negative_log_likelihood(log_temperature: float) -> float:
        return -float(log_softmax(real / np.exp(log_temperature), axis=1)[each, labels].mean())

    fit = minimize_scalar(negative_log_likelihood, bounds=(np.log(_LEAST), np.log(_MOST)), method="bounded")
    return round(float(np.exp(fit.x)), 4)


def bin_places(confidence: Float64) -> Indices:
    """Returns which of 15 bins of equal width each confidence `[n]`, 0..1, lies in."""
    return np.asarray(np.minimum((confidence * BINS).astype(np.intp), BINS - 1))


def expected_calibration_error(confidence: Float64, right: Bools) -> float:
    """Returns the mean distance of confidence `[n]` from accuracy, over 15 bins of equal width; a fraction of 1.

    Of none at all it is 0.
    """
    places = bin_places(confidence)
    count = np.bincount(places, minlength=BINS)
    gap = np.bincount(places, confidence, BINS) - np.bincount(places, right, BINS)
    return float(np.abs(gap).sum() / max(1, count.sum()))
