"""Tests of `pipeline.training.kept`: labelled crops of devices, as more to train on."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from device.watch.unsure_crops import UnsureCrops
from pipeline.data.splits import LabelledImages
from pipeline.synthesis.training_set import NO_DIGIT, TrainingMix, TrainingSet
from pipeline.training.kept import read_kept, with_kept


def written(folder: Path, label: str, name: str, grey: int, side: int = 28) -> None:
    """Writes a crop of one grey level."""
    UnsureCrops(folder)
    assert cv2.imwrite(str(folder / "sorted" / label / name), np.full((side, side), grey, np.uint8))


def images(count: int, label: int) -> LabelledImages:
    return LabelledImages(np.zeros((count, 28, 28), np.uint8), np.full(count, label, np.uint8))


def test_crops_are_labelled_by_their_folders(tmp_path: Path) -> None:
    """What is in `3` is a three, and what is in `none` is no digit."""
    written(tmp_path, "3", "a.png", 10)
    written(tmp_path, "none", "b.png", 20)
    written(tmp_path, "3", "c.png", 30)
    kept = read_kept(tmp_path / "sorted")
    assert kept.labels.tolist() == [3, 3, NO_DIGIT]
    assert kept.crops[:, 0, 0].tolist() == [10, 30, 20]
    assert kept.crops.shape == (3, 28, 28)


def test_few_crops_are_drawn_more_often_but_at_most_twenty_times(tmp_path: Path) -> None:
    """They make a tenth of what they are drawn with; a single one of many counts twenty times."""
    written(tmp_path, "3", "a.png", 10)
    written(tmp_path, "none", "b.png", 20)
    training_set = TrainingSet(TrainingMix(), "", images(5, 1), images(100, 2), images(4_000, NO_DIGIT))
    grown = with_kept(training_set, read_kept(tmp_path / "sorted"))
    assert (len(grown.digits), len(grown.photographed), len(grown.negatives)) == (5, 110, 4_020)
    assert grown.photographed.labels.tolist() == [2] * 100 + [3] * 10
    assert grown.negatives.crops[-1, 0, 0] == 20
    assert len(grown.kept_sha256) == 64


@pytest.mark.parametrize(
    ("label", "name", "side", "reason"),
    [
        ("other", "a.png", 28, r"Expected the folders 0, 1, .*, none alone. Received: other"),
        ("3", "a.png", 20, r"a\.png: Expected a crop of 28 x 28 pixels. Received: \(20, 20\)"),
        ("3", "a.jpg", 28, r"Expected PNG files in the folders .*\. Found none"),
    ],
)
def test_what_is_no_labelled_crop_is_refused(tmp_path: Path, label: str, name: str, side: int, reason: str) -> None:
    """Another folder, another size, or no crop at all is a ValueError."""
    (tmp_path / "sorted" / label).mkdir(parents=True)
    written(tmp_path, label, name, 10, side)
    with pytest.raises(ValueError, match=reason):
        read_kept(tmp_path / "sorted")
