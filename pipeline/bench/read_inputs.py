"""What peers read: test inputs as their network takes them and, if they are digits, corrupted in MNIST-C's ways.

Beside them are the inputs on which quantisers measure ranges, and the digits that other networks may learn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.bench.effort import Effort
from pipeline.bench.mnist_c import KINDS, corrupted
from pipeline.data.splits import Splits
from pipeline.variants import LABELS

Labeller = Callable[[Path], npt.NDArray[np.intp]]

CALIBRATION, TRAINING = "calibration.npy", "training.npz"
_SEED = 20_261_128


@dataclass(frozen=True)
class Right:
    """How many inputs were read right, in percent; None where there are no labels or no corruptions."""

    clean: float | None
    corrupted: float | None


@dataclass(frozen=True, eq=False)
class ReadInputs:
    """Files of inputs `<float32>[n, ...]`, and their labels; `corrupted` is of each kind in turn."""

    clean: Path
    labels: npt.NDArray[np.int64] | None
    corrupted: Path | None
    corrupted_labels: npt.NDArray[np.int64] | None

    def right_percent(self, read: Labeller) -> Right:
        """Returns how much of them a reader reads right, which takes a file and returns the most probable classes."""
        if self.labels is None:
            return Right(None, None)
        clean = 100 * float(np.mean(read(self.clean) == self.labels))
        if self.corrupted is None:
            return Right(clean, None)
        return Right(clean, 100 * float(np.mean(read(self.corrupted) == self.corrupted_labels)))


def write_read_inputs(splits: Splits, effort: Effort, folder: Path) -> ReadInputs:
    """Writes evenly spread test inputs to a folder: so many as they are, and so many of each kind of corruption."""
    test, form = splits.test.spread(effort.test_inputs), splits.form
    np.save(folder / CALIBRATION, form.real(splits.calibration.crops))
    path = folder / "clean.npy"
    np.save(path, form.real(test.crops))
    if splits.task != "classes":
        return ReadInputs(path, None, None, None)
    labels = np.asarray(test.labels, np.int64)
    if splits.names != LABELS:
        return ReadInputs(path, labels, None, None)
    if len(splits.training):
        learnt = splits.training.spread(effort.training_inputs)
        np.savez(folder / TRAINING, crops=learnt.crops, labels=learnt.labels)
    few = splits.test.spread(effort.corrupted_inputs)
    crops = np.concatenate([corrupted(np.asarray(few.crops, np.uint8), kind, _SEED) for kind in KINDS])
    np.save(folder / "corrupted.npy", form.real(crops))
    return ReadInputs(path, labels, folder / "corrupted.npy", np.tile(np.asarray(few.labels, np.int64), len(KINDS)))
