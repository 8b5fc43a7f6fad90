"""Tests of `device.pixels`."""

from __future__ import annotations

import numpy as np
import pytest

from device.pixels import looks_inverted, unit_range


def test_unit_range() -> None:
    """A float network gets 0 for background, 1 for ink, and one channel."""
    crops = np.zeros((2, 28, 28), np.uint8)
    crops[1, 27, 0], crops[1, 27, 1] = 51, 255
    pixels = unit_range(crops)
    assert pixels.shape == (2, 28, 28, 1)
    assert pixels.dtype == np.float32
    assert pixels[1, 27, :3, 0].tolist() == pytest.approx([0.2, 1.0, 0.0])
    assert pixels.sum() == pytest.approx(1.2)


@pytest.mark.parametrize(("border", "inside", "inverted"), [(0, 255, False), (127, 255, False), (128, 0, True)])
def test_a_crop_with_a_bright_border_looks_inverted(border: int, inside: int, inverted: bool) -> None:
    """The border decides, whatever lies inside it."""
    crop = np.full((28, 28), border, np.uint8)
    crop[1:-1, 1:-1] = inside
    assert looks_inverted(crop) is inverted


@pytest.mark.parametrize(("bright", "inverted"), [(53, False), (55, True)])
def test_most_of_the_border_decides(bright: int, inverted: bool) -> None:
    """The border has 108 pixels, each counted once; half of them are not most."""
    crop = np.zeros((28, 28), np.uint8)
    rim = [(y, x) for y in range(28) for x in range(28) if not (0 < y < 27 and 0 < x < 27)]
    for y, x in rim[:bright]:
        crop[y, x] = 255
    for turned in (crop, crop.T, crop[::-1], crop.T[::-1]):
        assert looks_inverted(turned) is inverted
