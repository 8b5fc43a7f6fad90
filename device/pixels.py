"""The pixel contract: what a crop is, shared by training, gate and device.

A crop is `<uint8>[28, 28]`, ink 255 on background 0, the longer side of the ink scaled to 20 pixels, its centre of
mass at the middle: the normalisation of MNIST (LeCun, Bottou, Bengio, Haffner, Gradient-based learning, 1998,
section III.A). `device.vision.normalise` makes crops from photographs.
"""

from __future__ import annotations

import numpy as np

from .arrays import Crop, Float32

SIDE = 28
INK = 255
# What the manifest calls the normalisation of such crops.
DIGITS = "digits"

# What to say of a crop that `looks_inverted`.
INVERTED = (
    f"looks inverted: most of its border is bright. Expected light ink ({INK}) on a dark background (0). Invert it"
)


def looks_inverted(crop: Crop) -> bool:
    """Returns whether most of the border of a crop `<uint8>[28, 28]` is bright, as with dark ink on white paper."""
    border = np.concatenate([crop[0], crop[-1], crop[1:-1, 0], crop[1:-1, -1]])
    return bool(np.median(border) > INK // 2)


def unit_range(crops: Crop) -> Float32:
    """Returns crops `<uint8>[n, 28, 28]` as a float network takes them: `<float32>[n, 28, 28, 1]` in 0..1."""
    return np.asarray(crops[..., np.newaxis] / np.float32(INK), np.float32)
