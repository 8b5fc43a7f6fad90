"""Synthetic photographs of ink: paper and light, ruled lines, neighbours, pens, a lens, a sensor, JPEG.

Pens are as thin as a pixel and pictures as large as a telephone's sharp ones: what is thin in a large picture is what
real cameras show most.

The network trains on the crops that the device's finder cuts out of them, as it will in the field.

Source: Bishop, Training with Noise is Equivalent to Tikhonov Regularization, 1995, for training on such views; the
faults are those of cheap cameras: uneven light, defocus, motion, noise, blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.special import expit

from device.arrays import Float32, Image, UInt8
from device.vision.boxes import Box, iou
from device.vision.finder import Finder
from pipeline.synthesis.displays import Drum

_FINDER = Finder()
# Less is a digit that lost a part, and may look like another.
_MIN_OVERLAP = 0.65
_MIN_SIDE_PX, _MAX_SIDE_PX = 36, 240
_PEN_PX = 84


@dataclass(frozen=True)
class Photograph:
    """A picture `<uint8>[h, w]`, and the box of the ink in it."""

    image: Image
    box: Box


def photograph(ink: UInt8, rng: np.random.Generator, neighbour: UInt8 | None = None, *, pen: bool = True) -> Photograph:
    """Returns a picture that ink `<uint8>[h, w]`, 255 on 0, about half fills or more, with the edge of a neighbour.

    With `pen` the ink's thickness varies, and strokes may be broken; otherwise grey ink stays grey.
    """
    side = round(np.exp(rng.uniform(np.log(_MIN_SIDE_PX), np.log(_MAX_SIDE_PX))))
    drawn = _pressed if pen else _as_it_is
    cover = _placed(drawn(ink, rng), side, rng, offset=(0.0, 0.0))
    box = Box(*cv2.boundingRect((cover > 0.5 * cover.max(initial=0)).view(np.uint8)))
    if neighbour is not None:
        away = rng.uniform(0.75, 1.0) * (1 if rng.random() < 0.5 else -1)
        offset = (away, rng.normal(0, 0.1)) if rng.random() < 0.6 else (rng.normal(0, 0.1), away)
        cover = np.maximum(cover, _placed(drawn(neighbour, rng), side, rng, offset))
    # A fine pen covers no coarse pixel completely.
    image = _inked(_paper(side, rng), cover * rng.uniform(0.6, 1.0), rng)
    return Photograph(_taken(image, rng), box)


def photograph_drum(window: Drum, rng: np.random.Generator) -> Photograph:
    """Returns a picture of a rolling counter's window in its housing, and the box of the digit's rows."""
    height = round(np.exp(rng.uniform(np.log(_MIN_SIDE_PX), np.log(_MAX_SIDE_PX / 2))))
    scale = height / window.ink.shape[0]
    width = max(8, round(window.ink.shape[1] * scale * rng.uniform(0.7, 1.1)))
    cover = cv2.resize(window.ink, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    side = max(height, width)
    image = _inked(_paper(side, rng)[:height, :width], cover * rng.uniform(0.8, 1.0), rng)
    rows = cover[round(window.top * scale) : round(window.bottom * scale)]
    x, y, ink_width, ink_height = cv2.boundingRect((rows > 0.5).view(np.uint8))
    framed = rng.random() < 0.7
    above, below, left, right = (int(framed * height * rng.uniform(0, 0.25)) for _ in range(4))
    level = (rng.uniform(5, 240),) * 4
    housing = cv2.copyMakeBorder(image, above, below, left, right, cv2.BORDER_CONSTANT, value=level)
    box = Box(x + left, y + round(window.top * scale) + above, ink_width, ink_height)
    return Photograph(_taken(housing, rng), box)


def found_crop(picture: Photograph) -> UInt8 | None:
    """Returns the crop `<uint8>[28, 28]` that the finder cuts out of a picture; None if it is not the ink's."""
    candidate = _FINDER.find_one(picture.image)
    return None if candidate is None or iou(candidate.box, picture.box) < _MIN_OVERLAP else candidate.crop


def found_any_crop(picture: Photograph) -> UInt8 | None:
    """Returns whatever crop `<uint8>[28, 28]` the finder cuts out of a picture; None if it finds nothing."""
    candidate = _FINDER.find_one(picture.image)
    return None if candidate is None else candidate.crop


def _pressed(ink: UInt8, rng: np.random.Generator) -> Float32:
    """Returns the ink of a finer or broader pen, `<float32>[h, w]` in 0..1."""
    fine = cv2.copyMakeBorder(_as_it_is(ink, rng), *(8,) * 4, cv2.BORDER_CONSTANT)
    if rng.random() < 0.35:
        fine = _thinned(fine, rng)
        strokes = np.asarray(np.clip(1.6 * cv2.GaussianBlur(fine, (0, 0), rng.uniform(0.5, 1.2)), 0, 1), np.float32)
    else:
        soft = cv2.GaussianBlur(fine, (0, 0), rng.uniform(1.5, 3.5))
        strokes = np.asarray(np.clip(8 * (soft - rng.uniform(0.25, 0.55)) + 0.5, 0, 1), np.float32)
    return _broken(strokes, rng) if rng.random() < 0.15 else strokes


def _as_it_is(ink: UInt8, _rng: np.random.Generator) -> Float32:
    scale = _PEN_PX / max(ink.shape)
    return np.asarray(cv2.resize(ink, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC) / np.float32(255))


def _thinned(ink: Float32, rng: np.random.Generator) -> Float32:
    """Returns the middle of each stroke, as a hard pencil or a fine pen leaves it."""
    depth = cv2.distanceTransform((ink > 0.5).view(np.uint8), cv2.DIST_L2, 5)
    ridge = cv2.dilate(depth, np.ones((9, 9), np.uint8))
    return np.asarray((depth > 0) & (depth >= rng.uniform(0.3, 0.85) * ridge), np.float32)


def _broken(strokes: Float32, rng: np.random.Generator) -> Float32:
    """Returns strokes with up to three small gaps."""
    inked = np.argwhere(strokes > 0.5)
    for y, x in inked[rng.integers(len(inked), size=rng.integers(1, 4))] if len(inked) else ():
        cv2.circle(strokes, (int(x), int(y)), int(rng.integers(2, 5)), 0.0, -1, cv2.LINE_AA)
    return strokes


def _placed(ink: Float32, side: int, rng: np.random.Generator, offset: tuple[float, float]) -> Float32:
    """Returns ink in perspective, near the middle of a picture, `<float32>[side, side]`."""
    x, y, width, height = cv2.boundingRect((ink > 0.3).view(np.uint8))
    if not width:
        return np.zeros((side, side), np.float32)
    scale = rng.uniform(0.45, 0.85) * side / max(width, height)
    middle = side * (0.5 + np.array(offset) + rng.normal(0, 0.04, 2))
    corners = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], np.float32)
    turn, lean = rng.normal(0, 0.08), rng.normal(0, 0.12)
    turned = (corners - corners.mean(axis=0)) @ np.array([[np.cos(turn), np.sin(turn)], [lean, np.cos(turn)]])
    seen = scale * turned * rng.uniform(0.85, 1.15, (1, 2)) * rng.normal(1, 0.04, (4, 2)) + middle
    plane = cv2.getPerspectiveTransform(corners, seen.astype(np.float32))
    small = cv2.GaussianBlur(ink, (0, 0), max(0.3, 0.4 / scale))
    return np.asarray(cv2.warpPerspective(small, plane, (side, side), flags=cv2.INTER_LINEAR), np.float32)


def _paper(side: int, rng: np.random.Generator) -> Float32:
    """Returns paper under a light, `<float32>[side, side]` around 1."""
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side - 0.5
    light = 1 + rng.normal(0, 0.15) * x + rng.normal(0, 0.15) * y
    if rng.random() < 0.2:
        edge = x * rng.normal() + y * rng.normal() + rng.uniform(-0.3, 0.3)
        light *= 1 - rng.uniform(0.1, 0.5) * expit(edge * rng.uniform(5, 60))
    light *= 1 + cv2.resize(rng.normal(0, rng.uniform(0, 0.04), (9, 9)), (side, side)).astype(np.float32)
    if rng.random() < 0.45:
        light *= _rules(side, rng)
    if rng.random() < 0.1:
        light *= 1 + rng.uniform(0.02, 0.12) * np.sin((x + y * rng.normal()) * rng.uniform(10, 120))
    if rng.random() < 0.08:
        off = np.hypot(x - rng.uniform(-0.5, 0.5), y - rng.uniform(-0.5, 0.5)) / rng.uniform(0.1, 0.4)
        light *= 1 + rng.uniform(0.1, 0.6) * np.exp(-(off**2))
    return np.asarray(light, np.float32)


def _rules(side: int, rng: np.random.Generator) -> Float32:
    """Returns the lines on paper: ruled, squared, or the frame of a box."""
    lines = np.ones((side, side), np.float32)
    strength, width = 1 - rng.uniform(0.05, 0.7), int(rng.integers(1, 1 + max(2, side // 24)))
    if rng.random() < 0.5:
        near, far = rng.normal((0.02, 0.98), 0.07) * side
        offsets = [[near], [far], [near, far]][rng.integers(3)]
    else:
        strength = max(strength, 0.75)
        step = side * rng.uniform(0.15, 0.6)
        offsets = list(np.arange(rng.uniform(0, step), side, step))
    both = rng.random() < 0.6
    tilt = rng.normal(0, 0.03) * side
    for offset in offsets:
        cv2.line(lines, (0, round(offset)), (side, round(offset + tilt)), strength, width, cv2.LINE_AA)
        if both:
            cv2.line(lines, (round(offset), 0), (round(offset - tilt), side), strength, width, cv2.LINE_AA)
    return lines


def _inked(paper: Float32, cover: Float32, rng: np.random.Generator) -> Float32:
    """Returns grey levels `<float32>[side, side]`: dark ink on bright paper or bright on dark."""
    if rng.random() < 0.7:
        level, contrast = (
            rng.uniform(50, 235),
            rng.uniform(0.25, 0.9) if rng.random() < 0.85 else rng.uniform(0.1, 0.25),
        )
        return np.asarray(level * paper * (1 - contrast * cover))
    level = rng.uniform(5, 120)
    ink = level + rng.uniform(25, 235 - level)
    return np.asarray(level * paper * (1 - cover) + ink * cover * (0.5 + 0.5 * paper))


def _taken(image: Float32, rng: np.random.Generator) -> Image:
    """Returns the picture as a lens, a sensor and, half the time, JPEG leave it."""
    side = max(image.shape)
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.2, max(0.9, side / 100)))
    if rng.random() < 0.15:
        reach = int(rng.integers(2, max(5, side // 25)))
        kernel = np.eye(reach) if rng.random() < 0.5 else np.eye(reach)[::-1]
        image = cv2.filter2D(image, -1, kernel / reach)
    noise = rng.uniform(0, 5) if rng.random() < 0.8 else rng.uniform(5, 20)
    noisy = image + rng.normal(0, noise, image.shape)
    grey = np.clip(np.round(noisy), 0, 255).astype(np.uint8)
    if rng.random() < 0.03:
        dead = rng.random(grey.shape)
        share = rng.uniform(0.002, 0.02)
        grey[dead < share], grey[dead > 1 - share] = 0, 255
    if rng.random() < 0.5:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 95))]
        grey = cv2.imdecode(cv2.imencode(".jpg", grey, quality)[1], cv2.IMREAD_GRAYSCALE)
    return np.asarray(grey)
