"""Measures the range of every tensor of a float model: true minima and maxima over all calibration inputs.

ai-edge-quantizer's own calibration is a moving average, which clips tails and depends on the order of the inputs.

Source: Jacob et al., Quantization and Training of Neural Networks, 2018, section 3.1.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from converters.lowering.step_form import StepForm
from converters.tflite.graph import Graph
from device.arrays import Float32
from device.signatures import STEP
from device.step_loop import SignatureModel, StepLoop, named_states

_SIGNIFICANT_BITS = 10


@dataclass(frozen=True)
class Range:
    """The minimum and the maximum of a tensor."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low <= self.high):
            raise ValueError(f"Expected finite low <= high. Received: low={self.low}, high={self.high}")

    def __or__(self, other: Range) -> Range:
        return Range(min(self.low, other.low), max(self.high, other.high))

    def outward(self) -> Range:
        """Returns the smallest range around this one whose ends have ten significant bits.

        Float kernels sum in an order that depends on the processor, so the last bits of a measured range do too. A
        range without those bits gives the same int8 file on every machine.
        """
        return Range(-_rounded_up(-self.low), _rounded_up(self.high))


def _rounded_up(value: float) -> float:
    mantissa, exponent = math.frexp(value)
    return math.ldexp(math.ceil(math.ldexp(mantissa, _SIGNIFICANT_BITS)), exponent - _SIGNIFICANT_BITS)


def measured_ranges(float_tflite: bytes, graph: Graph, inputs: Iterable[Mapping[str, Float32]]) -> dict[str, Range]:
    """Returns the range of each activation over all `inputs` to a graph's signature, by tensor name.

    Raises ValueError if there are no inputs, or a value is not finite.
    """
    # Without delegates: they compute whole subgraphs and do not write the tensors inside.
    interpreter = Interpreter(
        model_content=float_tflite,
        num_threads=1,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    runner = interpreter.get_signature_runner(graph.signature)
    activations = {
        index: tensor
        for index, tensor in enumerate(graph.tensors)
        if tensor.constant is None and tensor.type == "FLOAT32"
    }
    # All tensors of a run behind one another: a long sequence has many runs, and each tensor few values.
    begins = np.cumsum([0, *(math.prod(tensor.shape) for tensor in activations.values())])[:-1]
    lows, highs = np.full(len(begins), np.inf, np.float32), np.full(len(begins), -np.inf, np.float32)
    n_inputs = 0
    for n_inputs, sample in enumerate(inputs, start=1):  # noqa: B007  # counts them
        runner(**sample)
        values = np.concatenate([interpreter.get_tensor(index, graph.index).ravel() for index in activations])
        lows = np.minimum(lows, np.minimum.reduceat(values, begins))
        highs = np.maximum(highs, np.maximum.reduceat(values, begins))
    if not n_inputs:
        raise ValueError("Expected at least one calibration input. Received: none")
    ends = zip(activations.values(), lows, highs, strict=True)
    return {tensor.name: Range(float(low), float(high)) for tensor, low, high in ends}


def run_begins(runs: Sequence[int] | None, count: int) -> frozenset[int]:
    """Returns the indices of inputs that start at states of zero: the first of each of the `runs`; without them all."""
    if runs is None:
        return frozenset(range(count))
    return frozenset(int(begin) for begin in np.cumsum([0, *runs])[:-1])


def step_inputs(
    float_tflite: bytes, form: StepForm, crops: Float32, begins: Collection[int]
) -> Iterator[Mapping[str, Float32]]:
    """Yields the inputs of `step` at every step of each crop: its lines, and the states from the step before.

    The crops at the indices `begins` start at states of zero.
    """
    step = Interpreter(model_content=float_tflite, num_threads=1).get_signature_runner(STEP)
    zeros = {name: np.zeros(shape, np.float32) for name, shape in form.states.items()}
    model = SignatureModel(step, named_states(zeros), next(iter(form.outputs)))
    loop = StepLoop(model)
    for index, crop in enumerate(crops):
        if index in begins:
            loop.reset()
        for lines in lines_of(crop, form):
            loop.step(lines)
            yield dict(model.inputs)


def lines_of(crop: npt.NDArray[Any], form: StepForm) -> Iterator[npt.NDArray[Any]]:
    """Yields the lines `[1, ...]` of each step of an input `[...]`."""
    image = crop.swapaxes(0, 1) if form.time_axis == "columns" else crop
    for lines in np.split(image, len(image) // form.lines[1]):
        yield lines[np.newaxis]
