"""The pixel contract: what a crop is, shared by training, gate and device.

A crop is `<uint8>[28, 28]`, ink 255 on background 0, the longer side of the ink scaled to 20 pixels, its centre of
mass at the middle: the normalisation of MNIST (LeCun, Bottou, Bengio, Haffner, Gradient-based learning, 1998,
section III.A). Not image processing: how a photograph becomes a crop is not decided here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SIDE = 28
INK = 255

Crop = npt.NDArray[np.uint8]


def checked_crop(crop: object) -> Crop:
    """Returns the crop if it is `<uint8>[28, 28]`.

    Raises:
        ValueError: another shape or dtype, with what was expected and what came.
    """
    return _checked(crop, "crop", (SIDE, SIDE))


def checked_row(row: object) -> Crop:
    """Returns the row if it is `<uint8>[28]`; raises ValueError as `checked_crop` does."""
    return _checked(row, "row", (SIDE,))


def _checked(pixels: object, name: str, shape: tuple[int, ...]) -> Crop:
    if not isinstance(pixels, np.ndarray):
        raise ValueError(f"Expected {name} <uint8>{list(shape)}. Received: {type(pixels).__name__}")
    if pixels.shape != shape or pixels.dtype != np.uint8:
        raise ValueError(f"Expected {name} <uint8>{list(shape)}. Received: shape={pixels.shape}, dtype={pixels.dtype}.")
    return pixels


def unit_range(crops: Crop) -> npt.NDArray[np.float32]:
    """Returns crops `<uint8>[n, 28, 28]` as a float network takes them: `<float32>[n, 28, 28, 1]` in 0..1."""
    return np.asarray(crops[..., np.newaxis] / np.float32(INK), np.float32)
