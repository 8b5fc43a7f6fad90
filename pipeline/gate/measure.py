"""Measures a case for the reports: both models' answers and probabilities, the signal in int8, and its latency."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from PIL import Image
from scipy.special import softmax

from converters.tflite.graph import read_graphs
from device.arrays import Bools, Float64, Indices, UInt8
from device.signatures import CLASSIFY
from pipeline.data.data_form import DataForm, Inputs
from pipeline.gate.accuracy import Paired, float_indices, int8_indices, right
from pipeline.gate.case import Case
from pipeline.gate.confidence import BINS, bin_indices, confidences
from pipeline.gate.early_exit import measured_early_exit
from pipeline.gate.record import Answers, Example, Latency, Measurements, RecallChange, ReliabilityBin, TensorSignal

_PICTURES = 100
_MISTAKES = 24
_COLOURS = (3, 4)
_LATENCY_BINS = 40
_SIGNAL_CROPS = 64


def measure(case: Case) -> Measurements:
    """Returns the measurements of a case that passed the stages up to `reference`."""
    reference, answers = float_indices(case), int8_indices(case)
    real = confidences(case.float_logits, case.manifest.output.temperature)
    pair = Paired(right(case, reference), right(case, answers))
    probability = np.array([prediction.probability for prediction in case.predictions])
    wrong = np.flatnonzero(~pair.int8_right)
    surest = wrong[np.argsort(-probability[wrong], kind="stable")][:_MISTAKES]
    labels, names = case.splits.test.labels, case.splits.names
    return Measurements(
        names=names,
        labels=case.manifest.labels,
        float=_answers(case, reference, pair.float_right, real),
        int8=_answers(case, answers, pair.int8_right, probability),
        overall=_change("", pair),
        classes=tuple(_change(name, pair[labels == label]) for label, name in enumerate(names)),
        tensors=tuple(tensor_signals(case)),
        disagreements=tuple(_examples(case, np.flatnonzero(reference != answers))),
        mistakes=tuple(_examples(case, surest)),
        latency=latency(np.array([prediction.latency_ms for prediction in case.predictions])),
        early_exit=measured_early_exit(case),
        manifest=case.manifest,
    )


def latency(measured_ms: Float64) -> Latency:
    """Returns the distribution of times `<float64>[n]`; those beyond the 99th percentile are only counted."""
    minimum, p99 = float(measured_ms.min()), float(np.percentile(measured_ms, 99))
    # Equal times, as a coarse clock gives, still need a bin of some width.
    counts, edges = np.histogram(measured_ms, _LATENCY_BINS, (minimum, max(p99, minimum + 1e-4)))
    return Latency(
        edges_ms=tuple(round(float(edge), 7) for edge in edges),
        counts=tuple(int(count) for count in counts),
        slower=int(len(measured_ms) - counts.sum()),
        median_ms=round(float(np.median(measured_ms)), 6),
        p99_ms=round(p99, 6),
    )


def reliability_bins(confidence: Float64, right: Bools) -> Iterator[ReliabilityBin]:
    """Yields the bins of equal width that hold an image, for confidences `[n]` in 0..1."""
    bins = bin_indices(confidence)
    for index in np.unique(bins):
        inside = bins == index
        yield ReliabilityBin(
            lower=float(index / BINS),
            upper=float((index + 1) / BINS),
            images=int(inside.sum()),
            confidence=round(float(confidence[inside].mean()), 6),
            right=int(right[inside].sum()),
        )


def _answers(case: Case, answers: Indices, right: Bools, confidence: Float64) -> Answers:
    counts = np.zeros((len(case.splits.names), len(case.manifest.labels)), np.intp)
    np.add.at(counts, (case.splits.test.labels, answers), 1)
    return Answers(
        confusion=tuple(tuple(int(count) for count in row) for row in counts),
        bins=tuple(reliability_bins(confidence, right)),
    )


def _change(label: str, pair: Paired) -> RecallChange:
    low, high = pair.drop_interval_pp
    return RecallChange(
        label=label,
        images=len(pair.float_right),
        float_right=int(pair.float_right.sum()),
        lost=pair.lost,
        won=pair.won,
        low_pp=round(-high, 4),
        high_pp=round(-low, 4),
    )


def _examples(case: Case, images: Indices) -> Iterator[Example]:
    answers, labels = float_indices(case), case.manifest.labels
    probabilities = softmax(case.float_logits.astype(np.float64) / case.manifest.output.temperature, axis=1)
    for count, image in enumerate(images):
        prediction = case.predictions[image]
        yield Example(
            image=int(image),
            shown=case.splits.names[case.splits.test.labels[image]],
            float_answer=labels[answers[image]],
            float_probability=round(float(probabilities[image].max()), 4),
            int8_answer=labels[prediction.index],
            int8_probability=round(prediction.probability, 4),
            png=_png(case.splits.test.crops[image], case.splits.form) if count < _PICTURES else "",
        )


def as_picture(pixels: Inputs, form: DataForm) -> UInt8 | None:
    """Returns an image in grey or colours, of a video the frame in its middle; None for a sequence of numbers."""
    if form.kind == "sequence":
        return None
    for _ in form.shape[3:]:
        pixels = pixels[len(pixels) // 2]
    return np.asarray(pixels if pixels.ndim == 2 or pixels.shape[-1] in _COLOURS else pixels[..., 0], np.uint8)


def _png(pixels: Inputs, form: DataForm) -> str:
    picture = as_picture(pixels, form)
    if picture is None:
        return ""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "png", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def tensor_signals(case: Case) -> Iterator[TensorSignal]:
    """Yields each activation that int8 and the float reference share; nothing if the conversion cannot be repeated."""
    if not case.can_convert or CLASSIFY not in {graph.signature for graph in case.graphs}:
        return
    crops = case.splits.test.crops[:_SIGNAL_CROPS]
    int8 = _activations(case.content, case.quantised(crops))
    reference = _activations(case.conversion.float_tflite, case.splits.form.real(crops))
    for index, (name, real) in enumerate(reference.items()):
        if name in int8:
            yield TensorSignal(name, index, float((real**2).sum()), float(((real - int8[name]) ** 2).sum()))


def _activations(content: bytes, inputs: npt.NDArray[np.generic]) -> Mapping[str, Float64]:
    """Returns each activation of `classify` by name, dequantised, `<float64>[n, ...]` for n inputs."""
    interpreter = Interpreter(
        model_content=content,
        num_threads=1,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    (graph,) = (graph for graph in read_graphs(content) if graph.signature == CLASSIFY)
    classify = interpreter.get_signature_runner(CLASSIFY)
    (name,) = graph.inputs
    kept = [(index, tensor) for index, tensor in enumerate(graph.tensors) if tensor.constant is None]
    seen: dict[str, list[Float64]] = {tensor.name: [] for _, tensor in kept}
    for sample in inputs:
        classify(**{name: sample[np.newaxis]})
        for index, tensor in kept:
            values = interpreter.get_tensor(index, graph.index).astype(np.float64)
            if tensor.type == "INT8":
                values = (values - tensor.zero_points[0]) * tensor.scales[0]
            seen[tensor.name].append(values)
    return {tensor: np.array(values) for tensor, values in seen.items()}
