"""Labelled crops, split by their use: training, validation, calibration and test."""

from __future__ import annotations

from dataclasses import dataclass

from device.arrays import Indices, UInt8
from device.manifest import CalibrationRecord
from device.pixels import SIDE
from device.sha256 import sha256_hex
from pipeline.data.calibration import Calibration
from pipeline.variants import LABELS


class NoTrainingImagesError(ValueError):
    """The data have no images that may be trained on."""


@dataclass(frozen=True)
class LabelledImages:
    """Crops `<uint8>[n, 28, 28]` and their labels, `<uint8>[n]`."""

    crops: UInt8
    labels: UInt8

    def __post_init__(self) -> None:
        if self.crops.shape[1:] != (SIDE, SIDE) or self.labels.shape != self.crops.shape[:1]:
            received = f"shapes {self.crops.shape} and {self.labels.shape}"
            raise ValueError(f"Expected crops <uint8>[n, {SIDE}, {SIDE}] and labels <uint8>[n]. Received: {received}")

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, which: slice | Indices) -> LabelledImages:
        return LabelledImages(self.crops[which], self.labels[which])


@dataclass(frozen=True)
class Splits:
    """The data and the labels' names. Nothing is chosen by `test`; `training` is empty if none may be trained on."""

    source: str
    training: LabelledImages
    validation: LabelledImages
    calibration: Calibration
    test: LabelledImages
    test_source: str
    names: tuple[str, ...] = LABELS

    def require_training(self) -> None:
        """Raises NoTrainingImagesError if there are no images that may be trained on."""
        if not len(self.training):
            raise NoTrainingImagesError(
                f"Training needs MNIST's training images. Received: {self.source}. "
                "Name a folder with the four IDX files: --data DIR, or ROWSTREAM_DATA"
            )


def digests(crops: UInt8) -> tuple[str, ...]:
    """Returns each crop's SHA-256: of its 784 pixels as bytes, row by row."""
    return tuple(sha256_hex(crop.tobytes()) for crop in crops)


def digest_lines(crops: UInt8) -> bytes:
    """Returns the crops' digests as the lines of a file."""
    return "".join(f"{digest}\n" for digest in digests(crops)).encode()


def calibration_record(calibration: Calibration) -> CalibrationRecord:
    """Returns what the manifest says of the calibration crops."""
    return CalibrationRecord(
        source=calibration.source,
        images=len(calibration.crops),
        seed=calibration.seed,
        indices_sha256=calibration.indices_sha256,
        digests_sha256=sha256_hex(digest_lines(calibration.crops)),
    )
