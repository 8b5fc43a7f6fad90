"""The training set: MNIST's digits, photographed digits and negatives, all from seeds, MNIST and the fonts."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial

import cv2
import numpy as np
from tqdm import tqdm

from device.arrays import UInt8
from pipeline.data.splits import LabelledImages
from pipeline.synthesis.displays import dot_matrix, drum, segments
from pipeline.synthesis.fonts import DIGITS, Fonts
from pipeline.synthesis.handwriting import write
from pipeline.synthesis.negatives import Negatives
from pipeline.synthesis.photograph import Photograph, found_crop, photograph, photograph_drum
from pipeline.variants import LABELS

log = logging.getLogger(__name__)

# The label of negatives, used only in training.
NO_DIGIT = len(LABELS)
# A counter's digit that turned by more than this share shows too much of the next one.
MAX_ROLLED = 0.2
_PART = 4_000


@dataclass(frozen=True)
class TrainingMix:
    """How many photographed digits and negatives are drawn, and how many crops an epoch takes.

    Of the photographed digits, shares are written in European forms, printed, on displays and on rolling counters;
    MNIST's are the rest. Of an epoch, shares are photographed and negative; MNIST's own crops are the rest.
    """

    photographed: int = 60_000
    negatives: int = 80_000
    written_share: float = 0.22
    printed_share: float = 0.22
    display_share: float = 0.2
    drum_share: float = 0.08
    epoch_images: int = 72_000
    photographed_share: float = 0.42
    negative_share: float = 0.26
    seed: int = 11

    def __post_init__(self) -> None:
        if min(self.photographed, self.negatives, self.epoch_images) < 1:
            raise ValueError(f"Expected at least one crop of each. Received: {asdict(self)}")
        kinds = (self.written_share, self.printed_share, self.display_share, self.drum_share)
        for shares in (kinds, (self.photographed_share, self.negative_share)):
            if min(shares) < 0 or sum(shares) > 1:
                raise ValueError(f"Expected shares in 0..1, together at most 1. Received: {shares}")


@dataclass(frozen=True)
class TrainingSet:
    """The crops to train on; labels are digits or `NO_DIGIT`."""

    mix: TrainingMix
    fonts_sha256: str
    digits: LabelledImages
    photographed: LabelledImages
    negatives: LabelledImages
    kept_sha256: str = ""  # of the crops from devices among them, if there are any

    def epoch(self, epoch: int) -> LabelledImages:
        """Returns an epoch's crops and labels, shuffled; the same epoch always gives the same."""
        rng = np.random.default_rng((self.mix.seed, epoch))
        photographed = round(self.mix.epoch_images * self.mix.photographed_share)
        negatives = round(self.mix.epoch_images * self.mix.negative_share)
        digits = self.mix.epoch_images - photographed - negatives
        counts = ((self.digits, digits), (self.photographed, photographed), (self.negatives, negatives))
        drawn = _joined([_some(images, count, rng) for images, count in counts])
        return drawn[rng.permutation(len(drawn))]


def build_training_set(digits: LabelledImages, fonts: Fonts, mix: TrainingMix) -> TrainingSet:
    """Draws the training set from MNIST's training images and fonts, in parts, with one process a core."""
    log.info("Photographing %s digits, drawing %s negatives", f"{mix.photographed:,}", f"{mix.negatives:,}")
    photographed = _drawn("photographs", partial(photographed_digits, digits, fonts, mix), mix.photographed)
    negatives = _drawn("negatives", partial(_drawn_negatives, digits, fonts, mix), mix.negatives)
    return TrainingSet(mix, fonts.sha256, digits, photographed, negatives)


def _drawn(name: str, draw: Callable[[tuple[int, int]], LabelledImages], count: int) -> LabelledImages:
    """Draws `count` crops in numbered parts, whose size does not depend on the number of cores."""
    parts = [(number, min(_PART, count - start)) for number, start in enumerate(range(0, count, _PART))]
    if len(parts) == 1:
        return draw(parts[0])
    # A forked process would share TensorFlow's threads, which it does not have.
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        return _joined(list(tqdm(pool.map(draw, parts), desc=name, total=len(parts), disable=None)))


def _drawn_negatives(digits: LabelledImages, fonts: Fonts, mix: TrainingMix, part: tuple[int, int]) -> LabelledImages:
    number, count = part
    return labelled_negatives(Negatives(fonts, digits, np.random.default_rng((mix.seed, 0xF1, number))).draw(count))


def labelled_negatives(crops: UInt8) -> LabelledImages:
    """Returns crops without a digit with their label, `NO_DIGIT`."""
    return LabelledImages(crops, np.full(len(crops), NO_DIGIT, np.uint8))


def photographed_digits(
    digits: LabelledImages, fonts: Fonts, mix: TrainingMix, part: tuple[int, int]
) -> LabelledImages:
    """Returns digits that the device's finder cut out of photographs; `part` is a number, for the seed, and a count."""
    number, count = part
    rng = np.random.default_rng((mix.seed, 0xF0, number))
    crops, labels = zip(*(_photographed(digits, fonts, mix, rng) for _ in range(count)), strict=True)
    return LabelledImages(np.array(crops), np.array(labels, np.uint8))


def _photographed(
    digits: LabelledImages, fonts: Fonts, mix: TrainingMix, rng: np.random.Generator
) -> tuple[UInt8, int]:
    while True:
        picture, label = _picture(digits, fonts, mix, rng)
        crop = found_crop(picture)
        if crop is not None:
            return crop, label


def _picture(
    digits: LabelledImages, fonts: Fonts, mix: TrainingMix, rng: np.random.Generator
) -> tuple[Photograph, int]:
    draw, label = rng.random(), int(rng.integers(len(LABELS)))
    if draw < mix.drum_share:
        # Within this share of a turn, a person would still read this digit.
        return photograph_drum(drum(label, rng.uniform(-MAX_ROLLED, MAX_ROLLED), fonts, rng), rng), label
    if draw < mix.drum_share + mix.display_share:
        lit, beside = (_lit(int(digit), fonts, rng) for digit in (label, rng.integers(len(LABELS))))
        return photograph(lit, rng, beside if rng.random() < 0.3 else None, pen=False), label
    ink, label = _ink(digits, fonts, mix, rng)
    neighbour = _ink(digits, fonts, mix, rng)[0] if rng.random() < 0.3 else None
    return photograph(ink, rng, neighbour), label


def _lit(digit: int, fonts: Fonts, rng: np.random.Generator) -> UInt8:
    return segments(digit, rng) if rng.random() < 0.7 else dot_matrix(digit, fonts, rng)


def _ink(digits: LabelledImages, fonts: Fonts, mix: TrainingMix, rng: np.random.Generator) -> tuple[UInt8, int]:
    draw, label = rng.random() * (1 - mix.drum_share - mix.display_share), int(rng.integers(len(LABELS)))
    if draw < mix.written_share:
        return write(label, rng), label
    if draw < mix.written_share + mix.printed_share:
        return _worn(fonts.draw(DIGITS[label], rng), rng), label
    index = int(rng.integers(len(digits)))
    return digits.crops[index], int(digits.labels[index])


def _worn(ink: UInt8, rng: np.random.Generator) -> UInt8:
    """Returns print as it is, condensed or broad, or cut by the bridges of a stencil."""
    draw, height, width = rng.random(), *ink.shape
    if draw < 0.3:
        return np.asarray(cv2.resize(ink, (max(4, round(width * rng.uniform(0.55, 1.4))), height)))
    if draw < 0.4:
        ink = ink.copy()
        bridge, at = max(2, round(height * rng.uniform(0.04, 0.09))), round(width * rng.uniform(0.35, 0.65))
        ink[:, at - bridge // 2 : at - bridge // 2 + bridge] = 0
    return ink


def _some(images: LabelledImages, count: int, rng: np.random.Generator) -> LabelledImages:
    """Returns `count` random images; none repeats before each was drawn once."""
    whole = [rng.permutation(len(images)) for _ in range(-(-count // len(images)))]
    return images[np.concatenate([*whole, np.zeros(0, np.intp)])[:count].astype(np.intp)]


def _joined(parts: Sequence[LabelledImages]) -> LabelledImages:
    crops = np.concatenate([part.crops for part in parts])
    return LabelledImages(crops, np.concatenate([part.labels for part in parts]))
