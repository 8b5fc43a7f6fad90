"""The float reference of a continuous model: its float `step`, which keeps its states from one input to the next.

Keras can run recurrent layers so, by `stateful=True`, and what it then gives is compared with `step`. It cannot carry a
convolution's rows from one input to the next; for such networks the first input of each run is compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import keras
import numpy as np
from ai_edge_litert.interpreter import Interpreter

from converters.convert import Conversion
from converters.lowering.states_kept import with_states
from converters.quantisation.ranges import run_begins
from converters.tflite.graph import read_graphs
from device.arrays import Float32
from device.signatures import STEP
from device.step_loop import SignatureModel, StepLoop, named_states
from pipeline.gate.reference import float_outputs

# Keras runs one input at a time, in milliseconds each.
_COMPARED = 200
# What `converters.lowering` calls the rows that a convolution or a mean over time keeps.
_ROWS = "rows"


def streamed_outputs(conversion: Conversion, inputs: Float32, runs: Sequence[int] | None) -> Mapping[str, Float32]:
    """Returns the outputs of the float `step` for whole inputs `<float32>[n, ...]`, by name.

    `runs` are the numbers of inputs that follow one another. An output has its values after the last line of each
    input, or those of all steps if it answers each.
    """
    (step,) = (graph for graph in read_graphs(conversion.float_tflite) if graph.signature == STEP)
    facts, names = conversion.facts, tuple(conversion.facts.heads)
    signature = Interpreter(model_content=conversion.float_tflite, num_threads=1).get_signature_runner(STEP)
    zeros = {name: np.zeros(step.inputs[name].shape, np.float32) for name in step.states}
    model = SignatureModel(signature, named_states(zeros), names[0])
    loop, begins = StepLoop(model), run_begins(runs, len(inputs))
    read: dict[str, list[Float32]] = {name: [] for name in names}
    for index, one in enumerate(inputs.swapaxes(1, 2) if facts.time_axis == "columns" else inputs):
        if index in begins:
            loop.reset()
        after = []
        for lines in np.split(one, facts.steps):
            loop.step(lines[np.newaxis])
            after.append({name: np.array(model.output(name)[0]) for name in names})
        for name in names:
            each = [outputs[name] for outputs in after]
            read[name].append(np.concatenate(each) if name in facts.per_step else each[-1])
    return {name: np.stack(each) for name, each in read.items()}


def greatest_difference(
    network: keras.Model, conversion: Conversion, inputs: Float32, runs: Sequence[int], *, keep_head: bool
) -> tuple[float, str]:
    """Returns how far `step` is from Keras at most, relative to Keras' greatest output, and what was compared."""
    (step,) = (graph for graph in read_graphs(conversion.float_tflite) if graph.signature == STEP)
    carries = not any(name.startswith(_ROWS) for name in step.states)
    compared = [run if carries else run[:1] for run in _runs(inputs, runs)]
    worst = 0.0
    for run in compared:
        expected = _kept(network, run, keep_head=keep_head)
        received = streamed_outputs(conversion, run, (len(run),))
        for name, values in expected.items():
            differences = values - received[name]
            if conversion.facts.heads[name] == "softmax":
                # Keras gives logarithms of probabilities, which are logits but for one number for each answer.
                differences = differences - differences.mean(axis=-1, keepdims=True)
            worst = max(worst, float(np.abs(differences).max() / max(np.abs(values).max(), 1e-3)))
    count = sum(map(len, compared))
    how = "one after another" if carries else "each the first of its run, as Keras carries no rows of a convolution"
    return worst, f"{count:,} inputs, {how}"


def _runs(inputs: Float32, runs: Sequence[int]) -> Iterator[Float32]:
    for begin, length in zip(sorted(run_begins(runs, len(inputs))), runs, strict=True):
        if begin < _COMPARED:
            yield inputs[begin : min(begin + length, _COMPARED)]


def _kept(network: keras.Model, run: Float32, *, keep_head: bool) -> Mapping[str, Float32]:
    kept = with_states(network, kept=True)
    each = [float_outputs(kept, one[np.newaxis], keep_head=keep_head) for one in run]
    return {name: np.concatenate([outputs[name] for outputs in each]) for name in each[0]}
