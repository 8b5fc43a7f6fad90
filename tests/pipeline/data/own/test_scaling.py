"""Tests of `pipeline.data.own.scaling`, with a network that was trained on real digits."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.neural_network import MLPClassifier

from pipeline.data.mnist import embedded_splits
from pipeline.data.own.scaling import Scaling, check_scaling, suspect_scaling
from tests.conftest import MODELS, Digits

Predict = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]
STANDARDISED = "mean=0.1307,deviation=0.3081"


@pytest.fixture(scope="module")
def trained() -> Callable[[str], Predict]:
    """Train a small network on 2,000 digits in a scaling."""
    test = embedded_splits().test
    crops, labels = test.crops[1::2].reshape(-1, 784), test.labels[1::2]

    @cache
    def train(scaling: str) -> Predict:
        network = MLPClassifier((64, 32), max_iter=60, tol=0.01, n_iter_no_change=3, random_state=0)
        network.fit(Scaling.parsed(scaling).real(crops), labels)
        return lambda inputs: np.asarray(network.predict_proba(inputs.reshape(len(inputs), -1)), np.float32)

    return train


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("0..1", 0, 1),
        ("-1..1", -1, 1),
        ("0..255", 0, 255),
        ("1..0", 1, 0),
        (".5..1.5e1", 0.5, 15),
        ("mean=0.5,deviation=0.25", -2, 2),
        (STANDARDISED, -0.42421, 2.82149),
    ],
)
def test_a_scaling_is_read_from_its_text(text: str, low: float, high: float) -> None:
    """A range, or a mean and a deviation of grey levels in 0..1, give the real values for levels 0 and 255."""
    scaling = Scaling.parsed(text)
    assert (round(scaling.low, 5), round(scaling.high, 5)) == (low, high)
    again = Scaling.parsed(str(scaling))
    assert again.low == pytest.approx(scaling.low, rel=1e-5)


@pytest.mark.parametrize(
    "text", ["", "0", "0-1", "0..", "1..1", "nan..1", "0..inf", "mean=0,deviation=0", "0..1..2", "0..1e999"]
)
def test_other_texts_are_refused(text: str) -> None:
    """Anything else, also a range without an extent, is refused."""
    with pytest.raises(ValueError, match="Expected"):
        Scaling.parsed(text)


def test_levels_become_real_values_and_back() -> None:
    """Level 0 becomes the low value, 255 the high one, and back."""
    levels = np.array([0, 51, 255], np.uint8)
    for text, real in (("-1..1", [-1, -0.6, 1]), ("255..0", [255, 204, 0])):
        scaling = Scaling.parsed(text)
        assert scaling.real(levels) == pytest.approx(real, abs=1e-6)
        assert scaling.levels(scaling.real(levels)) == pytest.approx(levels, abs=1e-4)


@pytest.mark.parametrize(
    ("images", "declared", "mend"),
    [
        ("0..255", "0..1", "Declare --scaling 0..255, or divide the images by 255"),
        ("0..255", "-1..1", "Declare --scaling 0..255, or bring the images into -1..1"),
        ("-1..1", "0..1", "Declare --scaling -1..1, or bring the images into 0..1"),
        ("0..1", "0..255", "Declare --scaling 0..1, or bring the images into 0..255"),
        ("0..65535", "0..1", "Bring the images into 0..1"),
    ],
)
def test_images_outside_the_declared_range_are_refused(digits: Digits, images: str, declared: str, mend: str) -> None:
    """Float images in another range than the declared one are refused with what would mend it."""
    received = Scaling.parsed(images)
    inputs = received.real(digits[0])
    with pytest.raises(ValueError, match="Expected images over") as refused:
        check_scaling(inputs, Scaling.parsed(declared))
    assert str(refused.value).endswith(f"Received: {received.low:g} to {received.high:g}. {mend}")


@pytest.mark.parametrize("declared", ["0..1", "-1..1", "0..255", "1..0", STANDARDISED])
def test_images_in_the_declared_range_are_taken(digits: Digits, declared: str) -> None:
    """Images in the range, those up to 5 % beyond it, and grey levels fit."""
    scaling = Scaling.parsed(declared)
    check_scaling(scaling.real(digits[0]), scaling)
    check_scaling(scaling.real(digits[0]) + np.float32(0.04 * abs(scaling.high - scaling.low)), scaling)
    check_scaling(digits[0], scaling)


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("trained_in", "declared", "mend"),
    [
        ("0..1", "-1..1", "Declare --scaling 0..1"),
        ("1..0", "0..1", "Let the network begin with Rescaling(-1, offset=1), and declare --scaling 0..1"),
        ("0..1", "1..0", "Declare --scaling 0..1"),
        ("-1..1", "0..1", "Declare --scaling -1..1"),
    ],
)
def test_a_wrong_scaling_is_suspected(
    digits: Digits, trained: Callable[[str], Predict], trained_in: str, declared: str, mend: str
) -> None:
    """A network that reads digits far better in another scaling, or inverted, gets a sentence with what mends it."""
    message = suspect_scaling(trained(trained_in), digits[0], digits[1].astype(np.int64), Scaling.parsed(declared))
    assert message is not None
    found = re.fullmatch(
        r"Of 300 images, the network gets ([\d.]+)% right with the scaling (\S+) and ([\d.]+)% with (\S+)"
        r"( \(inverted \S+\))?\. (.+)",
        message,
    )
    assert found is not None, message
    assert (found[2], found[4], found[6]) == (declared, trained_in, mend)
    assert float(found[3]) >= float(found[1]) + 10
    assert (found[5] is not None) == ("1..0" in (trained_in, declared))


@pytest.mark.thorough
def test_the_mend_of_an_inverted_scaling_works(digits: Digits, trained: Callable[[str], Predict]) -> None:
    """Behind what the mend says to begin with, a network trained on inverted grey levels reads rising ones."""
    inverted = trained("1..0")
    assert Scaling(255, 0).mend.endswith("begin with Rescaling(-1, offset=255), and declare --scaling 0..255")
    mended: Predict = lambda inputs: inverted(1 - inputs)  # noqa: E731  # short
    assert suspect_scaling(mended, digits[0], digits[1].astype(np.int64), Scaling(0, 1)) is None


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("trained_in", "declared"),
    [("0..1", "0..1"), ("-1..1", "-1..1"), (STANDARDISED, STANDARDISED), ("1..0", "1..0"), ("0..1", "0..255")],
)
def test_a_scaling_that_serves_is_not_suspected(
    digits: Digits, trained: Callable[[str], Predict], trained_in: str, declared: str
) -> None:
    """Nothing is said of the right scaling, nor of a factor that such a network does not notice."""
    labels = digits[1].astype(np.int64)
    assert suspect_scaling(trained(trained_in), digits[0], labels, Scaling.parsed(declared)) is None


def test_a_network_that_reads_nothing_is_not_suspected(digits: Digits) -> None:
    """A network that answers 0 to everything is as bad in each scaling."""
    zero: Predict = lambda inputs: np.tile(np.eye(1, 10, dtype=np.float32), (len(inputs), 1))  # noqa: E731  # short
    assert suspect_scaling(zero, digits[0], digits[1].astype(np.int64), Scaling.parsed("0..1")) is None


def test_float_images_are_to_be_brought_to_another_scaling(digits: Digits, trained: Callable[[str], Predict]) -> None:
    """Images that are floats already are not scaled by the option, so the sentence says to convert them."""
    images = Scaling(-1, 1).real(digits[0])
    message = suspect_scaling(trained("0..1"), images, digits[1].astype(np.int64), Scaling(-1, 1))
    assert message is not None
    assert message.endswith("Bring the images from -1..1 to 0..1")


@pytest.mark.thorough
@pytest.mark.parametrize("declared", ["0..255", "1..0"])
def test_a_wrong_scaling_of_a_released_network_is_suspected(digits: Digits, declared: str) -> None:
    """The released conv1d, which saw no inverted ink, is found to be given grey levels or inverted ink."""
    from pipeline.training.networks import build  # noqa: PLC0415  # takes seconds, which only this test should wait for
    from pipeline.variants import VARIANTS  # noqa: PLC0415  # the same

    network = build(VARIANTS["conv1d"])
    network.load_weights(MODELS / "conv1d" / "float.weights.h5")
    images, labels = digits[0][..., np.newaxis], digits[1].astype(np.int64)
    predict: Predict = lambda inputs: np.asarray(network(inputs), np.float32)  # noqa: E731  # short
    message = suspect_scaling(predict, images, labels, Scaling.parsed(declared))
    assert message is not None
    assert message.endswith("Declare --scaling 0..1")
    assert suspect_scaling(predict, images, labels, Scaling(0, 1)) is None
