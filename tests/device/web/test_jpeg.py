"""Tests of `device.web.jpeg`."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from device.web.jpeg import jpeg_of


@pytest.mark.parametrize(
    ("size", "shown"),
    [((60, 80), (60, 80)), ((100, 50), (100, 50)), ((200, 100), (100, 50)), ((1, 400), (1, 100)), ((150, 3), (100, 2))],
)
def test_no_side_is_longer_than_asked(size: tuple[int, int], shown: tuple[int, int]) -> None:
    """A larger picture is shrunk in proportion, and each side keeps a pixel; a smaller one stays."""
    content = jpeg_of(np.full((*size, 3), 90, np.uint8), 100, 80)
    read = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert content[:2] == b"\xff\xd8"
    assert read.shape == (*shown, 3)
    assert np.abs(read.astype(int) - 90).max() <= 2


def test_a_better_quality_takes_more_bytes() -> None:
    """Of noise, 95 takes more than twice what 20 takes."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    assert len(jpeg_of(noise, 64, 95)) > 2 * len(jpeg_of(noise, 64, 20))
