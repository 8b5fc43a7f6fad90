"""Golden inputs: how the model answered them when it was made, to find out whether it answers so where it runs.

`golden.bin` lies beside the manifest, which has its SHA-256. It holds a record for each input: its pixels `<uint8>` or
numbers `<float32>`, little-endian, then the least and the greatest logits that are right after each time step,
`<int8>[steps, width]` each, where a row has the logits of all outputs (`device.contract.outputs`). They are a
range because kernels round differently: `pipeline.gate.golden` measures how far.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..arrays import Int8
from .inputs import Input, InputForm, is_digits
from .manifest import Manifest, ManifestError
from .outputs import read_outputs

OTHER_ANSWERS = "Expected the answers that the model gave when it was made. Received others"


class GoldenError(ValueError):
    """A model answers a golden input otherwise than when it was made."""


@dataclass(frozen=True, eq=False)
class Golden:
    """Inputs `[n, ...]`, crops of a model of digits, and the range of their logits, `<int8>[n, steps, width]`.

    Where the model does not stream there is one step, that of the whole input. `name` is what messages call an input.
    """

    crops: Input
    lowest: Int8
    highest: Int8
    name: str = "crop"

    def check_all(self, whole: Callable[[Input], Int8], by_line: Callable[[Input], Sequence[Int8]]) -> str:
        """Returns the SHA-256 of all logits, input by input: those of the whole input, then those after each step.

        The functions return the last rows of logits `<int8>[width]` or `[n, width]` of a whole input, and the row after
        each time step. Raises GoldenError unless there are inputs, and all, read in either way, have their logits.
        """
        if not len(self.crops):
            raise GoldenError(f"Expected golden {self.name}s. The model is from before they were kept")
        logits = hashlib.sha256()
        for index in range(len(self.crops)):
            for rows in self._check_one(index, whole, by_line):
                logits.update(rows.tobytes())
        return logits.hexdigest()

    def check_first(self, whole: Callable[[Input], Int8], by_line: Callable[[Input], Sequence[Int8]]) -> None:
        """Raises GoldenError unless the first input, if there is one, has its logits, as `check_all` does of each."""
        if len(self.crops):
            self._check_one(0, whole, by_line)

    def _check_one(
        self, index: int, whole: Callable[[Input], Int8], by_line: Callable[[Input], Sequence[Int8]]
    ) -> tuple[Int8, Int8]:
        rows = self.check(index, np.atleast_2d(whole(self.crops[index])), "read whole")
        return rows, self.check(index, by_line(self.crops[index]), "read line by line")

    def check(self, index: int, logits: Sequence[Int8] | Int8, how: str) -> Int8:
        """Returns rows of logits `<int8>[n, width]`; raises GoldenError unless they are those of an input's last steps.

        `how` says in the message how the input was read.
        """
        received = np.asarray(logits)
        lowest, highest = (limit[index, -len(logits) :] for limit in (self.lowest, self.highest))
        wrong = (received < lowest) | (received > highest)
        if wrong.any():
            step, label = (int(places[0]) for places in np.nonzero(wrong))
            limits = f"{lowest[step, label]}..{highest[step, label]}"
            place = f"golden {self.name} {index}, {how}, logit {label}"
            raise GoldenError(f"{OTHER_ANSWERS}: {place} is {received[step, label]}, not {limits}")
        return received


def record_type(manifest: Manifest) -> np.dtype[np.void]:
    """Returns the type of the file's records."""
    form, width = InputForm(manifest), read_outputs(manifest)[-1].columns.stop
    logits = (np.int8, (manifest.steps if manifest.states else 1, width))
    return np.dtype([("crop", form.dtype.newbyteorder("<"), form.shape), ("lowest", *logits), ("highest", *logits)])


def read_golden(folder: Path, manifest: Manifest) -> Golden:
    """Returns the golden inputs in a model's folder; raises ManifestError if the file is not the manifest's.

    There are none if the model is from before they were kept (manifest format 1).
    """
    record = record_type(manifest)
    content = manifest.verified_golden(folder) if manifest.golden_sha256 else b""
    name = "crop" if is_digits(manifest) else "input"
    if (manifest.golden_sha256 and not content) or len(content) % record.itemsize:
        expected = f"Expected golden {name}s of {record.itemsize:,} bytes each (manifest)"
        raise ManifestError(f"{expected}. Received: {len(content):,} bytes")
    records = np.frombuffer(content, record)
    # A record's numbers need not lie where the processor wants them.
    crops = np.ascontiguousarray(records["crop"], InputForm(manifest).dtype)
    return Golden(crops, records["lowest"], records["highest"], name)
