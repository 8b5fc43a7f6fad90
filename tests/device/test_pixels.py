"""Tests of `device.pixels`."""

from __future__ import annotations

import numpy as np
import pytest

from device.pixels import checked_crop, checked_line, looks_inverted, unit_range


def test_a_crop_passes() -> None:
    """A crop that keeps the contract comes back itself, not a copy."""
    crop = np.zeros((28, 28), np.uint8)
    assert checked_crop(crop) is crop


def test_a_line_passes() -> None:
    """A line that keeps the contract comes back itself, a column of a crop included."""
    column = np.zeros((28, 28), np.uint8)[:, 3]
    assert checked_line(column) is column


@pytest.mark.parametrize(
    ("crop", "message"),
    [
        (np.zeros((28, 27), np.uint8), "Expected crop <uint8>[28, 28]. Received: shape=(28, 27), dtype=uint8."),
        (np.zeros((1, 28, 28), np.uint8), "Expected crop <uint8>[28, 28]. Received: shape=(1, 28, 28), dtype=uint8."),
        (np.zeros((28, 28), np.float32), "Expected crop <uint8>[28, 28]. Received: shape=(28, 28), dtype=float32."),
        (np.zeros((28, 28), bool), "Expected crop <uint8>[28, 28]. Received: shape=(28, 28), dtype=bool."),
        (np.zeros((28, 28), np.int8), "Expected crop <uint8>[28, 28]. Received: shape=(28, 28), dtype=int8."),
        (np.zeros(784, bool), "Expected crop <uint8>[28, 28]. Received: shape=(784,), dtype=bool."),
        ([[0] * 28] * 28, "Expected crop <uint8>[28, 28]. Received: list"),
        (None, "Expected crop <uint8>[28, 28]. Received: NoneType"),
    ],
)
def test_refuses_other_crops(crop: object, message: str) -> None:
    """Another shape, dtype or type is refused with what was expected and what came."""
    with pytest.raises(ValueError, match=r"^Expected crop") as error:
        checked_crop(crop)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (np.zeros(27, np.float32), "Expected line <uint8>[28]. Received: shape=(27,), dtype=float32."),
        (np.zeros(28, bool), "Expected line <uint8>[28]. Received: shape=(28,), dtype=bool."),
        (np.zeros(29, np.uint8), "Expected line <uint8>[28]. Received: shape=(29,), dtype=uint8."),
        (np.zeros((28, 1), np.uint8), "Expected line <uint8>[28]. Received: shape=(28, 1), dtype=uint8."),
        (bytes(28), "Expected line <uint8>[28]. Received: bytes"),
    ],
)
def test_refuses_other_lines(line: object, message: str) -> None:
    """Another shape, dtype or type is refused with what was expected and what came."""
    with pytest.raises(ValueError, match=r"^Expected line") as error:
        checked_line(line)
    assert str(error.value) == message


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
