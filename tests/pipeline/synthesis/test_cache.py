"""Tests of `pipeline.synthesis.cache`, on a small training set."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.data.mnist import embedded_splits
from pipeline.synthesis.cache import cached_training_set
from pipeline.synthesis.fonts import held_out_fonts, training_fonts
from pipeline.synthesis.training_set import TrainingMix, TrainingSet

DIGITS = embedded_splits().test[::100]
MIX = TrainingMix(photographed=6, negatives=4, epoch_images=10)


def is_drawn(folder: Path, caplog: pytest.LogCaptureFixture, mix: TrainingMix = MIX) -> tuple[bool, TrainingSet]:
    """Returns whether the training set was drawn, and the training set."""
    caplog.set_level(logging.INFO)
    caplog.clear()
    training_set = cached_training_set(DIGITS, held_out_fonts(), mix, folder)
    return "Photographing 6 digits, drawing 4 negatives" in caplog.text, training_set


def same(one: TrainingSet, other: TrainingSet) -> bool:
    parts = ((one.photographed, other.photographed), (one.negatives, other.negatives), (one.digits, other.digits))
    return (one.mix, one.fonts_sha256) == (other.mix, other.fonts_sha256) and all(
        np.array_equal(a.crops, b.crops) and np.array_equal(a.labels, b.labels) for a, b in parts
    )


def test_a_training_set_is_drawn_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    drawn, first = is_drawn(tmp_path / "sets", caplog)
    again, second = is_drawn(tmp_path / "sets", caplog)
    assert (drawn, again) == (True, False)
    assert same(first, second)
    assert len(list((tmp_path / "sets").iterdir())) == 1


def test_another_mix_is_drawn_into_another_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    is_drawn(tmp_path, caplog)
    assert is_drawn(tmp_path, caplog, replace(MIX, seed=12))[0]
    assert len(list(tmp_path.iterdir())) == 2


def test_other_digits_and_other_fonts_are_drawn_into_other_files(tmp_path: Path, font_folder: Path) -> None:
    cached_training_set(DIGITS, held_out_fonts(), MIX, tmp_path)
    cached_training_set(DIGITS[1:], held_out_fonts(), MIX, tmp_path)
    cached_training_set(DIGITS, training_fonts(font_folder), MIX, tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "bit", "foreign"])
def test_a_broken_or_foreign_file_is_drawn_again(tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str) -> None:
    """The warning names the file, and the next training loads what was drawn."""
    _, first = is_drawn(tmp_path / "sets", caplog)
    (path,) = (tmp_path / "sets").iterdir()
    content = path.read_bytes()
    middle = len(content) // 2
    is_drawn(tmp_path / "others", caplog, replace(MIX, seed=12))
    (other,) = (tmp_path / "others").iterdir()
    path.write_bytes(
        {
            "empty": b"",
            "text": b"not a training set",
            "cut": content[:middle],
            "bit": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
            "foreign": other.read_bytes(),
        }[damage]
    )
    drawn, again = is_drawn(tmp_path / "sets", caplog)
    assert drawn
    assert f"{path}: Expected this training set." in caplog.text
    assert same(first, again)
    assert not is_drawn(tmp_path / "sets", caplog)[0]
