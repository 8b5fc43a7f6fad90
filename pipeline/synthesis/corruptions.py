"""Corruptions of crops that stay readable: noise, dead pixels, blur, bands, stripes, glare, low contrast.

A network that never sees them takes a noisy digit for "not a digit". Training corrupts negatives as often as digits,
so that a corruption says nothing about what is shown.

Source: the kinds are the camera faults of Hendrycks, Dietterich, Benchmarking Neural Network Robustness to Common
Corruptions and Perturbations, 2019, section 3.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from device.arrays import Float32
from device.pixels import SIDE

Corruption = Callable[[Float32, np.random.Generator], Float32]


def corrupted(crops: Float32, share: float, rng: np.random.Generator) -> Float32:
    """Returns crops `<float32>[n, 28, 28, 1]` in 0..1 of which a random share has one corruption each, some two."""
    crops = crops.copy()
    for index in np.flatnonzero(rng.random(len(crops)) < share):
        for _ in range(1 if rng.random() < 0.75 else 2):
            changed = _KINDS[rng.integers(len(_KINDS))](crops[index, ..., 0], rng)
            crops[index, ..., 0] = np.clip(changed, 0, 1)
    return crops


def _noise(crop: Float32, rng: np.random.Generator) -> Float32:
    return np.asarray(np.clip(crop + rng.normal(0, rng.uniform(0.05, 0.35), crop.shape), 0, 1), np.float32)


def _dead_pixels(crop: Float32, rng: np.random.Generator) -> Float32:
    drawn, share = rng.random(crop.shape), rng.uniform(0.01, 0.08)
    return np.where(drawn < share, np.float32(0), np.where(drawn > 1 - share, np.float32(1), crop))


def _defocus(crop: Float32, rng: np.random.Generator) -> Float32:
    return np.asarray(cv2.GaussianBlur(crop, (0, 0), rng.uniform(0.6, 2.0)) * rng.uniform(1.0, 1.6), np.float32)


def _motion(crop: Float32, rng: np.random.Generator) -> Float32:
    reach, angle = int(rng.integers(3, 8)), rng.uniform(0, np.pi)
    kernel = np.zeros((reach | 1, reach | 1), np.float32)
    middle, along = (reach | 1) // 2, np.array([np.cos(angle), np.sin(angle)]) * reach / 2
    start, end = (np.round(middle + sign * along).astype(int).tolist() for sign in (-1, 1))
    cv2.line(kernel, start, end, 1.0)
    return np.asarray(cv2.filter2D(crop, -1, kernel / kernel.sum()), np.float32)


def _band(crop: Float32, rng: np.random.Generator) -> Float32:
    """Inverts, blanks, fills or brightens a band of rows or columns."""
    crop = crop.copy()
    kind = int(rng.integers(4))
    # A broad band that hides what is under it would leave no digit.
    start, width = int(rng.integers(-4, SIDE - 2)), int(rng.integers(2, 6 if kind in {1, 2} else 13))
    band = (crop if rng.random() < 0.5 else crop.T)[max(0, start) : start + width]
    band[:] = (1 - band, band * 0, band * 0 + rng.uniform(0.3, 1), np.minimum(1, band + rng.uniform(0.1, 0.6)))[kind]
    return crop


def _lines(crop: Float32, rng: np.random.Generator) -> Float32:
    """Draws one to three thin lines across, bright or dark."""
    crop = crop.copy()
    for _ in range(rng.integers(1, 4)):
        start, end = (rng.integers(0, SIDE, 2).tolist() for _ in range(2))
        cv2.line(crop, start, end, float(rng.random() < 0.6) * rng.uniform(0.4, 1.0), 1, cv2.LINE_AA)
    return crop


def _glare(crop: Float32, rng: np.random.Generator) -> Float32:
    """Adds light that is even, rises to one side, or comes from a spot."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) / SIDE - 0.5
    light = rng.uniform(0.05, 0.5) * np.ones_like(crop)
    if rng.random() < 0.4:
        light = light * (0.5 + x * rng.normal(0, 1) + y * rng.normal(0, 1))
    elif rng.random() < 0.5:
        off = np.hypot(x - rng.uniform(-0.5, 0.5), y - rng.uniform(-0.5, 0.5)) / rng.uniform(0.1, 0.5)
        light = light * 2 * np.exp(-(off**2))
    return np.asarray(np.clip(crop + light, 0, 1), np.float32)


def _pale(crop: Float32, rng: np.random.Generator) -> Float32:
    return np.asarray(crop * rng.uniform(0.2, 0.8), np.float32)


_KINDS: tuple[Corruption, ...] = (_noise, _noise, _dead_pixels, _defocus, _motion, _band, _lines, _glare, _pale)
