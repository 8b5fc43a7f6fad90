"""A file's two signatures, `classify` and `step`, on a bare interpreter of either runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from device.signatures import CLASSIFY, CROP, LINES, LOGITS, STEP
from device.step_loop import SignatureModel, StepLoop, named_states

Pixels = npt.NDArray[Any]


class BothSignatures:
    """Gives the logits of a crop by `classify`, if the file has it, and by `step` after the last line."""

    def __init__(self, interpreter: Any, *, columns: bool) -> None:
        has_classify = CLASSIFY in interpreter.get_signature_list()
        self._classify = interpreter.get_signature_runner(CLASSIFY) if has_classify else None
        step = interpreter.get_signature_runner(STEP)
        details = step.get_input_details()
        self._lines = details.pop(LINES)["shape"]
        zeros = {
            name: np.full(state["shape"], state["quantization"][1], state["dtype"]) for name, state in details.items()
        }
        self._loop = StepLoop(SignatureModel(step, named_states(zeros)))
        self._columns = columns

    def classify(self, pixels: Pixels) -> Pixels:
        """Returns the logits of a crop, given with the dtype that the file takes."""
        if self._classify is None:
            raise RuntimeError("Expected a file with classify. This one has step alone")
        logits: Pixels = self._classify(**{CROP: pixels.reshape(1, 28, 28, 1)})[LOGITS][0]
        return logits

    def step(self, pixels: Pixels) -> Pixels:
        """Returns the logits after the crop's last line."""
        self._loop.reset()
        steps = (pixels.T if self._columns else pixels).reshape(-1, *self._lines)
        *_, logits = [self._loop.step(lines)[0] for lines in steps]
        return np.asarray(logits)
