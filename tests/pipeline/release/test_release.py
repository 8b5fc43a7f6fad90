"""Tests of `pipeline.release.release`: what of an earlier release stays in a model's folder."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from pipeline.folders import ModelFolder
from pipeline.release.release import release
from tests.support.sabotage import VARIANT, Good

MEASURED = "\n## What the gate measured\n"


@pytest.fixture
def reported(good_copy: Path) -> ModelFolder:
    """A released model whose card tells what the gate measured."""
    folder = ModelFolder(good_copy)
    folder.card.write_text(folder.card.read_text() + MEASURED)
    for picture in folder.pictures:
        picture.write_text("<svg/>")
    return folder


def files(folder: ModelFolder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.path.iterdir()}


def test_a_release_that_changes_nothing_leaves_what_the_gate_measured(good: Good, reported: ModelFolder) -> None:
    before = files(reported)
    release(VARIANT, good.splits, reported)
    assert files(reported) == before


def test_another_file_takes_away_what_the_gate_measured(good: Good, reported: ModelFolder) -> None:
    calibration = dataclasses.replace(good.splits.calibration, crops=good.splits.calibration.crops[::2])
    release(VARIANT, dataclasses.replace(good.splits, calibration=calibration), reported)
    assert MEASURED not in reported.card.read_text()
    assert not any(picture.exists() for picture in reported.pictures)


def test_a_card_whose_picture_was_lost_is_made_without(good: Good, reported: ModelFolder) -> None:
    lost, *_ = reported.pictures
    reported.card.write_text(reported.card.read_text() + f"![Lost]({lost.name})\n")
    lost.unlink()
    release(VARIANT, good.splits, reported)
    assert lost.name not in reported.card.read_text()
    assert not any(picture.exists() for picture in reported.pictures)


def test_a_card_that_was_lost_is_written_again(good: Good, reported: ModelFolder) -> None:
    reported.card.unlink()
    release(VARIANT, good.splits, reported)
    assert reported.card.read_text().startswith("# rowstream-conv1d")
    assert MEASURED not in reported.card.read_text()
