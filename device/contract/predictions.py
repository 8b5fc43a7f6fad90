"""What a model's output says, by its kind: classes, yes or no, labels, values, and each of these after every time step.

Sources: Guo et al., On Calibration of Modern Neural Networks, 2017, section 4.2 (temperature); Graves et al.,
Connectionist Temporal Classification, 2006, section 3.2 (best path decoding).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from ..arrays import Int8
from ..quantisation import Softmax
from .manifest import OutputContract

_TOP = 3
_EVEN = 0.5


class Prediction(NamedTuple):
    """The answer of an output of classes: the most probable class.

    Attributes:
        label: its name; None if its probability is below the manifest's threshold.
        index: its index.
        probability: its probability, 0..1.
        top: the names and probabilities of the three most probable classes, most probable first.
        lines_read: how many lines of the input were read for it.
        latency_ms: the time from the input, or the last line read, to the answer.
    """

    label: str | None
    index: int  # type: ignore[assignment]  # in place of a tuple's method of this name
    probability: float
    top: tuple[tuple[str, float], ...]
    lines_read: int
    latency_ms: float


class BinaryPrediction(NamedTuple):
    """The answer of a binary output.

    Attributes:
        label: whether it is so; None if that answer's probability is below the manifest's threshold.
        probability: that it is so, 0..1.
        lines_read: as for `Prediction`.
        latency_ms: as for `Prediction`.
    """

    label: bool | None
    probability: float
    lines_read: int
    latency_ms: float


class MultilabelPrediction(NamedTuple):
    """The answer of an output of labels that do not exclude each other.

    Attributes:
        labels: those whose probability is at least the manifest's threshold, or 0.5 if that is 0.
        probabilities: those of all labels, 0..1, in the manifest's order.
        lines_read: as for `Prediction`.
        latency_ms: as for `Prediction`.
    """

    labels: tuple[str, ...]
    probabilities: tuple[float, ...]
    lines_read: int
    latency_ms: float


class ValuesPrediction(NamedTuple):
    """The answer of an output of real numbers.

    Attributes:
        values: the numbers, in the order of the manifest's labels.
        units: their units, by the manifest.
        lines_read: as for `Prediction`.
        latency_ms: as for `Prediction`.
    """

    values: tuple[float, ...]
    units: str
    lines_read: int
    latency_ms: float


class StepsPrediction(NamedTuple):
    """The answers of an output that has one for each time step.

    Attributes:
        steps: the answers, by the output's kind.
        text: the transcription that they spell, if the output's decoding is `ctc`, else None.
        lines_read: as for `Prediction`.
        latency_ms: as for `Prediction`.
    """

    steps: tuple[Any, ...]
    text: str | None
    lines_read: int
    latency_ms: float


class Decoder(Protocol):
    """Turns an output's logits into an answer."""

    def answer(self, logits: Int8, lines_read: int, started: float) -> Any:
        """Returns what logits `<int8>[classes]` say; `started` is when the computation began, on `perf_counter`."""

    def probabilities(self, logits: Int8) -> tuple[float, ...]:
        """Returns the probability of each label, in order; of values there are none."""

    def certainty(self, logits: Int8) -> float:
        """Returns how probable the answer is, 0..1."""


class _Classes:
    def __init__(self, output: OutputContract) -> None:
        self._softmax = Softmax(output.quantisation, output.temperature)
        self._indices = range(len(output.labels))
        self._labels, self._threshold = output.labels, output.threshold

    def answer(self, logits: Int8, lines_read: int, started: float) -> Prediction:
        values = logits.tolist()
        order = sorted(self._indices, key=values.__getitem__, reverse=True)[:_TOP]
        weights, total = self._softmax.weights(values, values[order[0]])
        labels = self._labels
        top = tuple([(labels[index], weights[values[index]] / total) for index in order])
        label, probability = top[0]
        accepted = label if probability >= self._threshold else None
        latency_ms = 1e3 * (time.perf_counter() - started)
        return Prediction(accepted, order[0], probability, top, lines_read, latency_ms)

    def probabilities(self, logits: Int8) -> tuple[float, ...]:
        return tuple(self._softmax(logits.tolist()))

    def certainty(self, logits: Int8) -> float:
        return max(self.probabilities(logits))


class _Sigmoids:
    """The parts that binary and multilabel outputs share."""

    def __init__(self, output: OutputContract) -> None:
        self._output = output

    def probabilities(self, logits: Int8) -> tuple[float, ...]:
        reals = self._output.quantisation.dequantise(logits).tolist()
        return tuple(_sigmoid(real / self._output.temperature) for real in reals)

    def certainty(self, logits: Int8) -> float:
        return min(max(probability, 1 - probability) for probability in self.probabilities(logits))


class _Binary(_Sigmoids):
    def answer(self, logits: Int8, lines_read: int, started: float) -> BinaryPrediction:
        (probability,) = self.probabilities(logits)
        accepted = max(probability, 1 - probability) >= self._output.threshold
        label = probability >= _EVEN if accepted else None
        return BinaryPrediction(label, probability, lines_read, _elapsed_ms(started))


class _Multilabel(_Sigmoids):
    def answer(self, logits: Int8, lines_read: int, started: float) -> MultilabelPrediction:
        probabilities, limit = self.probabilities(logits), self._output.threshold or _EVEN
        named = zip(self._output.labels, probabilities, strict=True)
        labels = tuple(label for label, probability in named if probability >= limit)
        return MultilabelPrediction(labels, probabilities, lines_read, _elapsed_ms(started))


class _Values:
    def __init__(self, output: OutputContract) -> None:
        self._output = output

    def answer(self, logits: Int8, lines_read: int, started: float) -> ValuesPrediction:
        values = tuple(self._output.quantisation.dequantise(logits).tolist())
        return ValuesPrediction(values, self._output.units, lines_read, _elapsed_ms(started))

    def probabilities(self, logits: Int8) -> tuple[float, ...]:
        del logits
        return ()

    def certainty(self, logits: Int8) -> float:
        del logits
        return 0.0


_DECODERS: Mapping[str, Callable[[OutputContract], Decoder]] = MappingProxyType(
    {"classes": _Classes, "binary": _Binary, "multilabel": _Multilabel, "values": _Values}
)


def decoder(output: OutputContract) -> Decoder:
    """Returns what turns the logits of an output, or of one of its time steps, into an answer."""
    return _DECODERS[output.kind](output)


def steps_prediction(
    output: OutputContract, steps: Iterable[Any], best: Sequence[int], lines_read: int, started: float
) -> StepsPrediction:
    """Returns the answers of all time steps as one; `best` has the index of each step's greatest logit."""
    text = transcription(best, output.labels) if output.decoding else None
    return StepsPrediction(tuple(steps), text, lines_read, _elapsed_ms(started))


def as_json(prediction: Any) -> dict[str, Any]:
    """Returns the fields of a prediction by name, with those of each time step's answer, for a line of JSON."""
    fields: dict[str, Any] = prediction._asdict()
    if isinstance(prediction, StepsPrediction):
        fields["steps"] = [as_json(step) for step in prediction.steps]
    return fields


def answers_as_json(answers: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the fields of the answers of all outputs: those of a single one, or `outputs` with each by its name."""
    fields = {name: as_json(answer) for name, answer in answers.items()}
    return fields.popitem()[1] if len(fields) == 1 else {"outputs": fields}


def transcription(best: Sequence[int], labels: Sequence[str]) -> str:
    """Returns the text that each step's best class spells: repeats count once, the last class is a blank."""
    blank = len(labels) - 1
    return "".join(labels[index] for index, _ in groupby(best) if index != blank)


def _sigmoid(real: float) -> float:
    # The exponential of a positive number may exceed the greatest float.
    power = math.exp(-abs(real))
    return 1 / (1 + power) if real >= 0 else power / (1 + power)


def _elapsed_ms(started: float) -> float:
    return 1e3 * (time.perf_counter() - started)
