"""Tests of `pipeline.bench.robustness` and `pipeline.bench.mnist_c`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from device.arrays import Crop
from device.runner import Runner
from pipeline.bench.mnist_c import KINDS, corrupted
from pipeline.bench.robustness import Robustness, int8_reader, measure_robustness
from pipeline.data.splits import LabelledImages
from tests.conftest import MODELS, Digits


def changed(digits: Digits, kind: str, seed: int = 0) -> Crop:
    return corrupted(digits[0][::10], kind, seed)


@pytest.mark.parametrize("kind", KINDS)
def test_a_corruption_changes_crops_and_a_seed_repeats_it(digits: Digits, kind: str) -> None:
    crops = changed(digits, kind)
    assert crops.shape == (30, 28, 28)
    assert np.array_equal(crops, changed(digits, kind))
    assert np.mean(crops != digits[0][::10]) > 0.01


@pytest.mark.parametrize("kind", ["shot noise", "impulse noise", "fog", "spatter", "dotted line", "zigzag", "rotate"])
def test_another_seed_draws_another_corruption(digits: Digits, kind: str) -> None:
    assert not np.array_equal(changed(digits, kind), changed(digits, kind, seed=1))


def test_corruptions_are_as_strong_as_described() -> None:
    """Of a grey crop: half a white brighter; 17 % dead pixels; the outer quarters inverted; 0.7 as large."""
    grey = np.full((200, 28, 28), 102, np.uint8)
    assert np.unique(corrupted(grey, "brightness", 0)).tolist() == [230]
    assert np.mean(corrupted(grey, "impulse noise", 0) != 102) == pytest.approx(0.17, abs=0.005)
    assert corrupted(grey[:1], "stripe", 0)[0, 0].tolist() == [153] * 7 + [102] * 14 + [153] * 7
    square = np.zeros((1, 28, 28), np.uint8)
    square[0, 4:24, 4:24] = 255
    assert np.count_nonzero(corrupted(square, "scale", 0)[0, 14] > 127) == 14
    assert np.argwhere(corrupted(square, "translate", 0)[0] > 127).min(axis=0).tolist() in (
        [1, 1],
        [1, 7],
        [7, 1],
        [7, 7],
    )


def test_accuracy_is_measured_for_each_kind_and_reader(digits: Digits) -> None:
    """One reader is always right, one says the class 0; the mean is over the kinds without the clean crops."""
    images = LabelledImages(digits[0][:40], digits[1][:40])

    def zeros(crops: Crop) -> npt.NDArray[np.intp]:
        return np.zeros(len(crops), np.intp)

    measured = measure_robustness({"right": lambda _: images.labels.astype(np.intp), "zeros": zeros}, images)
    assert set(measured.accuracy_percent["right"].values()) == {100.0}
    assert measured.mean_percent("zeros") == pytest.approx(100 * float(np.mean(images.labels == 0)))
    assert Robustness({"a": {"clean": 0.0, "fog": 50.0, "line": 70.0}}).mean_percent("a") == 60.0
    assert measured.table().splitlines()[-1].split()[:4] == ["mean", "of", "15", "kinds"]


def test_a_runner_reads_clean_digits(digits: Digits) -> None:
    with Runner(MODELS / "rows2d") as runner:
        assert np.mean(int8_reader(runner)(digits[0]) == digits[1]) > 0.98
