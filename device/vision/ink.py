"""Ink: how far each pixel of a photograph stands out from the paper around it, less the lines the paper is ruled with.

Not yet digits: `device.vision.finder` decides which ink belongs together and what could be a digit.

Sources: the background is the mean of what a first estimate holds for paper, as in Gatos, Pratikakis, Perantonis,
Adaptive degraded document image binarization, 2006; a ruled line is a long run that is thin across, so that strokes
that cross it stay, as staff lines go in Carter, Bacon, Automatic recognition of printed music, 1992.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..arrays import Bools, Image, Int32

# The share of the strongest ink nearby that a ruled line has: looked for from the strong to the pale.
_RULE_OF_PEAK = (0.4, 0.15, 0.0)

# The least length of a ruled line over its thickness.
_SLENDER = 25

# The window of the background's median counts so many cells across.
_CELLS = 10
# How little paper in a window is outweighed by the median, and how far noise may stray: in medians of the distance.
_MIN_PAPER = 0.02
_STRAY = 3


@dataclass(frozen=True)
class Rules:
    """Which level and upright lines are taken for ruled ones.

    Attributes:
        thickness_px: their greatest thickness.
        min_px: their least length.
        to_edge: only lines that run into the picture's edge, beside it or from one edge to the other.
    """

    thickness_px: int
    min_px: int
    to_edge: bool


def background_of(image: Image, window_px: int, min_contrast: float) -> Image:
    """Returns what an image `<uint8>[h, w, ...]` would be without ink.

    Args:
        image: strokes on paper, either of which may be the brighter.
        window_px: how far around a pixel its paper is looked for; several strokes wide.
        min_contrast: what differs by less is no ink, in grey levels.
    """
    height, width = image.shape[:2]
    cell_px = max(1, window_px // _CELLS)
    size = (-(-width // cell_px), -(-height // cell_px))
    median = _median_around(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    distance = _strongest(cv2.absdiff(image, cv2.resize(median, (width, height), interpolation=cv2.INTER_LINEAR)))
    paper = cv2.compare(distance, max(min_contrast, _STRAY * typical(distance)), cv2.CMP_LE)
    grid = _mean_around(image, paper, median)
    background: Image = cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR)
    return background


def contrast(over: Image, under: Image) -> Image:
    """Returns by how much `over` exceeds `under`, `<uint8>[h, w]`, in whichever channel it does so most."""
    return _strongest(cv2.subtract(over, under))


def typical(values: Image) -> float:
    """Returns the median of `<uint8>[h, w]`, taken from a few thousand of the pixels."""
    height, width = values.shape
    return float(np.median(values[:: max(1, height // 64), :: max(1, width // 64)]))


def standing_out(ink: Image, least: float, window_px: int, of_peak: float) -> Image:
    """Returns the mask `<uint8>[h, w]` (0 or 1) of ink above `least` and near the strongest within a window."""
    thresholds = cv2.convertScaleAbs(cv2.dilate(ink, _block(window_px | 1, window_px | 1)), alpha=of_peak)
    mask: Image = cv2.compare(ink, cv2.max(thresholds, least), cv2.CMP_GT) & 1
    return mask


def without_rules(ink: Image, least: float, window_px: int, rules: Rules) -> Image:
    """Returns the ink `<uint8>[h, w]` without ruled lines: first those as strong as strokes, then the paler ones."""
    # What is found already counts, so that a line goes on where it is paler, up to a stroke that crosses it.
    lines = np.zeros_like(ink)
    for of_peak in _RULE_OF_PEAK:
        lines |= ruled(standing_out(ink, least, window_px, of_peak) | lines, rules)
        ink = cv2.multiply(ink, 1 - lines)
    return ink


def ruled(mask: Image, rules: Rules) -> Image:
    """Returns where the ruled lines of a mask `<uint8>[h, w]` (0 or 1) lie, likewise; strokes that cross them stay."""
    level, level_band = _level(mask, rules)
    upright, upright_band = (part.T for part in _level(np.ascontiguousarray(mask.T), rules))
    lines: Image = level | upright | (level_band & upright_band)
    return lines


def _level(mask: Image, rules: Rules) -> tuple[Image, Image]:
    """Level lines: what is thin of them, and all that they cover."""
    thickness_px = rules.thickness_px
    thin = mask & ~_morphed(mask, cv2.MORPH_OPEN, 1, thickness_px + 1)
    # A line that is not quite level still covers a piece of each row, and the strokes across it leave gaps.
    straight = _morphed(thin, cv2.MORPH_OPEN, max(2, min(rules.min_px // 5, thickness_px + 2)), 1)
    if not cv2.countNonZero(straight):
        return straight, straight
    gap_px = rules.min_px if rules.to_edge else max(2 * thickness_px, rules.min_px // 8)
    joined = straight | _morphed(straight, cv2.MORPH_CLOSE, gap_px | 1, 1)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    lines = _are_lines(stats, mask.shape, rules)
    if not lines.any():
        return np.zeros_like(mask), np.zeros_like(mask)
    band = lines.astype(np.uint8)[labels]
    # In a frame other lines end and cross here; in a picture of one digit what runs along its frame is the digit's.
    for label in np.flatnonzero(lines) if rules.to_edge else ():
        x, y, width, height, _ = stats[label]
        window = slice(y, y + height), slice(x, x + width)
        band[window][_beside_line(thin[window].view(np.bool_) & (labels[window] == label))] = 0
    return thin & band, band


def _beside_line(ink: Bools) -> Bools:
    """What of a level line's ink lies off it, where it is thicker than mostly: a stroke that runs along it."""
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
    straight = h <= w // 8 + rules.thickness_px
    if rules.to_edge:
        beside = np.minimum(y + h // 2, height - y - h // 2) <= height // 5
        lines = straight & (w >= rules.min_px) & ((left & right) | ((left | right) & beside))
    else:
        slender = w * w >= _SLENDER * area
        lines = straight & (slender & (w >= rules.min_px) | (left | right) & (w >= rules.min_px // 4))
    lines[0] = False  # the background
    return np.asarray(lines, np.bool_)


def _median_around(grid: Image) -> Image:
    reach = min(_CELLS // 2, min(grid.shape[:2]) - 1)
    if not reach:
        return grid
    # Mirrored, so that a border along the picture's edge does not fill the window there.
    framed = cv2.copyMakeBorder(grid, reach, reach, reach, reach, cv2.BORDER_REFLECT_101)
    median: Image = cv2.medianBlur(framed, 2 * reach + 1)[reach:-reach, reach:-reach]
    return median


def _mean_around(image: Image, paper: Image, median: Image) -> Image:
    """The mean of the paper around each cell; the median where there is hardly any."""
    size, window = median.shape[1::-1], (_CELLS // 2, _CELLS // 2)
    weight = paper if image.ndim == 2 else cv2.merge((paper, paper, paper))
    sums = cv2.resize(cv2.bitwise_and(image, weight), size, interpolation=cv2.INTER_AREA)
    shares = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    total = cv2.blur(sums.astype(np.float32), window) + _MIN_PAPER * median
    share = cv2.blur(shares.astype(np.float32), window) / np.float32(255) + _MIN_PAPER
    return np.asarray(np.minimum(total / share + 0.5, 255), np.uint8)


def _strongest(channels: Image) -> Image:
    if channels.ndim == 2:
        return channels
    blue, green, red = cv2.split(channels)
    strongest: Image = cv2.max(cv2.max(blue, green), red)
    return strongest


def _morphed(mask: Image, operation: int, width: int, height: int) -> Image:
    # Beyond the picture there is no ink, which OpenCV would take for granted in either direction.
    block = _block(width, height)
    morphed: Image = cv2.morphologyEx(mask, operation, block, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return morphed


def _block(width: int, height: int) -> Image:
    return np.ones((height, width), np.uint8)
