"""Tests of `pipeline.report.card`."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from device.contract.manifest import Accuracy, CalibrationRecord, Manifest, ModelFile, Rejection, read_manifest
from pipeline.data.mnist import EMBEDDED
from pipeline.report.card import model_card
from tests.conftest import MODELS
from tests.support.manifests import with_output

ACCURACY = Accuracy(10_000, "MNIST test images", 0.9876, 0.9843, 0.33, 0.9932)
RELEASED = [pytest.param(path.parent, id=path.parent.name) for path in sorted(MODELS.glob("*/manifest.json"))]


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return replace(
        with_output(read_manifest(MODELS / "rows2d"), threshold=0.8125),
        name="rowstream-rows2d",
        version="1.2.3",
        file=ModelFile("model.int8.tflite", 123_456, "a" * 64),
        weights_sha256="b" * 64,
        operators={"CONV_2D": 3, "FULLY_CONNECTED": 4},
        accuracy=ACCURACY,
        rejection=Rejection(digits_kept=0.9876, negatives=10_000, negatives_accepted=0.0123),
        calibration=CalibrationRecord("MNIST training images", 512, 42, "c" * 64, "d" * 64),
        packages={"numpy": "1.26.4", "tensorflow": "2.21.0"},
    )


@pytest.mark.parametrize(
    "text",
    [
        "# rowstream-rows2d 1.2.3",
        "A CNN-LSTM that takes the rows of the image as\ntime, in 7 steps of 4,",
        "One file, `model.int8.tflite`, 123,456 bytes.",
        "python -m device classify CROPS.npy --model models/rows2d",
        "| in | `crop` | [1, 28, 28, 1] | int8 | 0.003921568859368563 | -128 |",
        "in the order of the logits: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9.",
        "| MNIST test images | 10,000 | 98.76 % | 98.43 % | 0.33 points | 99.32 % |",
        'An answer with a probability below 0.8125 is "not a digit"',
        "98.76 % of the test digits are answered.",
        "Of 10,000 crops without a digit, 1.23 % are\nanswered wrongly with a digit.",
        "512 crops: MNIST training images; seed 42,",
        f"`float.weights.h5`, SHA-256 `{'b' * 64}`",
        f"**File**: SHA-256 `{'a' * 64}`",
        "**Operators**: CONV_2D 3, FULLY_CONNECTED 4.",
        "**Packages**: numpy 1.26.4, tensorflow 2.21.0.",
    ],
)
def test_card_says_what_the_manifest_says(manifest: Manifest, text: str) -> None:
    """The card has the manifest's names, figures and hashes."""
    assert text in model_card(manifest)


def test_card_is_complete(manifest: Manifest) -> None:
    """The card ends with one line feed and has no template syntax."""
    card = model_card(manifest)
    assert card.endswith("does not have it.\n")
    assert not re.search(r"\{\{|\}\}|\{%|%\}", card)


def test_card_without_rejection_does_not_mention_it(manifest: Manifest) -> None:
    card = model_card(replace(with_output(manifest, threshold=0.0), rejection=None))
    assert "Not a digit" not in card
    assert "probability below" not in card
    assert not re.search(r"\n{3}", card)


def test_card_sections_are_separated_by_blank_lines(manifest: Manifest) -> None:
    card = model_card(manifest)
    assert re.findall(r"\n\n## (.+)\n\n", card) == [
        "Use",
        "Accuracy",
        "Not a digit",
        "Line by line",
        "How it was made",
        "Limits",
    ]
    assert not re.search(r"\n{3}", card)


@pytest.mark.parametrize(
    ("steps", "line"),
    [
        (7, "After the last one its logits are\nbit-identical to those of `classify`."),
        (64, "After the last one its logits are\nbit-identical to those of `classify`."),
        (65, "The file has no\n`classify`: a whole crop is read by `step` in a loop."),
    ],
)
def test_card_of_many_steps_says_that_the_file_has_step_alone(manifest: Manifest, steps: int, line: str) -> None:
    """A network of more than 64 steps is not unrolled."""
    input_ = replace(manifest.input, shape=(1, 4 * steps, 28, 1))
    assert line in model_card(replace(manifest, input=input_, steps=steps))


def test_card_does_not_escape_texts(manifest: Manifest) -> None:
    """HTML's special characters are not escaped in Markdown."""
    accuracy = replace(ACCURACY, source="crops of <a & b>")
    assert "crops of <a & b>" in model_card(replace(manifest, accuracy=accuracy))


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("MNIST test images", "These images were used for nothing else: not for training, calibration or any choice."),
        (
            f"the other 4,488 of {EMBEDDED}",
            "These are MNIST validation images. They trained and calibrated nothing,",
        ),
        ("test crops of crops.npz", "Whether the network was trained on them, its maker must say."),
    ],
)
def test_card_says_what_the_test_images_were_used_for(manifest: Manifest, source: str, sentence: str) -> None:
    """Only MNIST's test images are called independent; the embedded images chose the epoch of training."""
    card = model_card(replace(manifest, accuracy=replace(ACCURACY, source=source)))
    assert sentence in card
    assert ("used for nothing else" in card) == (source == "MNIST test images")


@pytest.mark.parametrize("folder", RELEASED)
def test_released_card_matches_its_manifest(folder: Path) -> None:
    """A released card is what its manifest gives, followed by what the gate measured."""
    card, made = (folder / "README.md").read_text(), model_card(read_manifest(folder))
    assert card.removeprefix(made) == "" or card.removeprefix(made).startswith("\n## Gate results\n")
    assert set(re.findall(r"\]\((\w+\.svg)\)", card)) == {path.name for path in folder.glob("*.svg")}
