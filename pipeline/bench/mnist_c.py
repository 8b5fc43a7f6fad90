"""Corruptions of MNIST crops, seeded, of the kinds and strengths of MNIST-C, written from the paper's description.

Inversion is left out: a crop's ink is bright by contract.

Source: Mu, Gilmer, MNIST-C: A Robustness Benchmark for Computer Vision, 2019, section 3 and appendix A.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType

import cv2
import numpy as np

from device.arrays import Crop, Float32
from device.pixels import INK, SIDE

Corruption = Callable[[Float32, np.random.Generator], Float32]

_MIDDLE = (SIDE - 1) / 2
_LINE_REACH_PX = 2.3
_BLUR_PX = 3.0


def corrupted(crops: Crop, kind: str, seed: int) -> Crop:
    """Returns each crop `<uint8>[n, 28, 28]` with a corruption of one kind, the same for the same seed."""
    rng = np.random.default_rng((seed, *kind.encode()))
    changed = [KINDS[kind](crop / np.float32(INK), rng) for crop in crops]
    return np.asarray(np.clip(np.rint(np.stack(changed) * INK), 0, INK), np.uint8)


def _shot_noise(crop: Float32, rng: np.random.Generator) -> Float32:
    return np.asarray(rng.poisson(crop * 3) / 3, np.float32)


def _impulse_noise(crop: Float32, rng: np.random.Generator) -> Float32:
    drawn, share = rng.random(crop.shape), 0.17
    return np.where(drawn < share / 2, np.float32(0), np.where(drawn < share, np.float32(1), crop))


def _glass_blur(crop: Float32, rng: np.random.Generator) -> Float32:
    """Blurs, swaps pixels with neighbours twice, and blurs again."""
    glass = cv2.GaussianBlur(crop, (0, 0), 0.7)
    for swaps in rng.random((2, SIDE - 2, SIDE - 2)) < 0.5:
        up, left = rng.integers(0, 2, (2, SIDE - 2, SIDE - 2))
        for y, x in np.argwhere(swaps):
            here, there = (y + 1, x + 1), (y + 1 - up[y, x], x + 1 - left[y, x])
            glass[here], glass[there] = glass[there], glass[here]
    return np.asarray(cv2.GaussianBlur(glass, (0, 0), 0.7), np.float32)


def _motion_blur(crop: Float32, rng: np.random.Generator) -> Float32:
    """Smears to one side along a slanted line, as ImageMagick does with a radius of 10 and a sigma of 3."""
    angle, reach = np.deg2rad(rng.uniform(-45, 45)), 10
    weights = np.exp(-(np.arange(reach + 1) ** 2) / (2 * _BLUR_PX**2))
    shifts = [np.array([[1, 0, step * np.cos(angle)], [0, 1, step * np.sin(angle)]]) for step in range(reach + 1)]
    views = [cv2.warpAffine(crop, shift, (SIDE, SIDE)) for shift in shifts]
    return np.asarray(np.average(views, axis=0, weights=weights), np.float32)


def _shear(crop: Float32, rng: np.random.Generator) -> Float32:
    shear = 0.4 * rng.choice((-1, 1))
    return _about_middle(crop, np.array([[1.0, -np.sin(shear)], [0.0, np.cos(shear)]]))


def _rotate(crop: Float32, rng: np.random.Generator) -> Float32:
    angle = 0.4 * rng.choice((-1, 1))
    return _about_middle(crop, np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]))


def _scale(crop: Float32, _rng: np.random.Generator) -> Float32:
    return _about_middle(crop, np.eye(2) / 0.7)


def _translate(crop: Float32, rng: np.random.Generator) -> Float32:
    x, y = 3 * rng.choice((-1, 1), 2)
    return np.asarray(cv2.warpAffine(crop, np.array([[1.0, 0, x], [0, 1.0, y]]), (SIDE, SIDE)), np.float32)


def _brightness(crop: Float32, _rng: np.random.Generator) -> Float32:
    return crop + np.float32(0.5)


def _stripe(crop: Float32, _rng: np.random.Generator) -> Float32:
    """Inverts the left and the right quarter."""
    columns = np.arange(SIDE)
    return np.where((columns < 7) | (columns >= 21), 1 - crop, crop)


def _fog(crop: Float32, rng: np.random.Generator) -> Float32:
    """Adds a plasma, noise that is stronger the coarser it is, and darkens to the former maximum."""
    plasma = np.zeros((SIDE, SIDE), np.float32)
    for octave in range(1, 6):
        grain = rng.uniform(-1, 1, (2**octave + 1, 2**octave + 1)).astype(np.float32)
        plasma += cv2.resize(grain, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR) / 1.4 ** (octave - 1)
    plasma = (plasma - plasma.min()) / (plasma.max() - plasma.min())
    return np.asarray((crop + 3 * plasma) * crop.max() / (crop.max() + 3), np.float32)


def _spatter(crop: Float32, rng: np.random.Generator) -> Float32:
    """Covers some of it with drops of mud."""
    liquid = cv2.GaussianBlur(rng.normal(0.65, 0.3, crop.shape).astype(np.float32), (0, 0), 1.0)
    mud = cv2.GaussianBlur((liquid > 0.65).astype(np.float32), (0, 0), 1.5)
    mud[mud < 0.8] = 0
    return np.asarray(crop * (1 - mud) + mud * 63 / INK, np.float32)


def _dotted_line(crop: Float32, rng: np.random.Generator) -> Float32:
    left, right = rng.integers(0, SIDE - 1, 2)
    line = _line((0, float(left)), (SIDE - 1, float(right)))
    line[:, np.arange(SIDE) // 2 % 2 == 0] = 0
    return crop + line


def _zigzag(crop: Float32, rng: np.random.Generator) -> Float32:
    """Draws a line of peaks from the left to the right, of 2 pixels each way."""
    start, rise = float(rng.integers(0, SIDE - 1)), float(rng.integers(-5, 5))
    along = np.arange(2, 26, 2.0)
    heights = start + rise * (along - 2) / 23 + 2 * np.array([0, 1, 0, -1] * 3)
    points = list(zip(along.tolist(), heights.tolist(), strict=True))
    return np.asarray(crop + sum(_line(*pair) for pair in pairwise(points)), np.float32)


def _canny_edges(crop: Float32, _rng: np.random.Generator) -> Float32:
    smooth = cv2.GaussianBlur(np.asarray(crop * INK, np.uint8), (0, 0), 1.0)
    return np.asarray(cv2.Canny(smooth, 25, 50, L2gradient=True) / np.float32(INK))


def _about_middle(crop: Float32, inverse: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Float32:
    """Returns a crop seen through a matrix from its new pixels to the old ones, about its middle."""
    shift = _MIDDLE - inverse @ np.array([_MIDDLE, _MIDDLE])
    plane = np.column_stack((inverse, shift))
    return np.asarray(cv2.warpAffine(crop, plane, (SIDE, SIDE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP))


def _line(start: tuple[float, float], end: tuple[float, float]) -> Float32:
    """Returns a line that fades with its vertical distance, from (x, y) to a point further right."""
    x, y = np.arange(SIDE), np.arange(SIDE)[:, np.newaxis]
    distance = np.abs(y - np.interp(x, (start[0], end[0]), (start[1], end[1])))
    strength = 1 + np.log1p(-np.minimum(distance, _LINE_REACH_PX - 1e-9) / _LINE_REACH_PX)
    strength[:, (x < np.floor(start[0])) | (x >= np.ceil(end[0]))] = 0
    return np.asarray(np.clip(strength, 0, 1), np.float32)


KINDS: Mapping[str, Corruption] = MappingProxyType({
    "shot noise": _shot_noise, "impulse noise": _impulse_noise, "glass blur": _glass_blur,
    "motion blur": _motion_blur, "shear": _shear, "scale": _scale, "rotate": _rotate, "brightness": _brightness,
    "translate": _translate, "stripe": _stripe, "fog": _fog, "spatter": _spatter, "dotted line": _dotted_line,
    "zigzag": _zigzag, "Canny edges": _canny_edges,
})  # fmt: skip
