"""The crops that set int8's ranges: images of the data, and a sheet of crops without a digit.

A device sees more than digits. Noise or a white card can excite the network beyond the ranges of digits; int8 would
clip that, and its answer would differ from the float network's. The sheet is part of the project, so that every machine
measures the same ranges, whatever fonts it has. `python -m pipeline calibration-sheet` draws it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from device.arrays import Crops, Float32, Indices, UInt8
from device.pixels import SIDE
from device.sha256 import sha256_hex
from device.whole_file import write_whole

SHEET = Path(__file__).with_name("negatives.png")
# The crops that travel with a model, with its logits (`pipeline.gate.golden`): ten written digits, noise, patterns,
# white and blank. `tests/support/drawings.py` draws them.
GOLDEN_SHEET = SHEET.with_name("golden.png")
_COLUMNS = 8


@dataclass(frozen=True)
class Calibration:
    """Calibration inputs, of digits `<uint8>[n, 28, 28]`, and the record of them that goes into the manifest.

    For a continuous model, `runs` are the numbers of inputs that follow one another.
    """

    crops: UInt8 | Float32
    source: str
    seed: int
    indices_sha256: str
    runs: tuple[int, ...] | None = None

    def with_negatives(self) -> Calibration:
        """Returns these crops followed by the sheet's."""
        negatives = read_sheet()
        source = f"{self.source} and {len(negatives)} crops that show no digit"
        return replace(self, crops=np.concatenate([self.crops, negatives]), source=source)


def drawn(crops: UInt8 | Float32, indices: Indices, source: str, seed: int) -> Calibration:
    """Returns the crops at `indices` of the source's `<uint8>[n, 28, 28]` as calibration crops."""
    return Calibration(crops[indices], source, seed, sha256_hex(indices.astype("<i8").tobytes()))


def read_sheet(path: Path = SHEET) -> Crops:
    """Returns the crops of a sheet, `<uint8>[n, 28, 28]`, line by line; the reverse of `write_sheet`.

    Raises OSError if the file cannot be read, ValueError if it is not an image of whole crops.
    """
    content = np.frombuffer(path.read_bytes(), np.uint8)
    picture = cv2.imdecode(content, cv2.IMREAD_GRAYSCALE) if content.size else None
    if picture is None or picture.shape[0] % SIDE or picture.shape[1] != _COLUMNS * SIDE:
        expected = f"{path}: Expected an image {_COLUMNS * SIDE} pixels wide and a multiple of {SIDE} high"
        received = "no image" if picture is None else f"{picture.shape[1]} x {picture.shape[0]}"
        raise ValueError(f"{expected}. Received: {received}")
    return np.ascontiguousarray(picture.reshape(-1, SIDE, _COLUMNS, SIDE).swapaxes(1, 2)).reshape(-1, SIDE, SIDE)


def write_sheet(crops: Crops, path: Path) -> None:
    """Writes crops `<uint8>[n, 28, 28]` as one image, eight side by side; `n` is a multiple of eight."""
    rows = crops.reshape(-1, _COLUMNS, SIDE, SIDE).swapaxes(1, 2)
    _, content = cv2.imencode(".png", rows.reshape(-1, _COLUMNS * SIDE), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    write_whole(path, content.tobytes())
