"""Tests of `pipeline.release.card`."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from device.manifest import Accuracy, CalibrationRecord, Manifest, ModelFile, Rejection, Runtime, read_manifest
from pipeline.release.card import model_card
from tests.conftest import MODELS

RELEASED = [pytest.param(path.parent, id=path.parent.name) for path in sorted(MODELS.glob("*/manifest.json"))]


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return replace(
        read_manifest(MODELS / "rows2d"),
        name="rowstream-rows2d",
        version="1.2.3",
        file=ModelFile("model.int8.tflite", 123_456, "a" * 64),
        weights_sha256="b" * 64,
        operators={"CONV_2D": 3, "FULLY_CONNECTED": 4},
        runtimes=(Runtime("ai-edge-litert", "2.3.0"), Runtime("tflite-runtime", "2.14.0")),
        accuracy=Accuracy(
            images=10_000,
            source="MNIST test images",
            float_accuracy=0.9876,
            int8_accuracy=0.9843,
            accuracy_drop_pp=0.33,
            agreement=0.9932,
        ),
        threshold=0.8125,
        rejection=Rejection(digits_kept=0.9876, negatives=10_000, negatives_accepted=0.0123),
        calibration=CalibrationRecord("MNIST training images", 512, 42, "c" * 64, "d" * 64),
        packages={"numpy": "1.26.4", "tensorflow": "2.21.0"},
    )


@pytest.mark.parametrize(
    "text",
    [
        "# rowstream-rows2d 1.2.3",
        "takes the image's rows as time, in\n7 steps of 4,",
        "One file, `model.int8.tflite`,\n123,456 bytes, runs on ai-edge-litert 2.3.0 and tflite-runtime 2.14.0.",
        "python -m device run --model models/rows2d CROPS.npy",
        "| in | `crop` | [1, 28, 28, 1] | int8 | 0.003921568859368563 | -128 |",
        "in the order of the logits: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9.",
        "| MNIST test images | 10,000 | 98.76 % | 98.43 % | 0.33 points | 99.32 % |",
        "An answer of a probability under 0.8125 is none",
        "98.76 % of the digits judged keep their answer",
        "Of 10,000 crops that show no digit, 1.23 % are answered all the same.\n",
        "Printed by `make convert VARIANT=rows2d`",
        "512 crops, MNIST training images; seed 42,",
        f"`float.weights.h5`, SHA-256 `{'b' * 64}`",
        f"**File**: SHA-256 `{'a' * 64}`",
        "**Operators**: CONV_2D 3, FULLY_CONNECTED 4.",
        "**Packages**: numpy 1.26.4, tensorflow 2.21.0.",
    ],
)
def test_card_says_what_the_manifest_says(manifest: Manifest, text: str) -> None:
    """Names, figures and hashes of the manifest stand in the card."""
    assert text in model_card(manifest)


def test_card_is_whole(manifest: Manifest) -> None:
    """The card ends with one line feed and holds nothing of the template's own signs."""
    card = model_card(manifest)
    assert card.endswith("does not.\n")
    assert not re.search(r"\{\{|\}\}|\{%|%\}", card)


def test_card_without_rejection_says_nothing_of_it(manifest: Manifest) -> None:
    card = model_card(replace(manifest, threshold=0.0, rejection=None))
    assert "Not a digit" not in card
    assert "probability under" not in card
    assert not re.search(r"\n{3}", card)


def test_card_has_its_sections_apart(manifest: Manifest) -> None:
    card = model_card(manifest)
    assert re.findall(r"\n\n## (.+)\n\n", card) == [
        "Use",
        "Accuracy",
        "Not a digit",
        "Row by row",
        "How it was made",
        "Limits",
    ]
    assert not re.search(r"\n{3}", card)


def test_card_names_a_single_runtime(manifest: Manifest) -> None:
    """A file that was run on one interpreter claims no other."""
    card = model_card(replace(manifest, runtimes=(Runtime("ai-edge-litert", "2.3.0"),)))
    assert "runs on ai-edge-litert 2.3.0.\n" in card
    assert "tflite-runtime" not in card


def test_card_takes_texts_as_they_are(manifest: Manifest) -> None:
    """Signs that mean something in HTML reach the Markdown unchanged."""
    assert "# rowstream-<a & b> 1.2.3" in model_card(replace(manifest, name="rowstream-<a & b>"))


def test_refuses_a_model_that_was_not_judged(manifest: Manifest) -> None:
    """A manifest without accuracy makes no card."""
    with pytest.raises(ValueError, match="rowstream-rows2d has not been judged"):
        model_card(replace(manifest, accuracy=None))


@pytest.mark.parametrize("folder", RELEASED)
def test_released_card_is_its_manifests(folder: Path) -> None:
    """The card beside a released model is the one that its manifest makes, with what the gate measured after it."""
    card, made = (folder / "README.md").read_text(), model_card(read_manifest(folder))
    assert card.removeprefix(made) == "" or card.removeprefix(made).startswith("\n## What the gate measured\n")
    assert set(re.findall(r"\]\((\w+\.svg)\)", card)) == {path.name for path in folder.glob("*.svg")}
