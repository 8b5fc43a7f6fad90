"""Labelled crops, split by their use: training, validation, calibration and test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from device.arrays import Float32, Indices
from device.contract.manifest import CalibrationRecord
from device.files.sha256 import sha256_hex
from pipeline.data.calibration import Calibration
from pipeline.data.data_form import DIGITS, DataForm, Inputs
from pipeline.data.own.own_data import Labels, Task
from pipeline.variants import LABELS

# How the source of own test inputs begins.
OWN_TEST_INPUTS = "test inputs of "


class NoTrainingImagesError(ValueError):
    """The data have no images that may be trained on."""


@dataclass(frozen=True)
class LabelledImages:
    """Inputs, of digits `<uint8>[n, 28, 28]`, and what is to be answered for each, of digits `<uint8>[n]`.

    A continuous model keeps its states over `runs`, the numbers of inputs that follow one another; others have none.
    `others` are the labels for outputs after the first, by their names.
    """

    crops: Inputs
    labels: npt.NDArray[Any]
    runs: tuple[int, ...] | None = None
    others: Mapping[str, Labels] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.crops) != len(self.labels):
            received = f"shapes {self.crops.shape} and {self.labels.shape}"
            raise ValueError(f"Expected as many inputs as labels. Received: {received}")

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, which: slice | Indices) -> LabelledImages:
        others = {name: labels[which] for name, labels in self.others.items()}
        return LabelledImages(self.crops[which], self.labels[which], others=others)

    def spread(self, count: int) -> LabelledImages:
        """Returns `count` inputs from first to last, evenly apart, or all if there are fewer."""
        return self[np.linspace(0, len(self) - 1, min(count, len(self))).astype(np.intp)]


@dataclass(frozen=True)
class Splits:
    """The data and the labels' names. Nothing is chosen by `test`; `training` is empty if none may be trained on.

    `form` is that of all inputs. Labels are, by `task`: `classes`, an index into `names`, `<int>[n]`; `steps`, one for
    each time step, `<int>[n, steps]`; `multilabel`, 0 or 1 for each name, `<float32>[n, names]`; `regression`, real
    numbers, `<float32>[n, values]`.
    """

    source: str
    training: LabelledImages
    validation: LabelledImages
    calibration: Calibration
    test: LabelledImages
    test_source: str
    names: tuple[str, ...] = LABELS
    form: DataForm = DIGITS
    task: Task = "classes"
    kept: LabelledImages | None = None  # crops that a device kept, to train on as well (`pipeline.training.kept`)

    def labels_of(self, output: str, first: str) -> Labels | None:
        """Returns what an output is to answer for the test inputs, given the first output's name; None if unknown."""
        if output != first:
            return self.test.others.get(output)
        # MNIST's files have labels of a byte.
        labels = self.test.labels
        whole = labels.astype(np.int64) if np.issubdtype(labels.dtype, np.integer) else labels
        return Labels(whole, self.task, self.names)

    @property
    def continuous(self) -> bool:
        """Whether the model is to keep its states from one input to the next."""
        return self.calibration.runs is not None

    def require_training(self) -> None:
        """Raises NoTrainingImagesError if there are no images that may be trained on."""
        if not len(self.training):
            raise NoTrainingImagesError(
                f"Training needs MNIST's training images. Received: {self.source}. "
                "Name a folder with the four IDX files: --data DIR, or ROWSTREAM_DATA"
            )


def in_runs(inputs: Float32, runs: tuple[int, ...] | None) -> Float32 | list[Float32]:
    """Returns inputs `[n, ...]` as `converters.convert` takes them: of a continuous model an array for each run."""
    return inputs if runs is None else np.split(inputs, np.cumsum(runs)[:-1])


def digests(crops: Inputs) -> tuple[str, ...]:
    """Returns each input's SHA-256: of its pixels or numbers as bytes, row by row."""
    return tuple(sha256_hex(crop.tobytes()) for crop in crops)


def digest_lines(crops: Inputs) -> bytes:
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
