"""Runs an int8 file over images once, for all that a release chooses and reports."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from converters.convert import Conversion
from device.arrays import Bools, Crop, Crops, Float64, Int8, UInt8
from device.interpreter import load_interpreter
from device.pixels import SIDE
from device.quantisation import Quantisation, Softmax, quantise_pixels
from device.signatures import CLASSIFY, CROP, LOGITS, STEP
from device.step_loop import SignatureModel, StepLoop, named_states
from pipeline.variants import Variant


@dataclass(frozen=True, eq=False)
class StepLogits:
    """Logits after each time step, `<int8>[n, steps, classes]`; a file that does not stream has one step."""

    logits: Int8
    quantisation: Quantisation

    @property
    def last(self) -> Int8:
        """The logits of the whole crops, `<int8>[n, classes]`."""
        return self.logits[:, -1]

    def right(self, labels: UInt8) -> Bools:
        """Return whether each answer is what the image shows, `<bool>[n, steps]`, by labels `<uint8>[n]`."""
        return np.asarray(self.logits.argmax(axis=2) == labels[:, np.newaxis])

    def probabilities(self, temperature: float) -> Float64:
        """Return the probability of each answer, `<float64>[n, steps]`, exactly as the device computes it."""
        softmax = Softmax(self.quantisation, temperature)
        images, steps, classes = self.logits.shape
        flat = [max(softmax(logits)) for logits in self.logits.reshape(-1, classes).tolist()]
        return np.reshape(np.array(flat, np.float64), (images, steps))


class StepReader:
    """An int8 file's two signatures, ready to run."""

    def __init__(self, conversion: Conversion, variant: Variant) -> None:
        """Load the file into the preferred interpreter that is installed."""
        interpreter, _ = load_interpreter(conversion.int8_tflite, threads=1)
        self._classify = interpreter.get_signature_runner(CLASSIFY)
        self._variant = variant
        output = conversion.graphs[CLASSIFY].outputs[LOGITS]
        self._quantisation = Quantisation(output.scales[0], output.zero_points[0])
        self._loop: StepLoop | None = None
        if STEP in conversion.graphs:
            step = conversion.graphs[STEP]
            states = {name: step.inputs[name] for name in step.states}
            zeros = {name: np.full(state.shape, state.zero_points[0], np.int8) for name, state in states.items()}
            self._loop = StepLoop(SignatureModel(interpreter.get_signature_runner(STEP)), named_states(zeros))

    def whole(self, crops: Crops, desc: str) -> StepLogits:
        """Return the logits of whole crops `<uint8>[n, 28, 28]`, as one step."""
        return self._read([[self._whole(crop)] for crop in tqdm(crops, desc=desc, disable=None)])

    def steps(self, crops: Crops, desc: str) -> StepLogits:
        """Return the logits after each time step of crops `<uint8>[n, 28, 28]`; see `StepLogits`."""
        if self._loop is None:
            return self.whole(crops, desc)
        return self._read([list(self._steps(self._loop, crop)) for crop in tqdm(crops, desc=desc, disable=None)])

    def _read(self, logits: list[list[Int8]]) -> StepLogits:
        return StepLogits(np.array(logits, np.int8), self._quantisation)

    def _whole(self, crop: Crop) -> Int8:
        logits: Int8 = self._classify(**{CROP: quantise_pixels(crop).reshape(1, SIDE, SIDE, 1)})[LOGITS][0]
        return logits

    def _steps(self, loop: StepLoop, crop: Crop) -> Iterable[Int8]:
        lines = quantise_pixels(crop if self._variant.time_axis == "rows" else crop.T)
        loop.reset()
        for step in lines.reshape(self._variant.steps, 1, self._variant.lines_per_step, SIDE, 1):
            yield loop.step(step)[0]
