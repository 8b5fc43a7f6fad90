"""Measures how near the outputs of a quantised flatbuffer are to those of the float one that it was made from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from converters.lowering.step_form import StepForm
from converters.quantisation.ranges import Range, lines_of
from device.arrays import Float32
from device.quantisation import Quantisation
from device.signatures import CLASSIFY, CROP, LINES, STEP
from device.step_loop import Array, SignatureModel, StepLoop, named_states

_NO_END_DB = 99.0
_STEPS, _MIN_INPUTS = 2**12, 32
# Gives the outputs after each run of a signature for an input.
_Run: TypeAlias = Callable[[Array], Iterator[Mapping[str, Array]]]


def signal_to_noise_db(real: Float32, near: Float32) -> float:
    """Returns the variance of `real <float32>[n, ...]` over its n rows by the mean square of `near - real`, in dB.

    Where both are equal, or `real` never changes, the ratio has no end: 99 dB stand for it.
    """
    signal, noise = float(((real - real.mean(axis=0)) ** 2).sum()), float(((real - near) ** 2).sum())
    decibels = 10 * np.log10(signal / noise) if signal and noise else _NO_END_DB
    return float(np.clip(decibels, -_NO_END_DB, _NO_END_DB))


class RealOutputs:
    """Runs float and quantised flatbuffers of one network, and gives their outputs as real values."""

    def __init__(
        self, names: tuple[str, ...], form: StepForm | None, pixels: Range | None, *, continuous: bool = False
    ) -> None:
        """Takes the outputs' names; `pixels` is the range of an image's pixels, None for other numbers.

        If `continuous`, inputs follow one another, and only the first starts at states of zero.
        """
        self._names, self._form, self._pixels, self._continuous = names, form, pixels, continuous

    def enough(self, inputs: Float32) -> Float32:
        """Returns inputs that tell a ratio of their outputs to a fraction of a decibel: fewer of long sequences."""
        steps = self._form.steps if self._form is not None else 1
        count = min(len(inputs), max(_STEPS // steps, _MIN_INPUTS))
        return inputs[:count] if self._continuous else inputs[np.linspace(0, len(inputs) - 1, count).astype(np.intp)]

    def __call__(self, tflite: bytes, inputs: Float32) -> Mapping[str, Float32]:
        """Returns each output `<float32>[n, answers, ...]` for inputs `[n, ...]`; `step` alone gives several."""
        interpreter = Interpreter(model_content=tflite, num_threads=1)
        whole = CLASSIFY in interpreter.get_signature_list()
        signature = interpreter.get_signature_runner(CLASSIFY if whole else STEP)
        taken = self._taken(signature.get_input_details()[CROP if whole else LINES])
        run = self._whole(signature) if whole else self._steps(signature)
        answers = [list(run(taken(one))) for one in inputs]
        details = signature.get_output_details()
        return {
            name: _real(np.array([[answer[name] for answer in each] for each in answers]), details[name])
            for name in self._names
        }

    def _whole(self, signature: Any) -> _Run:
        return lambda one: iter([signature(**{CROP: one[np.newaxis]})])

    def _steps(self, signature: Any) -> _Run:
        form = self._form
        if form is None:
            raise ValueError("Expected a whole input, because the network does not stream. Received: a step alone")
        details = signature.get_input_details()
        zeros = {name: _zero(details[name]) for name in form.states}
        model = SignatureModel(signature, named_states(zeros), self._names[0])
        loop = StepLoop(model)

        def run(one: Array) -> Iterator[Mapping[str, Array]]:
            if not self._continuous:
                loop.reset()
            for lines in lines_of(one, form):
                loop.step(lines)
                yield {name: model.output(name) for name in self._names}

        return run

    def _taken(self, details: Mapping[str, Any]) -> Callable[[Float32], Array]:
        """Returns what turns an input into what a file takes; that of an image may have taken off its scaling."""
        if details["dtype"] == np.float32:
            return lambda one: one
        if self._pixels is None:
            scale, zero_point = details["quantization"]
            return Quantisation(float(scale), int(zero_point)).quantise
        low, step = self._pixels.low, (self._pixels.high - self._pixels.low) / 255
        return lambda one: (np.round((one - low) / step) - 128).astype(np.int8)


def _zero(details: Mapping[str, Any]) -> Array:
    return np.full(details["shape"], details["quantization"][1], details["dtype"])


def _real(values: Array, details: Mapping[str, Any]) -> Float32:
    if values.dtype == np.float32:
        return values
    scale, zero_point = details["quantization"]
    return np.asarray(np.float32(scale) * (values.astype(np.float32) - np.float32(zero_point)))
