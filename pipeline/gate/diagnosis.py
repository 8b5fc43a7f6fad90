"""What helps whoever was refused: where in the graph int8 loses the signal, which classes lost, on which images.

Not a verdict.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from scipy.special import softmax

from converters.graph import read_graphs
from device.pixels import unit_range
from device.quantisation import quantise_pixels
from pipeline.gate.accuracy import float_indices, int8_indices, right
from pipeline.gate.case import Case

_MEASURED_CROPS = 64

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TensorNoise:
    """An activation's signal-to-noise ratio, int8 against float: 10 log10(sum of float² / sum of (float - int8)²).

    `place` counts in the order of the graph: the first that is bad is where to look.
    """

    name: str
    place: int
    snr_db: float


@dataclass(frozen=True)
class ClassRecall:
    """How many of a class' images each model reads right, in percent."""

    label: str
    images: int
    float_recall_percent: float
    int8_recall_percent: float


@dataclass(frozen=True)
class Disagreement:
    """An image to which the two give different answers."""

    image: int
    shown: str
    float_answer: str
    float_probability: float
    int8_answer: str
    int8_probability: float


@dataclass(frozen=True)
class Diagnosis:
    """Tensors with the worst first, classes that lost with the worst first, and the images in the data's order."""

    tensors: tuple[TensorNoise, ...]
    classes: tuple[ClassRecall, ...]
    disagreements: tuple[Disagreement, ...]


def diagnose(case: Case) -> Diagnosis:
    """Returns where int8 differs from float; tensors only where the conversion can be repeated, for a float twin."""
    tensors = sorted(_noise(case), key=lambda tensor: tensor.snr_db) if case.can_convert else []
    return Diagnosis(tuple(tensors), tuple(_classes_that_lost(case)), tuple(_disagreements(case)))


def _noise(case: Case) -> Iterator[TensorNoise]:
    crops = case.splits.judged.crops[:_MEASURED_CROPS]
    int8 = _activations(case.content, quantise_pixels(crops)[..., np.newaxis])
    twin = _activations(case.conversion.float_tflite, unit_range(crops))
    for place, (name, real) in enumerate(twin.items()):
        if name in int8:
            yield TensorNoise(name, place, _snr_db(real, int8[name]))


def _snr_db(real: Floats, received: Floats) -> float:
    noise, signal = float(((real - received) ** 2).sum()), float((real**2).sum())
    if not noise:
        return math.inf
    return round(10 * math.log10(signal / noise), 2) if signal else -math.inf


def _activations(content: bytes, inputs: npt.NDArray[np.generic]) -> Mapping[str, Floats]:
    """Each activation of `classify` by name, in real numbers, for all inputs one after another."""
    interpreter = Interpreter(
        model_content=content,
        num_threads=1,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    (graph,) = (graph for graph in read_graphs(content) if graph.signature == "classify")
    classify = interpreter.get_signature_runner("classify")
    (name,) = graph.inputs
    kept = [(index, tensor) for index, tensor in enumerate(graph.tensors) if tensor.constant is None]
    seen: dict[str, list[Floats]] = {tensor.name: [] for _, tensor in kept}
    for sample in inputs:
        classify(**{name: sample[np.newaxis]})
        for index, tensor in kept:
            values = interpreter.get_tensor(index, graph.index).astype(np.float64)
            if tensor.type == "INT8":
                values = (values - tensor.zero_points[0]) * tensor.scales[0]
            seen[tensor.name].append(values)
    return {tensor: np.array(values) for tensor, values in seen.items()}


def _classes_that_lost(case: Case) -> list[ClassRecall]:
    labels = case.splits.judged.labels
    float_right, int8_right = right(case, float_indices(case)), right(case, int8_indices(case))
    classes = [
        ClassRecall(
            label=name,
            images=int((labels == label).sum()),
            float_recall_percent=round(100 * float(float_right[labels == label].mean()), 2),
            int8_recall_percent=round(100 * float(int8_right[labels == label].mean()), 2),
        )
        for label, name in enumerate(case.splits.names)
    ]
    lost = [each for each in classes if each.int8_recall_percent < each.float_recall_percent]
    return sorted(lost, key=lambda each: each.int8_recall_percent - each.float_recall_percent)


def _disagreements(case: Case) -> Iterator[Disagreement]:
    answers = float_indices(case)
    probabilities = softmax(case.float_logits.astype(np.float64) / case.manifest.temperature, axis=1)
    for image in np.flatnonzero(answers != int8_indices(case)):
        prediction = case.predictions[image]
        yield Disagreement(
            image=int(image),
            shown=case.splits.names[case.splits.judged.labels[image]],
            float_answer=case.manifest.labels[answers[image]],
            float_probability=round(float(probabilities[image].max()), 4),
            int8_answer=case.manifest.labels[prediction.index],
            int8_probability=round(prediction.probability, 4),
        )
