"""Tests of `pipeline.release.evaluate`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from device.manifest import Accuracy
from device.runner import Runner
from pipeline.data.mnist import embedded_splits
from pipeline.data.splits import LabelledImages
from pipeline.folders import ModelFolder
from pipeline.release.evaluate import Evaluation, evaluate, read_evaluation, table, write_evaluation
from pipeline.training.networks import load_network
from tests.conftest import MODELS

EVALUATION = Evaluation(
    variant="rows2d",
    accuracy=Accuracy(
        images=10_000,
        source="MNIST test images",
        float_accuracy=0.9963,
        int8_accuracy=0.9951,
        accuracy_drop_pp=0.12,
        agreement=0.9978,
    ),
    file_bytes=360_144,
    latency_us=104.8,
)


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner(MODELS / "rows2d") as runner:
        yield runner


@pytest.fixture(scope="module")
def judged() -> LabelledImages:
    """Fifty zeros and fifty ones, of which none is near another digit."""
    images = embedded_splits().test
    zeros, ones = np.flatnonzero(images.labels == 0)[50:100], np.flatnonzero(images.labels == 1)[50:100]
    return images[np.concatenate([zeros, ones])]


def constant_network(logits: list[float]) -> keras.Sequential:
    """A float network that gives the same logits for every crop."""
    network = keras.Sequential(
        [keras.layers.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10, kernel_initializer="zeros")]
    )
    network.layers[-1].bias.assign(logits)
    return network


def test_released_network_and_file_agree(runner: Runner, judged: LabelledImages) -> None:
    """Of a hundred digits the int8 file reads all right, as do the released weights that it was made from."""
    network = load_network("rows2d", ModelFolder(MODELS / "rows2d"))
    evaluation = evaluate("rows2d", network, runner, judged, "a hundred digits")
    assert evaluation.variant == "rows2d"
    assert evaluation.accuracy == Accuracy(100, "a hundred digits", 1.0, 1.0, 0.0, 1.0)
    assert evaluation.file_bytes == (MODELS / "rows2d" / "model.int8.tflite").stat().st_size
    assert evaluation.latency_us > 0


def test_measures_accuracy_drop_and_agreement(runner: Runner, judged: LabelledImages) -> None:
    """A float network that always says 1 is right on half the digits, 50 points under int8, and agrees on half."""
    says_one = constant_network([0, 1, 0, 0, 0, 0, 0, 0, 0, 0])
    evaluation = evaluate("rows2d", says_one, runner, judged, "a hundred digits")
    assert evaluation.accuracy == Accuracy(100, "a hundred digits", 0.5, 1.0, -50.0, 0.5)


def test_drop_is_float_less_int8(runner: Runner, judged: LabelledImages) -> None:
    """Where a quarter of the labels suits the float network alone, the drop is counted from float to int8."""
    relabelled = LabelledImages(judged.crops, np.array([3] * 75 + [1] * 25, np.uint8))
    says_three = constant_network([0, 0, 0, 1, 0, 0, 0, 0, 0, 0])
    evaluation = evaluate("rows2d", says_three, runner, relabelled, "relabelled digits")
    assert evaluation.accuracy == Accuracy(100, "relabelled digits", 0.75, 0.25, 50.0, 0.0)


def test_refuses_no_images(runner: Runner, judged: LabelledImages) -> None:
    """Without images there is nothing to judge on."""
    with pytest.raises(ValueError, match="Expected images to judge on"):
        evaluate("rows2d", constant_network([0.0] * 10), runner, judged[:0], "nothing")


@pytest.mark.parametrize("logit", [float("nan"), float("inf")])
def test_refuses_a_network_whose_answers_are_not_finite(runner: Runner, judged: LabelledImages, logit: float) -> None:
    """A float network that gives NaN or infinity is refused rather than judged."""
    with pytest.raises(ValueError, match="Expected finite logits of the float network"):
        evaluate("rows2d", constant_network([logit] + [0.0] * 9), runner, judged, "a hundred digits")


def test_written_evaluation_reads_back(tmp_path: Path) -> None:
    """An evaluation that was written to a file reads back the same."""
    write_evaluation(EVALUATION, tmp_path / "evaluation.json")
    assert read_evaluation(tmp_path / "evaluation.json") == EVALUATION


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"variant": "rows2d"}', '{"accuracy": {}}', "\xff"])
def test_refuses_a_file_that_is_no_evaluation(tmp_path: Path, content: str) -> None:
    """A file that holds no evaluation is refused by an error that names it."""
    path = tmp_path / "evaluation.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(ValueError, match=r"evaluation\.json"):
        read_evaluation(path)


def test_table_of_one() -> None:
    """A row gives percentages with two decimals, bytes and images with thousands apart, and what it was judged on."""
    headers, _, row = table([EVALUATION]).splitlines()
    assert headers.split("  ")[0] == "variant"
    assert row.split() == [
        *("rows2d", "99.63", "99.51", "0.12", "99.78", "360,144", "105", "10,000"),
        *("MNIST", "test", "images"),
    ]


def test_table_of_two() -> None:
    """Each evaluation has a row, in the order given, a drop under 0 keeps its sign, and 0 its decimals."""
    better = replace(EVALUATION, variant="conv1d", accuracy=replace(EVALUATION.accuracy, accuracy_drop_pp=-0.5))
    level = replace(EVALUATION, variant="rows", accuracy=replace(EVALUATION.accuracy, accuracy_drop_pp=0.0))
    rows = [row.split() for row in table([better, level]).splitlines()[2:]]
    assert [(row[0], row[3]) for row in rows] == [("conv1d", "-0.50"), ("rows", "0.00")]
