"""Crops that a device kept and people labelled, as more to train on: see `device.watch.unsure_crops`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from device.arrays import UInt8
from device.pixels import SIDE
from device.sha256 import sha256_hex
from device.vision.images import read_image
from device.watch.unsure_crops import LABELLED
from pipeline.data.splits import LabelledImages
from pipeline.synthesis.training_set import TrainingSet

# Few crops are drawn often enough to make this share of what they are drawn with, but none more often than that.
_SHARE, _MAX_REPEATS = 0.1, 20


def read_kept(folder: Path) -> LabelledImages:
    """Returns the crops in `folder/0` to `9` and `none`, whose label is `NO_DIGIT`.

    Raises ValueError for other folders, without crops, and for a file that is no crop of 28 x 28 pixels, and OSError if
    one cannot be read.
    """
    others = sorted(path.name for path in folder.iterdir() if path.name not in LABELLED)
    if others:
        raise ValueError(f"{folder}: Expected the folders {', '.join(LABELLED)} alone. Received: {others[0]}")
    paths = [(path, index) for index, name in enumerate(LABELLED) for path in sorted((folder / name).glob("*.png"))]
    if not paths:
        raise ValueError(f"{folder}: Expected PNG files in the folders {', '.join(LABELLED)}. Found none")
    return LabelledImages(
        np.array([_crop(path) for path, _ in paths]), np.array([label for _, label in paths], np.uint8)
    )


def with_kept(training_set: TrainingSet, kept: LabelledImages) -> TrainingSet:
    """Returns a training set with kept crops among the photographed digits and the negatives."""
    is_digit = kept.labels < len(LABELLED) - 1
    sha256 = sha256_hex(kept.crops.tobytes() + kept.labels.tobytes())
    return replace(
        training_set,
        photographed=_joined(training_set.photographed, kept[np.flatnonzero(is_digit)]),
        negatives=_joined(training_set.negatives, kept[np.flatnonzero(~is_digit)]),
        kept_sha256=sha256,
    )


def _joined(images: LabelledImages, kept: LabelledImages) -> LabelledImages:
    if not len(kept):
        return images
    repeats = min(_MAX_REPEATS, max(1, round(_SHARE * len(images) / len(kept))))
    crops = np.concatenate([images.crops, *[kept.crops] * repeats])
    return LabelledImages(crops, np.concatenate([images.labels, *[kept.labels] * repeats]))


def _crop(path: Path) -> UInt8:
    image = read_image(path)
    if image.shape[:2] != (SIDE, SIDE):
        raise ValueError(f"{path}: Expected a crop of {SIDE} x {SIDE} pixels. Received: {image.shape[:2]}")
    return image[..., 0]
