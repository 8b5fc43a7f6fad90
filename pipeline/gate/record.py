"""The gate's measurements of a model, as `gate.json` holds them for reports and other programs.

No import here needs TensorFlow.
"""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass

from device.contract.manifest import EarlyExit, Manifest

_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class RecallChange:
    """How many images of a class, or of all where `label` is empty, each model classifies correctly.

    Only float is right on `lost` of them, only int8 on `won`; the bounds are `change_pp`'s 95 % confidence interval.
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
        """int8 accuracy minus float accuracy, in percentage points."""
        return 100 * (self.won - self.lost) / self.images


@dataclass(frozen=True)
class ReliabilityBin:
    """The images whose answer has a probability in a range: how many, their mean probability, how many are correct."""

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
    """One model's answers: `confusion[shown][answered]` counts images; empty bins are left out."""

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
    """An activation's energy in float, and that of its difference from int8. `index` is the position in the graph."""

    name: str
    index: int
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
    """An image, what it shows, and both models' answers. `png` is the image in base64, empty where none was kept."""

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
    """The time from crop to answer, of each image given whole, on the gate machine.

    The histogram has one edge more than counts; `slower` images are beyond the last edge.
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
class Measurements:
    """All measurements of a model.

    Confusion matrices have a row for each of `names`, the classes of the images, and a column for each of `labels`, the
    answers. `tensors` are in the order of the graph, and empty if the conversion could not be repeated; `disagreements`
    are in the order of the images, `mistakes` are int8's, the most confident first. `early_exit` is what the manifest's
    probability does by the gate's own count; None where the manifest has none.
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
    manifest: Manifest

    def __post_init__(self) -> None:
        shape = [len(self.labels)] * len(self.names)
        for answers in (self.float, self.int8):
            if [len(row) for row in answers.confusion] != shape:
                raise ValueError(f"Expected confusion [{len(self.names)}, {len(self.labels)}]. Received: {answers}")
        if [each.label for each in self.classes] != list(self.names):
            raise ValueError(f"Expected a change of recall for each of {self.names}. Received: {self.classes}")
        if self.early_exit is not None and not self.early_exit.accuracy_after_step:
            raise ValueError("Expected an accuracy after each time step. Received none")
