"""How well a model's probabilities match its accuracy, and the temperature that makes them match better.

Source: Guo, Pleiss, Sun, Weinberger, On Calibration of Modern Neural Networks, 2017, sections 2 and 4.2.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from device.arrays import Bools, Float32, Float64, Indices, UInt8

BINS = 15


def confidences(logits: Float32, temperature: float) -> Float64:
    """Returns the probability of the most probable class, `<float64>[n]`, for logits `<float32>[n, classes]`."""
    return np.asarray(softmax(logits.astype(np.float64) / temperature, axis=1).max(axis=1))


def fitted_temperature(logits: Float32, labels: UInt8) -> float:
    """Returns the temperature, 0.1..10, at which the labels `<uint8>[n]` are most probable."""
    real = logits.astype(np.float64)
    each = np.arange(len(labels))

    def negative_log_likelihood(log_temperature: float) -> float:
        return -float(log_softmax(real / np.exp(log_temperature), axis=1)[each, labels].mean())

    bounds = np.log(0.1), np.log(10.0)
    fit = minimize_scalar(negative_log_likelihood, bounds=bounds, method="bounded")
    return round(float(np.exp(fit.x)), 4)


def bin_indices(confidence: Float64) -> Indices:
    """Returns which of 15 bins of equal width each confidence `[n]`, 0..1, is in."""
    return np.asarray(np.minimum((confidence * BINS).astype(np.intp), BINS - 1))


def expected_calibration_error(confidence: Float64, right: Bools) -> float:
    """Returns the mean distance of confidence `[n]` from accuracy in the bins, a fraction of 1; 0 for no images."""
    indices = bin_indices(confidence)
    count = np.bincount(indices, minlength=BINS)
    gap = np.bincount(indices, confidence, BINS) - np.bincount(indices, right, BINS)
    return float(np.abs(gap).sum() / max(1, count.sum()))
