"""Groups connected pieces of ink: the parts of a broken or unjoined digit, the segments and dots of a display.

A piece joins a larger one that it lies near. Then groups that almost touch, and whose strokes are as thick, are joined
if together they have a digit's proportions.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..arrays import Bools, Int32
from .scale import Scale

# Minimum size of a piece, as a fraction of the image's height; smaller ones are noise.
_MIN_PIECE = 0.01
# The largest pieces of an image that are looked at. Each is compared with each larger one.
_MAX_PIECES = 500
# Maximum width over height of the pieces of a digit together.
_MAX_ASPECT = 1.4
_MAX_THICKNESS_RATIO = 2.5
# A part of a digit is at most this high, as a share of the digit. Two pieces that are higher may be two digits, which
# stand further apart than the halves of a broken stroke.
_PART_HEIGHT, _HALVES_GAP_TO_THICKNESS = 0.6, 0.4
# Maximum width over height of what is joined, and maximum height over that of a piece: two bars, or a column of dots.
_JOINED_ASPECT, _JOINED_GROWTH, _DOTS_GROWTH = 1.3, 3.3, 9.0
_DOT_ASPECT, _DOT_FILL = 1.4, 0.6


def owners_of(stats: Int32, is_ink: Bools, shape: tuple[int, ...], scale: Scale) -> Int32:
    """Returns for each piece the largest piece of its group, or 0 for what is no ink, `<int32>[n]`.

    Takes OpenCV's statistics of the pieces `<int32>[n, 5]`, of which the first is the background, and which are ink.
    """
    x, y, w, h, area = stats.T
    height, width = shape
    margin = 1 + scale.margin * min(shape)
    edges = 1 * (x < margin) + (y < margin) + (x + w > width - margin) + (y + h > height - margin)
    owners = np.zeros(len(stats), np.int32)
    order = np.flatnonzero(is_ink & (np.maximum(w, h) >= max(3, _MIN_PIECE * height)))
    order = order[np.argsort(-area[order], kind="stable")][:_MAX_PIECES]
    for index, piece in enumerate(order):
        larger = order[:index][edges[order[:index]] == edges[piece]]
        owners[piece] = piece
        if edges[piece] > 1:
            continue
        of_one = _fit(stats[piece], stats[larger], scale) if edges[piece] == 0 else _holds(stats[piece], stats[larger])
        if of_one.any():
            owners[piece] = owners[larger[of_one][0]]
    return _joined(owners, stats, edges, scale)


def _holds(piece: Int32, larger: Int32) -> Bools:
    """Returns which larger pieces hold a piece in their box, such as the other side of a loop cut by the edge."""
    start, size = larger[:, :2], larger[:, 2:4]
    return np.asarray(((piece[:2] >= start) & (piece[:2] + piece[2:4] <= start + size)).all(axis=1), np.bool_)


def _fit(piece: Int32, larger: Int32, scale: Scale) -> Bools:
    """Returns with which larger pieces a piece makes one digit: near them, and much lower, or above or below them."""
    start, size = larger[:, :2], larger[:, 2:4]
    overlap = np.minimum(piece[:2] + piece[2:4], start + size) - np.maximum(piece[:2], start)
    union = np.maximum(piece[:2] + piece[2:4], start + size) - np.minimum(piece[:2], start)
    high, low = np.maximum(piece[3], size[:, 1]), np.minimum(piece[3], size[:, 1])
    is_near = (overlap >= -scale.gap * high[:, np.newaxis]).all(axis=1)
    is_part = (low <= 0.6 * high) | (overlap[:, 0] >= 0.5 * np.minimum(piece[2], size[:, 0]))
    is_speck = (piece[4] < 0.04 * larger[:, 4]) | (piece[2:4].max() < 0.15 * high)
    is_digit = (union[:, 1] <= scale.growth * high) & (union[:, 0] <= _MAX_ASPECT * union[:, 1])
    return np.asarray(is_near & is_part & ~is_speck & is_digit, np.bool_)


def _joined(owners: Int32, stats: Int32, edges: Int32, scale: Scale) -> Int32:
    """Returns the owners after groups with pieces that almost touch were joined, the nearest first."""
    pieces = np.flatnonzero((owners > 0) & (edges == 0))
    for one, other, is_nearer in _almost_touching(stats[pieces], scale):
        first, second = owners[pieces[[one, other]]]
        if first != second and _makes_digit(
            stats[pieces[[one, other]]], stats[np.isin(owners, (first, second))], is_nearer
        ):
            owners[owners == max(first, second)] = min(first, second)
    return owners


def _almost_touching(pieces: Int32, scale: Scale) -> Iterator[tuple[int, int, bool]]:
    """Yields the pairs of pieces with a small gap, and whether it is as small as in a broken stroke."""
    start, size = pieces[:, :2], pieces[:, 2:4]
    ends = start + size
    gaps = np.zeros((len(pieces), len(pieces)))
    for axis in (0, 1):
        apart = np.maximum.outer(start[:, axis], start[:, axis]) - np.minimum.outer(ends[:, axis], ends[:, axis])
        gaps = np.maximum(gaps, apart)
    thickness = pieces[:, 4] / size.sum(axis=1)
    thin, thick = np.minimum.outer(thickness, thickness), np.maximum.outer(thickness, thickness)
    near = gaps <= np.maximum(scale.gap_to_thickness * thin, scale.gap / 2 * np.maximum.outer(size[:, 1], size[:, 1]))
    one, other = np.nonzero(np.triu(near & (thick <= _MAX_THICKNESS_RATIO * thin), 1))
    for index in np.argsort(gaps[one, other], kind="stable"):
        pair = int(one[index]), int(other[index])
        yield *pair, bool(gaps[pair] <= _HALVES_GAP_TO_THICKNESS * thin[pair])


def _makes_digit(pair: Int32, pieces: Int32, is_nearer: bool) -> bool:
    """Returns whether the pieces of two groups, of which a pair almost touches, together have a digit's proportions."""
    width, height = (pieces[:, :2] + pieces[:, 2:4]).max(axis=0) - pieces[:, :2].min(axis=0)
    sides = np.sort(pair[:, 2:4], axis=1)
    are_dots = (sides[:, 1] <= _DOT_ASPECT * sides[:, 0]) & (pair[:, 4] >= _DOT_FILL * sides.prod(axis=1))
    growth = _DOTS_GROWTH if are_dots.all() else _JOINED_GROWTH
    are_parts = pair[:, 3].min() <= _PART_HEIGHT * height
    return bool(width <= _JOINED_ASPECT * height and height <= growth * pair[:, 3].max() and (are_parts or is_nearer))
