"""Runs an int8 file over inputs once, for all that a manifest says of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from tqdm import tqdm

from converters.convert import Conversion
from converters.quantisation.ranges import run_begins
from converters.tflite.graph import Graph, Tensor
from device.arrays import Float32, Float64, Int8
from device.interpreter import load_interpreter, without_chatter
from device.manifest import TensorContract
from device.quantisation import Quantisation, Softmax
from device.signatures import CLASSIFY, CROP, LINES, STEP
from device.step_loop import SignatureModel, StepLoop, named_states
from pipeline.data.data_form import DataForm, Inputs


def contract(name: str, tensor: Tensor) -> TensorContract:
    """Returns what the manifest says of a quantised tensor."""
    (scale,), (zero_point,) = tensor.scales, tensor.zero_points
    kind: Literal["int8", "int16"] = "int16" if tensor.type == "INT16" else "int8"
    return TensorContract(name, tensor.shape, Quantisation(scale, zero_point), type=kind)


@dataclass(frozen=True, eq=False)
class StepLogits:
    """An output after each time step, `<int8>[n, steps, ...]`; a file that does not stream has one step.

    With `per_step` each step answers for itself, `<int8>[n, steps, rows, ...]`.
    """

    logits: Int8
    quantisation: Quantisation
    per_step: bool = False

    @property
    def last(self) -> Int8:
        """The output for the whole inputs, `<int8>[n, ...]`."""
        if self.per_step:
            return self.logits.reshape(len(self.logits), -1, self.logits.shape[-1])
        return self.logits[:, -1]

    @property
    def real(self) -> Float32:
        """The real values of `last`, `<float32>[n, ...]`."""
        return self.quantisation.dequantise(self.last)

    def probabilities(self, temperature: float) -> Float64:
        """Returns the probability of each answer, `<float64>[n, steps]`, exactly as the device computes it."""
        softmax = Softmax(self.quantisation, temperature)
        images, steps, classes = self.logits.shape
        flat = [max(softmax(logits)) for logits in self.logits.reshape(-1, classes).tolist()]
        return np.reshape(np.array(flat, np.float64), (images, steps))


class StepReader:
    """An int8 file's signatures, loaded into the preferred runtime of those installed."""

    def __init__(self, conversion: Conversion, form: DataForm) -> None:
        interpreter, _ = load_interpreter(conversion.int8_tflite, threads=1)
        with without_chatter():
            interpreter.allocate_tensors()
        self._form, self._facts = form, conversion.facts
        self.input, self.outputs = contracts(conversion)
        classify, step = (conversion.graphs.get(name) for name in (CLASSIFY, STEP))
        self._classify = interpreter.get_signature_runner(CLASSIFY) if classify is not None else None
        self._steps: _Steps | None = None
        if step is not None:
            model = _model(interpreter.get_signature_runner(STEP), step, next(iter(self.outputs)))
            self._steps = _Steps(StepLoop(model), model)

    @property
    def lines(self) -> int:
        """How many lines an input has."""
        return self._facts.steps * self._facts.lines_per_step

    def whole(self, inputs: Inputs, desc: str) -> Mapping[str, StepLogits]:
        """Returns the outputs for whole inputs `[n, ...]`, as one step."""
        if self._classify is None:
            steps = self.steps(inputs, desc)
            return {
                name: each if each.per_step else StepLogits(each.logits[:, -1:], each.quantisation)
                for name, each in steps.items()
            }
        runs = [
            [self._classify(**{CROP: self._form.quantised(each, self.input)[np.newaxis]})]
            for each in tqdm(inputs, desc=desc, disable=None)
        ]
        return self._gathered(runs)

    def steps(self, inputs: Inputs, desc: str, runs: Sequence[int] | None = None) -> Mapping[str, StepLogits]:
        """Returns the outputs after each time step of inputs `[n, ...]`; see `StepLogits`.

        With `runs`, the numbers of inputs that follow one another, states are reset at the first of each alone.
        """
        if self._steps is None:
            return self.whole(inputs, desc)
        begins, read = run_begins(runs, len(inputs)), []
        for index, one in enumerate(tqdm(inputs, desc=desc, disable=None)):
            if index in begins:
                self._steps.loop.reset()
            read.append(list(self._run(self._steps, one)))
        return self._gathered(read)

    def _run(self, steps: _Steps, one: Inputs) -> Iterator[Mapping[str, Int8]]:
        lines = self._form.quantised(one, self.input)
        if self._facts.time_axis == "columns":
            lines = lines.swapaxes(0, 1)
        for step in np.split(lines, self._facts.steps):
            steps.loop.step(step[np.newaxis])
            yield {name: steps.model.output(name) for name in self.outputs}

    def _gathered(self, runs: list[list[Mapping[str, Int8]]]) -> Mapping[str, StepLogits]:
        return {
            name: StepLogits(
                np.array([[step[name][0] for step in steps] for steps in runs], np.int8),
                tensor.quantisation,
                per_step=len(tensor.shape) > 2,
            )
            for name, tensor in self.outputs.items()
        }


def contracts(conversion: Conversion) -> tuple[TensorContract, Mapping[str, TensorContract]]:
    """Returns what the manifest says of a file's input and outputs, with the shapes for a whole input."""
    facts, graph = conversion.facts, conversion.graphs.get(CLASSIFY) or conversion.graphs[STEP]
    given = contract(CROP, graph.inputs[CROP if CROP in graph.inputs else LINES])
    outputs = {name: contract(name, graph.outputs[name]) for name in facts.heads}
    if CLASSIFY in conversion.graphs:
        return given, outputs
    times = facts.steps

    def whole(tensor: TensorContract) -> TensorContract:
        one, rows, *others = tensor.shape
        return TensorContract(tensor.name, (one, rows * times, *others), tensor.quantisation)

    given = whole(given)
    if facts.time_axis == "columns":
        one, columns, rows, *others = given.shape
        given = TensorContract(given.name, (one, rows, columns, *others), given.quantisation)
    return given, {name: whole(each) if name in facts.per_step else each for name, each in outputs.items()}


@dataclass(frozen=True)
class _Steps:
    loop: StepLoop
    model: SignatureModel


def _model(signature: object, step: Graph, output: str) -> SignatureModel:
    states = [contract(name, step.inputs[name]) for name in step.states]
    zeros = {state.name: np.full(state.shape, state.quantisation.zero_point, state.type) for state in states}
    return SignatureModel(signature, named_states(zeros), output)
