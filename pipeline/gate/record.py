"""What the gate measured of a model, as `gate.json` holds it for reports and other programs.

Not verdicts (`pipeline.gate.judgement`), and not how it is measured (`pipeline.gate.measure`): a reader of `gate.json`
needs no TensorFlow.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from device.manifest import CalibrationRecord, EarlyExit, Runtime

_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class RecallChange:
    """How many images each model reads right; of one class, or of all.

    Attributes:
        label: what the images show; empty for all of them.
        images: how many there are.
        float_right: those that float reads right.
        lost: those that only float reads right.
        won: those that only int8 reads right.
        low_pp: the lower end of the 95 % confidence interval of `change_pp`.
        high_pp: its upper end.
    """

    label: str
    images: int
    float_right: int
    lost: int
    won: int
    low_pp: float
    high_pp: float

    def __post_init__(self) -> None:
        within = 0 <= self.lost <= self.float_right and 0 <= self.won <= self.images - self.float_right
        if self.images < 1 or not within:
            raise ValueError(f"Expected images, and lost and won among them. Received: {self}")

    @property
    def float_percent(self) -> float:
        return 100 * self.float_right / self.images

    @property
    def int8_percent(self) -> float:
        return 100 * (self.float_right - self.lost + self.won) / self.images

    @property
    def change_pp(self) -> float:
        """What int8 reads better than float, in percentage points; below 0 where it reads worse."""
        return 100 * (self.won - self.lost) / self.images


@dataclass(frozen=True)
class ReliabilityBin:
    """The images whose answer is so probable: how many, their mean probability, and how many are read right."""

    lower: float
    upper: float
    images: int
    confidence: float
    right: int

    def __post_init__(self) -> None:
        if not 0 <= self.lower < self.upper <= 1 or not 0 <= self.right <= self.images or not self.images:
            raise ValueError(f"Expected 0 <= lower < upper <= 1 and 0 <= right <= images. Received: {self}")

    @property
    def accuracy(self) -> float:
        return self.right / self.images


@dataclass(frozen=True)
class Answers:
    """One model's answers: `confusion[shown][answered]` counts images; bins without an image are left out."""

    confusion: tuple[tuple[int, ...], ...]
    bins: tuple[ReliabilityBin, ...]

    def __post_init__(self) -> None:
        if not self.bins or min((count for row in self.confusion for count in row), default=-1) < 0:
            raise ValueError(f"Expected bins, and counts of 0 or more. Received: {self}")

    @property
    def calibration_error_pp(self) -> float:
        """The expected calibration error (Guo et al., 2017), in percentage points."""
        images = sum(each.images for each in self.bins)
        return 100 * sum(each.images * abs(each.confidence - each.accuracy) for each in self.bins) / images


@dataclass(frozen=True)
class TensorSignal:
    """An activation's energy in float, and that of its difference from int8. `place` counts in the graph's order."""

    name: str
    place: int
    signal: float
    noise: float

    def __post_init__(self) -> None:
        if not (self.signal >= 0 and self.noise >= 0):
            raise ValueError(f"Expected energies of 0 or more. Received: {self}")

    @property
    def snr_db(self) -> float:
        """The signal-to-noise ratio, 10 log10(signal / noise), to 0.01 dB; infinite where int8 is exact."""
        if not self.noise:
            return math.inf
        if not self.signal:
            return -math.inf
        return round(10 * (math.log10(self.signal) - math.log10(self.noise)), 2)


@dataclass(frozen=True)
class Example:
    """An image, what it shows, and what both models say. `png` is its picture in base64, empty where none was kept."""

    image: int
    shown: str
    float_answer: str
    float_probability: float
    int8_answer: str
    int8_probability: float
    png: str

    def __post_init__(self) -> None:
        if self.png and not base64.b64decode(self.png, validate=True).startswith(_PNG):
            raise ValueError(f"png: Expected a PNG file in base64. Received: {self.png[:40]!r}")


@dataclass(frozen=True)
class Latency:
    """From crop to answer, of each image given whole, on the machine that judged.

    Attributes:
        edges_ms: the histogram's bins, one edge more than there are counts.
        counts: the images in each bin.
        slower: the images beyond the last edge.
        median_ms: half of the images take no longer.
        p99_ms: 99 % of the images take no longer.
    """

    edges_ms: tuple[float, ...]
    counts: tuple[int, ...]
    slower: int
    median_ms: float
    p99_ms: float

    def __post_init__(self) -> None:
        rising = all(low < high for low, high in zip(self.edges_ms, self.edges_ms[1:], strict=False))
        if not self.counts or len(self.edges_ms) != len(self.counts) + 1 or not rising or min(self.counts) < 0:
            raise ValueError(f"Expected rising edges, one more than counts. Received: {self.edges_ms} {self.counts}")


@dataclass(frozen=True)
class Provenance:
    """What the file is and how it was made, as its manifest says."""

    file_bytes: int
    weights_sha256: str
    time_axis: str
    lines_per_step: int
    not_streamable: str
    temperature: float
    threshold: float
    operators: Mapping[str, int]
    runtimes: tuple[Runtime, ...]
    calibration: CalibrationRecord
    packages: Mapping[str, str]
    configuration: Mapping[str, Any]


@dataclass(frozen=True)
class Measurements:
    """All that was measured.

    Attributes:
        names: the classes that images show, in the order of `confusion`'s rows.
        labels: the answers, in the order of its columns.
        float: the float network's answers.
        int8: the file's.
        overall: what int8 changes, over all images.
        classes: the same of each class, in the order of `names`.
        tensors: in the order of the graph; none where the conversion could not be repeated.
        disagreements: images to which the two answer differently, in the data's order.
        mistakes: images that int8 reads wrong, the most confident first, as many as have a picture.
        latency: how long int8 takes.
        early_exit: the accuracy after each time step; None where the file does not stream.
        provenance: how the file was made.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    float: Answers
    int8: Answers
    overall: RecallChange
    classes: tuple[RecallChange, ...]
    tensors: tuple[TensorSignal, ...]
    disagreements: tuple[Example, ...]
    mistakes: tuple[Example, ...]
    latency: Latency
    early_exit: EarlyExit | None
    provenance: Provenance

    def __post_init__(self) -> None:
        shape = [len(self.labels)] * len(self.names)
        for answers in (self.float, self.int8):
            if [len(row) for row in answers.confusion] != shape:
                raise ValueError(f"Expected confusion [{len(self.names)}, {len(self.labels)}]. Received: {answers}")
        if [each.label for each in self.classes] != list(self.names):
            raise ValueError(f"Expected a change of recall for each of {self.names}. Received: {self.classes}")
        if self.early_exit is not None and not self.early_exit.accuracy_after_step:
            raise ValueError("Expected an accuracy after each time step. Received none")
