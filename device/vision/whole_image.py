"""Scales a whole image to a model's input, for models that find nothing in it first."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..arrays import Image, UInt8


def as_input(image: Image, shape: Sequence[int]) -> UInt8:
    """Returns an image `<uint8>[h, w, 3]`, blue, green, red, as a model's input of the shape.

    That is grey `<uint8>[height, width]`, or red, green, blue `<uint8>[height, width, 3]`. Proportions are not kept.
    Raises ValueError for a shape of other channels.
    """
    if len(shape) == 2:
        turned = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    elif len(shape) == 3 and shape[2] == 3:
        turned = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    else:
        raise ValueError(f"Expected a model of grey or coloured images. Received: inputs of shape {[*shape]}")
    height, width = shape[:2]
    shrinks = height * width < image.shape[0] * image.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(turned, (width, height), interpolation=how), np.uint8)
