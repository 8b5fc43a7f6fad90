"""Golden crops: how the model answered them when it was made, to find out whether it answers so where it runs.

`golden.bin` lies beside the manifest, which has its SHA-256. It holds a record for each crop: its 784 pixels, the least
and then the greatest logits that are right after each time step, `<int8>[steps, classes]` each. They are a range
because kernels round differently: `pipeline.gate.golden` measures how far.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .arrays import Crop, Crops, Int8
from .manifest import Manifest, ManifestError
from .pixels import SIDE


class GoldenError(ValueError):
    """A model answers a golden crop otherwise than when it was made."""


@dataclass(frozen=True, eq=False)
class Golden:
    """Crops `<uint8>[n, 28, 28]`, and the range of their logits after each time step, `<int8>[n, steps, classes]`.

    Where the model does not stream there is one step, that of the whole crop.
    """

    crops: Crops
    lowest: Int8
    highest: Int8

    def check_all(self, whole: Callable[[Crop], Int8], by_line: Callable[[Crop], Sequence[Int8]]) -> None:
        """Raises GoldenError unless all crops, read whole and line by line, have their logits.

        The functions return the logits `<int8>[classes]` of a whole crop, and those after each time step.
        """
        for index, crop in enumerate(self.crops):
            self.check(index, [whole(crop)], "read whole")
            self.check(index, by_line(crop), "read line by line")

    def check(self, index: int, logits: Sequence[Int8], how: str) -> None:
        """Raises GoldenError unless the last of these logits `<int8>[classes]` are those after a crop's last steps.

        `how` says in the message how the crop was read.
        """
        received = np.asarray(logits)
        lowest, highest = (limit[index, -len(logits) :] for limit in (self.lowest, self.highest))
        wrong = (received < lowest) | (received > highest)
        if wrong.any():
            step, label = (int(places[0]) for places in np.nonzero(wrong))
            limits = f"{lowest[step, label]}..{highest[step, label]}"
            raise GoldenError(
                f"Expected the answers that the model gave when it was made. Received others: golden crop {index}, "
                f"{how}, logit {label} is {received[step, label]}, not {limits}"
            )


def record_type(manifest: Manifest) -> np.dtype[np.void]:
    """Returns the type of the file's records."""
    steps = manifest.steps if manifest.states else 1
    logits = (np.int8, (steps, len(manifest.labels)))
    return np.dtype([("crop", np.uint8, (SIDE, SIDE)), ("lowest", *logits), ("highest", *logits)])


def read_golden(folder: Path, manifest: Manifest) -> Golden:
    """Returns the golden crops in a model's folder; raises ManifestError if the file is not the manifest's."""
    content, record = manifest.verified_golden(folder), record_type(manifest)
    if not content or len(content) % record.itemsize:
        received = f"{len(content):,} bytes"
        raise ManifestError(f"Expected golden crops of {record.itemsize:,} bytes each (manifest). Received: {received}")
    records = np.frombuffer(content, record)
    return Golden(records["crop"], records["lowest"], records["highest"])
