"""The model to judge, the images and limits for it, and what several checks measure together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import keras
import numpy as np
from tqdm import tqdm

from converters.convert import Conversion, convert
from converters.tflite.graph import Graph, read_graphs
from device.arrays import Float32, Float64, Indices, Int8, UInt8
from device.manifest import Manifest
from device.pixels import unit_range
from device.runner import Prediction, Runner
from pipeline.data.splits import Splits, digests
from pipeline.folders import ModelFolder
from pipeline.gate.limits import Limits
from pipeline.synthesis.negatives import draw_test_negatives
from pipeline.training.networks import load_network


@dataclass(frozen=True, eq=False)
class Readings:
    """The runner's answers for n crops given line by line.

    After each time step, their indices `<int>[n, steps]` and probabilities `<float64>[n, steps]`; at the end the logits
    `<int8>[n, classes]`. A file that does not stream answers once.
    """

    indices: Indices
    probabilities: Float64
    logits: Int8


@dataclass(frozen=True)
class Case:
    """A model to judge. Each measurement is made when it is first needed, and kept."""

    folder: ModelFolder
    manifest: Manifest
    splits: Splits
    limits: Limits

    @cached_property
    def content(self) -> bytes:
        return (self.folder.path / self.manifest.file.name).read_bytes()

    @cached_property
    def graphs(self) -> tuple[Graph, ...]:
        return read_graphs(self.content)

    @cached_property
    def network(self) -> keras.Sequential:
        """The float network that the file was made from."""
        return load_network(self.folder.path.resolve().name, self.folder)

    @cached_property
    def float_logits(self) -> Float32:
        """The float network's logits for the test images, `<float32>[n, classes]`."""
        return np.asarray(self.network.predict(unit_range(self.splits.test.crops), batch_size=500, verbose=0))

    @cached_property
    def predictions(self) -> tuple[Prediction, ...]:
        """The runner's answers for the test images, each given whole."""
        with Runner(self.folder.path) as runner:
            return tuple(runner.classify(crop) for crop in self.each(self.splits.test.crops, "answers"))

    @cached_property
    def whole_logits(self) -> Int8:
        """The runner's logits for the test images, each given whole, `<int8>[n, classes]`."""
        return self.logits(self.splits.test.crops, "whole")

    @cached_property
    def line_logits(self) -> Int8:
        """The runner's logits for the test images, each given line by line, `<int8>[n, classes]`."""
        return self.readings.logits

    @cached_property
    def readings(self) -> Readings:
        """The runner's answers for the test images, each given line by line."""
        steps, logits = [], []
        with Runner(self.folder.path) as runner:
            for crop in self.each(self.splits.test.crops, "line by line"):
                steps.append([(answer.index, answer.probability) for answer in runner.steps(crop)])
                logits.append(runner.partial_logits)
        indices, probabilities = np.moveaxis(np.array(steps), 2, 0)
        return Readings(indices.astype(np.intp), probabilities, np.array(logits, np.int8))

    @cached_property
    def negatives(self) -> UInt8 | None:
        """Crops without a digit, `<uint8>[n, 28, 28]`; None if the labels are not digits."""
        return draw_test_negatives(self.splits)

    @cached_property
    def negative_probabilities(self) -> Float64:
        """The runner's probabilities for the crops without a digit, each given whole, `<float64>[n]`."""
        if self.negatives is None:
            raise ValueError("Expected negatives. There are none for the labels of the data")
        with Runner(self.folder.path) as runner:
            return np.array([runner.classify(crop).probability for crop in self.each(self.negatives, "negatives")])

    @cached_property
    def calibration_digests(self) -> tuple[str, ...]:
        """The SHA-256 of each crop that calibrated the file, by the record."""
        return tuple(self.folder.calibration.read_text().split())

    @cached_property
    def known_crops(self) -> Mapping[str, UInt8]:
        """Every crop that may calibrate, by its SHA-256."""
        sources = (self.splits.calibration.crops, self.splits.training.crops, self.splits.validation.crops)
        return {digest: crop for crops in sources for digest, crop in zip(digests(crops), crops, strict=True)}

    @cached_property
    def test_digests(self) -> frozenset[str]:
        return frozenset(digests(self.splits.test.crops))

    @property
    def has_its_data(self) -> bool:
        """Whether the data loaded are those that the file was made with."""
        return self.manifest.calibration.source == self.splits.calibration.source

    @property
    def can_convert(self) -> bool:
        """Whether the data loaded hold every recorded calibration crop."""
        return bool(self.calibration_digests) and self.known_crops.keys() >= set(self.calibration_digests)

    @cached_property
    def conversion(self) -> Conversion:
        """A new conversion, from the float network and the recorded calibration crops."""
        crops = np.array([self.known_crops[digest] for digest in self.calibration_digests])
        return convert(self.network, unit_range(crops))

    def logits(self, crops: UInt8, what: str, *, threads: int = 1) -> Int8:
        """Returns the runner's logits for whole crops `<uint8>[n, 28, 28]`, `<int8>[n, classes]`."""
        with Runner(self.folder.path, threads=threads) as runner:
            return np.array([runner.logits(crop) for crop in self.each(crops, what)])

    def each(self, crops: UInt8, what: str) -> Iterable[UInt8]:
        """Returns the crops one by one, behind a progress bar."""
        return tqdm(crops, desc=f"{self.manifest.name} {what}", disable=None)
