"""Tests of `pipeline.synthesis.fonts`, on matplotlib's own fonts and on copies of them under another name."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.ft2font import FT2Font

from pipeline.synthesis.fonts import DIGITS, LETTERS, Fonts, held_out_fonts, training_fonts

SHIPPED = Path(mpl.get_data_path(), "fonts", "ttf")
NONE_FOUND = re.escape("Expected at least one font that draws digits. Found none")


def families(fonts: Fonts) -> list[str]:
    return [FT2Font(str(family[0])).family_name for family in fonts.families]


def one(name: str) -> Fonts:
    return Fonts(((SHIPPED / name,),))


def test_the_held_out_fonts_are_those_of_matplotlib_that_draw_digits() -> None:
    assert families(held_out_fonts()) == [
        "DejaVu Sans",
        "DejaVu Sans Mono",
        "DejaVu Serif",
        "STIXGeneral",
        "cmb10",
        "cmmi10",
        "cmr10",
        "cmss10",
        "cmti10",
        "cmtt10",
    ]
    assert [path.name for path in held_out_fonts().families[3]] == [
        "STIXGeneral.ttf",
        "STIXGeneralBol.ttf",
        "STIXGeneralBolIta.ttf",
        "STIXGeneralItalic.ttf",
    ]


def test_training_fonts_are_the_folders_by_family(font_folder: Path) -> None:
    fonts = training_fonts(font_folder)
    assert families(fonts) == ["Others Sans", "Others Serif"]
    assert [[path.name for path in family] for family in fonts.families] == [
        ["OthersSans-Bold.ttf", "OthersSans.ttf"],
        ["OthersSerif.ttf"],
    ]


def test_training_fonts_are_found_in_folders_within(font_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(font_folder, tmp_path / "truetype" / "others")
    assert families(training_fonts(tmp_path)) == ["Others Sans", "Others Serif"]


def test_no_family_both_trains_and_evaluates(font_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(font_folder, tmp_path, dirs_exist_ok=True)
    shutil.copy(SHIPPED / "DejaVuSans-Oblique.ttf", tmp_path / "AnotherName.ttf")
    assert families(training_fonts(tmp_path)) == ["Others Sans", "Others Serif"]


@pytest.mark.parametrize("linked", [False, True], ids=["copied", "linked"])
def test_a_folder_of_held_out_fonts_alone_is_refused(tmp_path: Path, linked: bool) -> None:
    for path in SHIPPED.glob("*.ttf"):
        copy = tmp_path / f"my-{path.name}"
        copy.symlink_to(path) if linked else shutil.copy(path, copy)
    with pytest.raises(ValueError, match=NONE_FOUND):
        training_fonts(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=NONE_FOUND):
        training_fonts(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no font", b"\0\1\0\0" + 60 * b"\xff"], ids=["empty", "text", "broken"])
def test_a_file_that_is_no_font_is_passed_over(font_folder: Path, tmp_path: Path, content: bytes) -> None:
    shutil.copytree(font_folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / "broken.ttf").write_bytes(content)
    assert families(training_fonts(tmp_path)) == ["Others Sans", "Others Serif"]


def test_sha256_is_that_of_all_files_in_order(font_folder: Path) -> None:
    names = ("OthersSans-Bold.ttf", "OthersSans.ttf", "OthersSerif.ttf")
    content = b"".join((font_folder / name).read_bytes() for name in names)
    assert training_fonts(font_folder).sha256 == hashlib.sha256(content).hexdigest()
    assert training_fonts(font_folder).sha256 != held_out_fonts().sha256


def test_a_seed_draws_the_same_ink_again() -> None:
    drawn = [[held_out_fonts().draw(digit, np.random.default_rng(3)) for digit in DIGITS] for _ in range(2)]
    assert all(np.array_equal(first, again) for first, again in zip(*drawn, strict=True))


def test_seeds_draw_from_every_family() -> None:
    fonts = Fonts(tuple(family[:1] for family in held_out_fonts().families))
    assert len({fonts.draw("8", np.random.default_rng(seed)).tobytes() for seed in range(200)}) == 10


def test_ink_is_255_on_0_with_a_margin_of_4_pixels_or_more() -> None:
    ink = one("DejaVuSans.ttf").draw("8", np.random.default_rng(0))
    assert ink.dtype == np.uint8
    assert (ink.min(), ink.max()) == (0, 255)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    assert (rows[0], ink.shape[0] - 1 - rows[-1]) == (4, 4)
    assert min(columns[0], ink.shape[1] - 1 - columns[-1]) >= 4


def test_a_text_of_several_characters_is_drawn_in_a_row() -> None:
    fonts, rng = one("DejaVuSans.ttf"), np.random.default_rng(0)
    assert fonts.draw("HHH", rng).shape[1] > 2.5 * (fonts.draw("H", rng).shape[1] - 8)


@pytest.mark.parametrize("text", ["Ж", "HЖH"])
def test_a_text_that_the_face_lacks_is_blank(text: str) -> None:
    assert not one("cmr10.ttf").draw(text, np.random.default_rng(0)).any()


def test_no_letter_looks_like_a_digit() -> None:
    assert not set(LETTERS) & set("0123456789OoIl|/")


def test_every_letter_is_drawn() -> None:
    fonts, rng = one("DejaVuSans.ttf"), np.random.default_rng(0)
    assert [letter for letter in LETTERS if not fonts.draw(letter, rng).any()] == []
