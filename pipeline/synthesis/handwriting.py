"""Digits as European school hands write them, in forms that MNIST's American writers seldom use.

A one with a hat and a foot, a crossed seven, an open four, a nine with a straight tail, a five with a separate bar:
skeletons of strokes, distorted at random and drawn with a round pen.

Source: Simard, Steinkraus, Platt, Best Practices for Convolutional Neural Networks, 2003, section 2 (distortion).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import cv2
import numpy as np
from scipy.interpolate import make_interp_spline

from device.arrays import Float64, UInt8

Point = tuple[float, float]
Stroke = tuple[Point, ...]

# x to the right and y down, in a box of height 1. Two points make a straight stroke, more make a smooth curve.
_ONES: tuple[tuple[Stroke, ...], ...] = (
    (((0.0, 0.35), (0.3, 0.0)), ((0.3, 0.0), (0.3, 1.0))),
    (((0.0, 0.5), (0.4, 0.0)), ((0.4, 0.0), (0.38, 1.0))),
    (((0.05, 0.3), (0.32, 0.0)), ((0.32, 0.0), (0.32, 1.0)), ((0.05, 1.0), (0.6, 1.0))),
    (((0.0, 0.4), (0.35, 0.0)), ((0.35, 0.0), (0.28, 0.97)), ((0.0, 1.0), (0.55, 0.95))),
    (((0.0, 0.55), (0.5, 0.0)), ((0.5, 0.0), (0.35, 1.0))),
    (((0.0, 0.42), (0.25, 0.25), (0.45, 0.0)), ((0.45, 0.0), (0.38, 1.0))),
    (((0.0, 0.45), (0.45, 0.0)), ((0.45, 0.0), (0.3, 0.97)), ((-0.1, 1.05), (0.7, 0.9))),
    (((0.0, 0.4), (0.52, 0.0)), ((0.52, 0.0), (0.4, 1.0))),
    (((0.0, 0.28), (0.25, 0.2), (0.52, 0.0)), ((0.52, 0.0), (0.42, 1.0))),
    (((0.0, 0.3), (0.5, 0.0)), ((0.5, 0.0), (0.3, 1.0))),
    (((0.1, 0.0), (0.1, 1.0)),),
)
_TWOS: tuple[tuple[Stroke, ...], ...] = (
    (((0.02, 0.25), (0.28, 0.0), (0.58, 0.22), (0.35, 0.62), (0.0, 1.0)), ((0.0, 1.0), (0.62, 1.0))),
    (((0.05, 0.2), (0.35, 0.0), (0.55, 0.25), (0.05, 0.95)), ((0.05, 0.95), (0.3, 0.9), (0.65, 0.98))),
    (((0.02, 0.15), (0.3, 0.0), (0.5, 0.3), (0.2, 0.85), (0.0, 0.9), (0.1, 0.75), (0.35, 0.95), (0.65, 0.9)),),
)
_THREES: tuple[tuple[Stroke, ...], ...] = (
    (((0.05, 0.12), (0.3, 0.0), (0.52, 0.2), (0.22, 0.46)), ((0.22, 0.46), (0.58, 0.7), (0.3, 1.0), (0.0, 0.88))),
    (((0.05, 0.02), (0.55, 0.0)), ((0.55, 0.0), (0.22, 0.42)), ((0.22, 0.42), (0.6, 0.65), (0.35, 1.0), (0.0, 0.9))),
)
_FOURS: tuple[tuple[Stroke, ...], ...] = (
    (((0.28, 0.0), (0.0, 0.62)), ((0.0, 0.62), (0.62, 0.6)), ((0.45, 0.35), (0.42, 1.0))),
    (((0.2, 0.0), (0.08, 0.55)), ((0.08, 0.55), (0.55, 0.5)), ((0.55, 0.22), (0.45, 1.0))),
    (((0.12, 0.0), (0.02, 0.35), (0.1, 0.55), (0.55, 0.45)), ((0.55, 0.1), (0.45, 1.0))),
    (((0.48, 1.0), (0.48, 0.0)), ((0.48, 0.0), (0.0, 0.68)), ((0.0, 0.68), (0.68, 0.66))),
    (((0.25, 0.0), (0.02, 0.6)), ((0.02, 0.6), (0.5, 0.55)), ((0.48, 0.45), (0.4, 1.0))),
    (((0.2, 0.0), (0.0, 0.6), (0.1, 0.68), (0.45, 0.48)), ((0.45, 0.3), (0.55, 1.0))),
    (((0.25, 0.0), (0.0, 0.7)), ((0.0, 0.7), (0.48, 0.48)), ((0.55, 0.3), (0.45, 1.0))),
)
_FIVES: tuple[tuple[Stroke, ...], ...] = (
    (((0.55, 0.0), (0.1, 0.02)), ((0.1, 0.02), (0.05, 0.45)), ((0.05, 0.45), (0.55, 0.5), (0.45, 0.95), (0.0, 0.92))),
    (((0.1, 0.05), (0.06, 0.42)), ((0.06, 0.42), (0.52, 0.55), (0.35, 1.0), (0.0, 0.9)), ((0.14, 0.0), (0.6, -0.04))),
    (((0.08, 0.0), (0.05, 0.4)), ((0.05, 0.4), (0.5, 0.42), (0.5, 0.85), (0.0, 1.0)), ((0.08, 0.0), (0.6, 0.02))),
    (
        ((0.15, 0.1), (0.1, 0.45)),
        ((0.1, 0.45), (0.42, 0.52), (0.36, 0.9), (0.08, 1.0), (0.04, 0.78)),
        ((0.15, 0.05), (0.5, 0.0)),
    ),
)
_SIXES: tuple[tuple[Stroke, ...], ...] = (
    (((0.45, 0.0), (0.1, 0.4), (0.02, 0.8), (0.28, 1.0), (0.52, 0.78), (0.3, 0.55), (0.05, 0.75)),),
    (((0.25, 0.0), (0.05, 0.45), (0.05, 0.85), (0.3, 1.0), (0.5, 0.75), (0.25, 0.6), (0.04, 0.8)),),
    (((0.5, 0.08), (0.35, 0.0), (0.08, 0.35), (0.04, 0.85), (0.3, 1.0), (0.5, 0.75), (0.28, 0.55), (0.06, 0.7)),),
)
_SEVENS: tuple[tuple[Stroke, ...], ...] = (
    (((0.0, 0.02), (0.6, 0.0)), ((0.6, 0.0), (0.18, 1.0)), ((0.15, 0.5), (0.58, 0.46))),
    (((0.0, 0.15), (0.02, 0.0)), ((0.02, 0.0), (0.58, 0.0)), ((0.58, 0.0), (0.25, 1.0)), ((0.12, 0.5), (0.6, 0.5))),
    (((0.0, 0.1), (0.25, 0.02), (0.62, 0.05)), ((0.62, 0.05), (0.35, 0.45), (0.22, 1.0)), ((0.1, 0.45), (0.6, 0.55))),
    (((0.0, 0.12), (0.03, 0.0)), ((0.03, 0.0), (0.55, 0.0)), ((0.55, 0.0), (0.2, 1.0))),
    (((0.0, 0.08), (0.15, 0.0), (0.42, 0.06)), ((0.42, 0.06), (0.22, 1.0)), ((0.08, 0.55), (0.72, 0.5))),
    (((0.0, 0.1), (0.5, 0.02)), ((0.5, 0.02), (0.4, 0.4), (0.15, 1.0)), ((0.02, 0.6), (0.3, 0.5), (0.75, 0.58))),
    (((0.1, 0.15), (0.26, 0.0), (0.42, 0.12), (0.4, 0.4)), ((0.4, 0.4), (0.38, 1.0)), ((0.05, 0.62), (0.75, 0.6))),
    (((0.05, 0.22), (0.15, 0.03), (0.4, 0.05)), ((0.4, 0.05), (0.33, 1.0)), ((0.05, 0.62), (0.7, 0.58))),
    (((0.0, 0.0), (0.5, 0.02)), ((0.5, 0.02), (0.3, 1.0)), ((0.0, 0.66), (0.62, 0.58))),
)
_EIGHTS: tuple[tuple[Stroke, ...], ...] = (
    (
        ((0.5, 0.12), (0.25, 0.0), (0.05, 0.2), (0.3, 0.48), (0.55, 0.75), (0.28, 1.0), (0.02, 0.78), (0.3, 0.48),
         (0.52, 0.2), (0.45, 0.08)),
    ),
    (
        ((0.28, 0.0), (0.06, 0.22), (0.28, 0.45), (0.5, 0.22), (0.28, 0.0)),
        ((0.28, 0.45), (0.0, 0.72), (0.28, 1.0), (0.56, 0.72), (0.28, 0.45)),
    ),
)  # fmt: skip
_NINES: tuple[tuple[Stroke, ...], ...] = (
    (((0.48, 0.12), (0.25, 0.0), (0.02, 0.25), (0.22, 0.45), (0.48, 0.15)), ((0.48, 0.15), (0.42, 1.0))),
    (
        ((0.5, 0.15), (0.28, 0.0), (0.02, 0.22), (0.22, 0.48), (0.5, 0.2)),
        ((0.5, 0.2), (0.5, 0.7), (0.28, 1.0), (0.0, 0.88)),
    ),
    (((0.5, 0.1), (0.2, 0.02), (0.05, 0.3), (0.3, 0.42), (0.52, 0.1), (0.45, 0.65), (0.15, 1.0)),),
    (
        ((0.4, 0.04), (0.14, 0.08), (0.12, 0.34), (0.42, 0.34), (0.48, 0.08)),
        ((0.48, 0.08), (0.5, 0.7), (0.3, 1.0), (0.0, 0.93)),
    ),
    (((0.42, 0.02), (0.1, 0.05), (0.08, 0.3), (0.34, 0.32), (0.5, 0.06), (0.48, 0.6), (0.3, 0.98), (0.05, 1.0)),),
    (((0.3, 0.0), (0.05, 0.12), (0.15, 0.38), (0.44, 0.3), (0.46, 0.06), (0.52, 0.5), (0.36, 0.9), (0.0, 1.0)),),
)
_ZEROS: tuple[tuple[Stroke, ...], ...] = (
    (((0.3, 0.0), (0.0, 0.5), (0.3, 1.0), (0.6, 0.5), (0.32, 0.0)),),
    (((0.35, 0.05), (0.05, 0.35), (0.1, 0.9), (0.45, 0.85), (0.55, 0.3), (0.25, 0.0)),),
)
FORMS: Mapping[int, tuple[tuple[Stroke, ...], ...]] = MappingProxyType(
    dict(enumerate((_ZEROS, _ONES, _TWOS, _THREES, _FOURS, _FIVES, _SIXES, _SEVENS, _EIGHTS, _NINES)))
)

_HEIGHT_PIXELS = 56
_MARGIN_PIXELS = 16
_FRACTION_BITS = 4


def write(digit: int, rng: np.random.Generator) -> UInt8:
    """Returns a digit's ink `<uint8>[h, w]`, 255 on 0, in a random form, slant and pen."""
    forms = FORMS[digit]
    return pen(_jittered(forms[rng.integers(len(forms))], 0.05, rng), rng)


def scribble(rng: np.random.Generator) -> UInt8:
    """Returns the ink `<uint8>[h, w]` of two to four strokes through random points, as `write` draws them."""
    strokes = [tuple(map(tuple, rng.random((rng.integers(3, 6), 2)))) for _ in range(rng.integers(2, 5))]
    return pen(strokes, rng)


def pen(strokes: Sequence[Stroke], rng: np.random.Generator) -> UInt8:
    """Returns the ink `<uint8>[h, w]` of strokes in a box of height 1, distorted and drawn with a round pen."""
    curves = [_curve(stroke) for stroke in strokes]
    turn = rng.normal(0, 0.09)
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    stretch = turned @ np.array([[rng.uniform(0.75, 1.25), rng.normal(0, 0.12)], [rng.normal(0, 0.04), 1.0]])
    bend, phase = rng.normal(0, 0.03), rng.uniform(0, 2 * np.pi)
    bent = [_bent(curve @ stretch.T, bend, phase) for curve in curves]
    corner = np.concatenate(bent).min(axis=0)
    size = np.concatenate(bent).max(axis=0) - corner
    width, height = (size * _HEIGHT_PIXELS).astype(int) + 2 * _MARGIN_PIXELS
    ink = np.zeros((height, width), np.uint8)
    thickness = int(rng.integers(2, 8))
    for curve in bent:
        pixels = ((curve - corner) * _HEIGHT_PIXELS + _MARGIN_PIXELS) * 2**_FRACTION_BITS
        cv2.polylines(ink, [np.round(pixels).astype(np.int32)], False, 255, thickness, cv2.LINE_AA, _FRACTION_BITS)
    return ink


def _jittered(strokes: Sequence[Stroke], deviation: float, rng: np.random.Generator) -> list[Stroke]:
    # Strokes that share a point still share it.
    moved = {point: tuple(np.add(point, rng.normal(0, deviation, 2))) for stroke in strokes for point in stroke}
    return [tuple(moved[point] for point in stroke) for stroke in strokes]


def _curve(stroke: Stroke) -> Float64:
    points = np.array(stroke)
    if len(points) == 2:
        return points
    steps = np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1) + 1e-3)))
    spline = make_interp_spline(steps, points, k=min(3, len(points) - 1))
    return np.asarray(spline(np.linspace(0, steps[-1], 32)))


def _bent(points: Float64, bend: float, phase: float) -> Float64:
    x, y = points.T
    return np.stack([x + bend * np.sin(4 * y + phase), y + bend * np.sin(4 * x + phase)], axis=1)
