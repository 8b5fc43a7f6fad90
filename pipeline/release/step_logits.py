"""Runs an int8 file over images once, for all that a manifest says of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from converters.convert import Conversion
from converters.tflite.graph import Tensor
from device.arrays import Crop, Crops, Float64, Int8
from device.interpreter import load_interpreter, without_chatter
from device.manifest import TensorContract
from device.pixels import SIDE
from device.quantisation import Quantisation, Softmax, quantise_pixels
from device.signatures import CLASSIFY, CROP, LOGITS, STEP
from device.step_loop import SignatureModel, StepLoop, named_states
from pipeline.variants import Variant


def contract(name: str, tensor: Tensor) -> TensorContract:
    """Returns what the manifest says of a quantised tensor."""
    (scale,), (zero_point,) = tensor.scales, tensor.zero_points
    return TensorContract(name, tensor.shape, Quantisation(scale, zero_point))


@dataclass(frozen=True, eq=False)
class StepLogits:
    """Logits after each time step, `<int8>[n, steps, classes]`; a file that does not stream has one step."""

    logits: Int8
    quantisation: Quantisation

    @property
    def last(self) -> Int8:
        """The logits of the whole crops, `<int8>[n, classes]`."""
        return self.logits[:, -1]

    def probabilities(self, temperature: float) -> Float64:
        """Returns the probability of each answer, `<float64>[n, steps]`, exactly as the device computes it."""
        softmax = Softmax(self.quantisation, temperature)
        images, steps, classes = self.logits.shape
        flat = [max(softmax(logits)) for logits in self.logits.reshape(-1, classes).tolist()]
        return np.reshape(np.array(flat, np.float64), (images, steps))


class StepReader:
    """An int8 file's signatures, loaded into the preferred runtime of those installed."""

    def __init__(self, conversion: Conversion, variant: Variant) -> None:
        interpreter, _ = load_interpreter(conversion.int8_tflite, threads=1)
        with without_chatter():
            interpreter.allocate_tensors()
        self._quantisation = contract(LOGITS, conversion.graphs[CLASSIFY].outputs[LOGITS]).quantisation
        self._classify = interpreter.get_signature_runner(CLASSIFY)
        self._variant = variant
        self._loop: StepLoop | None = None
        if STEP in conversion.graphs:
            step = conversion.graphs[STEP]
            states = [contract(name, step.inputs[name]) for name in step.states]
            zeros = {state.name: np.full(state.shape, state.quantisation.zero_point, np.int8) for state in states}
            self._loop = StepLoop(SignatureModel(interpreter.get_signature_runner(STEP), named_states(zeros)))

    def whole(self, crops: Crops, desc: str) -> StepLogits:
        """Returns the logits of whole crops `<uint8>[n, 28, 28]`, as one step."""
        return self._read([[self._whole(crop)] for crop in tqdm(crops, desc=desc, disable=None)])

    def steps(self, crops: Crops, desc: str) -> StepLogits:
        """Returns the logits after each time step of crops `<uint8>[n, 28, 28]`; see `StepLogits`."""
        if self._loop is None:
            return self.whole(crops, desc)
        return self._read([list(self._steps(self._loop, crop)) for crop in tqdm(crops, desc=desc, disable=None)])

    def _read(self, logits: Sequence[Sequence[Int8]]) -> StepLogits:
        return StepLogits(np.array(logits, np.int8), self._quantisation)

    def _whole(self, crop: Crop) -> Int8:
        logits: Int8 = self._classify(**{CROP: quantise_pixels(crop).reshape(1, SIDE, SIDE, 1)})[LOGITS][0]
        return logits

    def _steps(self, loop: StepLoop, crop: Crop) -> Iterator[Int8]:
        lines = quantise_pixels(crop if self._variant.time_axis == "rows" else crop.T)
        loop.reset()
        for step in lines.reshape(self._variant.steps, 1, self._variant.lines_per_step, SIDE, 1):
            yield loop.step(step)[0]
