"""Ink: the contrast of each pixel to the paper around it, without the ruled lines of the paper.

Sources: the background is the mean of the pixels that a first estimate takes for paper, as in Gatos, Pratikakis,
Perantonis, Adaptive degraded document image binarization, 2006. A ruled line is a long, thin run, so that strokes that
cross it stay, as for staff lines in Carter, Bacon, Automatic recognition of printed music, 1992.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..arrays import Bools, Image, Int32

# Minimum strength of a ruled line, as fractions of the strongest ink nearby: strong lines are removed before pale ones.
_RULE_OF_PEAK = (0.4, 0.15, 0.0)

# Minimum length of a ruled line over its thickness.
_MIN_SLENDERNESS = 25

# Size of the window for the background's median, in cells.
_CELLS = 10
# Weight of the median against the mean of the paper, as a fraction of paper in the window.
_MEDIAN_WEIGHT = 0.02
# Pixels within this many median distances of the first estimate are paper.
_MAX_NOISE = 3


@dataclass(frozen=True)
class Rules:
    """Which horizontal and vertical lines count as ruled lines.

    With `to_edge` only lines count that run from edge to edge of the image, or along an edge from a corner.
    """

    max_thickness_px: int
    min_length_px: int
    to_edge: bool


def background_of(image: Image, window_px: int, min_contrast: float) -> Image:
    """Returns an image `<uint8>[h, w, ...]` of the paper without ink, which is darker or lighter than the paper.

    The paper at a pixel is estimated in a window of `window_px` around it, which is several strokes wide. Pixels that
    differ by up to `min_contrast` grey levels are paper.
    """
    height, width = image.shape[:2]
    cell_px = max(1, window_px // _CELLS)
    size = (-(-width // cell_px), -(-height // cell_px))
    median = _median_around(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    distance = _strongest(cv2.absdiff(image, cv2.resize(median, (width, height), interpolation=cv2.INTER_LINEAR)))
    paper = cv2.compare(distance, max(min_contrast, _MAX_NOISE * typical(distance)), cv2.CMP_LE)
    grid = _mean_around(image, paper, median)
    return np.asarray(cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def contrast(over: Image, under: Image) -> Image:
    """Returns how far `over` exceeds `under`, `<uint8>[h, w]`: the maximum over the channels."""
    return _strongest(cv2.subtract(over, under))


def typical(values: Image) -> float:
    """Returns the median of `<uint8>[h, w]`, estimated from a grid of a few thousand pixels."""
    height, width = values.shape
    return float(np.median(values[:: max(1, height // 64), :: max(1, width // 64)]))


def strong_ink(ink: Image, min_ink: float, window_px: int, of_peak: float) -> Image:
    """Returns a mask `<uint8>[h, w]` (0 or 1) of ink above `min_ink` and above `of_peak` of the maximum in a window."""
    thresholds = cv2.convertScaleAbs(cv2.dilate(ink, _block(window_px | 1, window_px | 1)), alpha=of_peak)
    return np.asarray(cv2.compare(ink, cv2.max(thresholds, min_ink), cv2.CMP_GT) & 1, np.uint8)


def without_rules(ink: Image, min_ink: float, window_px: int, rules: Rules) -> Image:
    """Returns the ink `<uint8>[h, w]` without ruled lines, of which strong ones are removed before pale ones."""
    # Lines found so far count again, so that a line continues where it is paler.
    lines = np.zeros_like(ink)
    for of_peak in _RULE_OF_PEAK:
        lines |= ruled_lines(strong_ink(ink, min_ink, window_px, of_peak) | lines, rules)
        ink = cv2.multiply(ink, 1 - lines)
    return ink


def ruled_lines(mask: Image, rules: Rules) -> Image:
    """Returns the ruled lines in a mask `<uint8>[h, w]` (0 or 1), as such a mask without the strokes across them."""
    horizontal, horizontal_band = _horizontal_lines(mask, rules)
    vertical, vertical_band = (part.T for part in _horizontal_lines(np.ascontiguousarray(mask.T), rules))
    return np.asarray(horizontal | vertical | (horizontal_band & vertical_band), np.uint8)


def _horizontal_lines(mask: Image, rules: Rules) -> tuple[Image, Image]:
    """Returns masks of the thin parts of horizontal lines, and of all that the lines cover."""
    thickness_px = rules.max_thickness_px
    thin = mask & ~_morphed(mask, cv2.MORPH_OPEN, 1, thickness_px + 1)
    # A slightly tilted line still covers a run of each row that it crosses; strokes across it leave gaps.
    straight = _morphed(thin, cv2.MORPH_OPEN, max(2, min(rules.min_length_px // 5, thickness_px + 2)), 1)
    if not cv2.countNonZero(straight):
        return straight, straight
    gap_px = rules.min_length_px if rules.to_edge else max(2 * thickness_px, rules.min_length_px // 8)
    joined = straight | _morphed(straight, cv2.MORPH_CLOSE, gap_px | 1, 1)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    lines = _are_lines(stats, mask.shape, rules)
    if not lines.any():
        return np.zeros_like(mask), np.zeros_like(mask)
    band = lines.astype(np.uint8)[labels]
    # With `to_edge` the image shows one digit, and ink that runs along a line is a stroke of the digit.
    for label in np.flatnonzero(lines) if rules.to_edge else ():
        x, y, width, height, _ = stats[label]
        window = slice(y, y + height), slice(x, x + width)
        band[window][_beside_line(thin[window].view(np.bool_) & (labels[window] == label))] = 0
    return thin & band, band


def _beside_line(ink: Bools) -> Bools:
    """Returns the ink `<bool>[h, w]` that lies beside a horizontal line: a stroke that runs along it."""
    thickness = ink.sum(axis=0)
    inked = thickness > 0
    usual = np.median(thickness[inked])
    plain = inked & (thickness <= usual + 1)
    if np.array_equal(plain, inked):
        return np.zeros_like(ink)
    rows, columns = np.arange(ink.shape[0])[:, np.newaxis], np.arange(ink.shape[1])
    middle = np.interp(columns, columns[plain], (rows * ink).sum(axis=0)[plain] / thickness[plain])
    return np.asarray(ink & ~plain & (abs(rows - middle) > usual / 2 + 0.5), np.bool_)


def _are_lines(stats: Int32, shape: tuple[int, ...], rules: Rules) -> Bools:
    height, width = shape
    x, y, w, h, area = stats.T
    margin = 1 + width // 32 if rules.to_edge else 1
    left, right = x < margin, x + w > width - margin
    straight = h <= w // 8 + rules.max_thickness_px
    if rules.to_edge:
        beside = np.minimum(y + h // 2, height - y - h // 2) <= height // 5
        lines = straight & (w >= rules.min_length_px) & ((left & right) | ((left | right) & beside))
    else:
        slender = w * w >= _MIN_SLENDERNESS * area
        lines = straight & (slender & (w >= rules.min_length_px) | (left | right) & (w >= rules.min_length_px // 4))
    lines[0] = False  # the background
    return np.asarray(lines, np.bool_)


def _median_around(grid: Image) -> Image:
    reach = min(_CELLS // 2, min(grid.shape[:2]) - 1)
    if not reach:
        return grid
    # Mirrored, so that a border along the image's edge does not fill the window there.
    framed = cv2.copyMakeBorder(grid, reach, reach, reach, reach, cv2.BORDER_REFLECT_101)
    return np.asarray(cv2.medianBlur(framed, 2 * reach + 1)[reach:-reach, reach:-reach], np.uint8)


def _mean_around(image: Image, paper: Image, median: Image) -> Image:
    """Returns the mean of the paper around each cell, or the median if there is hardly any paper."""
    size, window = median.shape[1::-1], (_CELLS // 2, _CELLS // 2)
    weight = paper if image.ndim == 2 else cv2.merge((paper, paper, paper))
    sums = cv2.resize(cv2.bitwise_and(image, weight), size, interpolation=cv2.INTER_AREA)
    shares = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    total = cv2.blur(sums.astype(np.float32), window) + _MEDIAN_WEIGHT * median
    share = cv2.blur(shares.astype(np.float32), window) / np.float32(255) + _MEDIAN_WEIGHT
    return np.asarray(np.minimum(total / share + 0.5, 255), np.uint8)


def _strongest(channels: Image) -> Image:
    if channels.ndim == 2:
        return channels
    blue, green, red = cv2.split(channels)
    return np.asarray(cv2.max(cv2.max(blue, green), red), np.uint8)


def _morphed(mask: Image, operation: int, width: int, height: int) -> Image:
    # There is no ink beyond the image; by default OpenCV would neither erode nor dilate from there.
    block, border = _block(width, height), cv2.BORDER_CONSTANT
    return np.asarray(cv2.morphologyEx(mask, operation, block, borderType=border, borderValue=0), np.uint8)


def _block(width: int, height: int) -> Image:
    return np.ones((height, width), np.uint8)
