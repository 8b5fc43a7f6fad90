"""Draws characters in fonts: printed digits to train on, letters as negatives.

The fonts that come with matplotlib are held out for evaluation; the installed ones train and validate.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import font_manager, ft2font
from PIL import Image, ImageDraw, ImageFont

from device.arrays import UInt8

DIGITS = "0123456789"
# Without those that look like digits: O like 0; l, I and / like 1.
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrtuvwxyzÄÖÜßñéçøåÅΔΣΩλπφμЖДФЯЩЮ&@#$%?*+=<>{}[]~^§€£"
# Families that draw signs, keys or nothing in place of digits.
_NO_DIGITS = frozenset((
    "", "D050000L", "Last Resort High-Efficiency", "Linux Biolinum Keyboard O", "Linux Libertine Initials O", "cmex10",
    "cmsy10", "setofont-ex",
))  # fmt: skip
_SIZE_PIXELS = 56
_MARGIN = 4


@dataclass(frozen=True)
class Fonts:
    """Font files by family, so that a family with many faces is not drawn more often than one with few."""

    families: tuple[tuple[Path, ...], ...]

    def __post_init__(self) -> None:
        if not self.families:
            raise ValueError("Expected at least one font that draws digits. Found none")

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of all files' contents, in order."""
        digest = hashlib.sha256()
        for path in (path for family in self.families for path in family):
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def draw(self, text: str, rng: np.random.Generator) -> UInt8:
        """Returns a text's ink `<uint8>[h, w]`, 255 on 0, in a random face; blank if the face lacks a character."""
        family = self.families[rng.integers(len(self.families))]
        path = family[rng.integers(len(family))]
        # For a character that it lacks a face mostly draws a box, which looks like a zero.
        if not _draws(path, text):
            return np.zeros((2 * _MARGIN, 2 * _MARGIN), np.uint8)
        face = _face(path)
        left, top, right, bottom = (round(edge) for edge in face.getbbox(text))
        width, height = max(1, right - left), max(1, bottom - top)
        image = Image.new("L", (width + 2 * _MARGIN, height + 2 * _MARGIN))
        ImageDraw.Draw(image).text((_MARGIN - left, _MARGIN - top), text, fill=255, font=face)
        return np.asarray(image)


def held_out_fonts() -> Fonts:
    """Returns the fonts that come with matplotlib: DejaVu, STIX, and TeX's Computer Modern."""
    return _grouped(Path(mpl.get_data_path(), "fonts", "ttf").glob("*.ttf"))


def training_fonts(folder: Path | None = None) -> Fonts:
    """Returns a folder's fonts, or all installed, without the held-out families; raises ValueError if none is left."""
    paths = folder.rglob("*.[to]tf") if folder is not None else map(Path, font_manager.findSystemFonts())
    held_out = {_family(path) for family in held_out_fonts().families for path in family}
    return _grouped(path for path in paths if _family(path) not in held_out)


def _grouped(paths: Iterable[Path]) -> Fonts:
    families: dict[str, list[Path]] = {}
    for path in sorted(paths, key=lambda path: path.name):
        if _family(path) not in _NO_DIGITS and _draws(path, DIGITS):
            families.setdefault(_family(path), []).append(path)
    return Fonts(tuple(tuple(families[name]) for name in sorted(families)))


def _draws(path: Path, text: str) -> bool:
    return _characters(path).issuperset(map(ord, text))


@lru_cache(maxsize=1024)
def _family(path: Path) -> str:
    try:
        return str(ft2font.FT2Font(str(path)).family_name)
    except RuntimeError:
        return ""


@lru_cache(maxsize=1024)
def _characters(path: Path) -> frozenset[int]:
    # FreeType warns of odd tables in fonts that draw well.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    try:
        return frozenset(ft2font.FT2Font(str(path)).get_charmap())
    except RuntimeError:
        return frozenset()


@lru_cache(maxsize=1024)
def _face(path: Path) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, _SIZE_PIXELS)
