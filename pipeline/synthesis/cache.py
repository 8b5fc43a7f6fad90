"""Keeps a drawn training set in a file, so that a resumed training loads it instead of drawing it for minutes."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import PIL
import scipy

from device.files.sha256 import sha256_hex
from device.files.whole_file import whole_file
from pipeline.data.archive import read_archive
from pipeline.data.splits import LabelledImages
from pipeline.synthesis.fonts import Fonts
from pipeline.synthesis.training_set import TrainingMix, TrainingSet, build_training_set, labelled_negatives

log = logging.getLogger(__name__)

_ROOT = Path(__file__).parents[2]
# What decides which crops a seed gives, as patterns of files and versions of packages.
_SOURCES = ("pipeline/synthesis/*.py", "device/vision/*.py", "device/pixels.py")
_VERSIONS = (np.__version__, cv2.__version__, scipy.__version__, PIL.__version__)


def cached_training_set(digits: LabelledImages, fonts: Fonts, mix: TrainingMix, folder: Path) -> TrainingSet:
    """Returns what `build_training_set` draws, from `<folder>/<key>.npz` if it is there, else drawn and kept there.

    The key is a SHA-256 of the mix, the digits, the fonts and the code that draws. A broken file is drawn again.
    """
    key = _key(digits, fonts, mix)
    path = folder / f"{key}.npz"
    if path.is_file():
        try:
            return TrainingSet(mix, fonts.sha256, digits, *_read(path, key))
        except (OSError, ValueError, KeyError) as error:
            log.warning("%s: Expected this training set. Received: %s. Drawing it again", path, error)
    training_set = build_training_set(digits, fonts, mix)
    _write(path, key, training_set)
    return training_set


def _key(digits: LabelledImages, fonts: Fonts, mix: TrainingMix) -> str:
    sources = sorted(path for pattern in _SOURCES for path in _ROOT.glob(pattern))
    code = [sha256_hex(path.read_bytes()) for path in sources]
    data = [sha256_hex(digits.crops.tobytes()), sha256_hex(digits.labels.tobytes()), fonts.sha256]
    return sha256_hex(json.dumps([asdict(mix), data, code, _VERSIONS]).encode())


def _read(path: Path, key: str) -> tuple[LabelledImages, LabelledImages]:
    archive = read_archive(path)
    crops, labels, negatives, stored = (archive[name] for name in ("crops", "labels", "negatives", "sha256"))
    if stored != _content_sha256(key, crops, labels, negatives):
        raise ValueError("other content than its SHA-256 says")
    return LabelledImages(crops, labels), labelled_negatives(negatives)


def _write(path: Path, key: str, training_set: TrainingSet) -> None:
    crops, labels = training_set.photographed.crops, training_set.photographed.labels
    negatives = training_set.negatives.crops
    sha256 = _content_sha256(key, crops, labels, negatives)
    with whole_file(path) as unfinished:
        np.savez_compressed(unfinished, crops=crops, labels=labels, negatives=negatives, sha256=np.array(sha256))


def _content_sha256(key: str, *arrays: npt.NDArray[Any]) -> str:
    return sha256_hex(key.encode() + b"".join(array.tobytes() for array in arrays))
