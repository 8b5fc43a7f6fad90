"""Corruptions of crops that stay readable: noise, blur, bands, lines, drops, outlines, glare, haze, bad cuts.

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
    """Adds noise that is the same everywhere or, as that of few photons, grows with the light."""
    noise = rng.normal(0, rng.uniform(0.05, 0.35), crop.shape)
    if rng.random() < 0.4:
        noise = rng.normal(0, rng.uniform(0.2, 0.7), crop.shape) * np.sqrt(crop)
    return np.asarray(np.clip(crop + noise, 0, 1), np.float32)


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
    """Inverts, blanks, fills or brightens a band of rows or columns, or inverts one at each side."""
    crop = crop.copy()
    across = crop if rng.random() < 0.5 else crop.T
    kind = int(rng.integers(5))
    if kind == 4:
        inner = slice(int(rng.integers(3, 9)), SIDE - int(rng.integers(3, 9)))
        kept = across[inner].copy()
        across[:] = 1 - across
        across[inner] = kept
        return crop
    # A broad band that hides what is under it would leave no digit.
    start, width = int(rng.integers(-4, SIDE - 2)), int(rng.integers(2, 6 if kind in {1, 2} else 13))
    band = across[max(0, start) : start + width]
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


def _haze(crop: Float32, rng: np.random.Generator) -> Float32:
    """Shines unevenly, in patches, through what is left of the contrast."""
    patches = _patches(rng, rng.uniform(2, 7))
    return np.asarray(crop * rng.uniform(0.25, 0.7) + patches * rng.uniform(0.2, 0.8), np.float32)


def _drops(crop: Float32, rng: np.random.Generator) -> Float32:
    """Covers patches with an even grey."""
    covered = _patches(rng, rng.uniform(0.8, 2)) > rng.uniform(0.65, 0.85)
    return np.where(covered, np.float32(rng.uniform(0, 0.8)), crop)


def _outline(crop: Float32, rng: np.random.Generator) -> Float32:
    """Leaves the edges of the strokes, as hollow letters have and a sharpening camera makes."""
    smooth = cv2.GaussianBlur(crop, (0, 0), rng.uniform(0.4, 1.1))
    edges = cv2.morphologyEx(smooth, cv2.MORPH_GRADIENT, cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)))
    if rng.random() < 0.5:
        edges = cv2.Laplacian(smooth, cv2.CV_32F)
    edges = np.abs(edges) / max(float(np.abs(edges).max()), 1e-3)
    return np.asarray(edges > rng.uniform(0.3, 0.6) if rng.random() < 0.5 else edges, np.float32)


def _askew(crop: Float32, rng: np.random.Generator) -> Float32:
    """Turns, leans, shrinks and moves, as a crop that was cut badly."""
    turn, lean, (x, y) = rng.uniform(-0.45, 0.45), rng.uniform(-0.4, 0.4), rng.uniform(-3.5, 3.5, 2)
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    plane = turned @ np.array([[1.0, lean * (rng.random() < 0.5)], [0.0, 1.0]]) * rng.uniform(0.65, 1.05)
    middle = np.full(2, (SIDE - 1) / 2)
    return np.asarray(cv2.warpAffine(crop, np.column_stack((plane, middle - plane @ middle + (x, y))), (SIDE, SIDE)))


def _pale(crop: Float32, rng: np.random.Generator) -> Float32:
    return np.asarray(crop * rng.uniform(0.2, 0.8), np.float32)


def _patches(rng: np.random.Generator, width: float) -> Float32:
    """Returns smooth noise in 0..1 whose patches are about this many pixels wide."""
    smooth = cv2.GaussianBlur(rng.normal(0, 1, (SIDE, SIDE)).astype(np.float32), (0, 0), width)
    return np.asarray((smooth - smooth.min()) / (smooth.max() - smooth.min()), np.float32)


_KINDS: tuple[Corruption, ...] = (
    _noise, _noise, _dead_pixels, _defocus, _motion, _band, _band, _lines, _lines, _glare, _pale, _haze, _haze, _drops,
    _outline, _askew, _askew,
)  # fmt: skip
