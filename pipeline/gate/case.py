"""The model to judge, the images and limits for it, and what several checks measure together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
from tqdm import tqdm

from converters.convert import Conversion, convert
from converters.quantisation.ranges import run_begins
from converters.tflite.graph import Graph, read_graphs
from device.arrays import Float32, Float64, Indices, Int8, UInt8
from device.contract.inputs import InputForm
from device.contract.manifest import Manifest
from device.contract.outputs import Output, read_outputs
from device.runner import Runner
from pipeline.data.data_form import Inputs
from pipeline.data.splits import LabelledImages, Splits, digests, in_runs
from pipeline.folders import ModelFolder
from pipeline.gate.limits import Limits
from pipeline.gate.reference import float_outputs
from pipeline.gate.streamed import streamed_outputs
from pipeline.synthesis.negatives import draw_test_negatives
from pipeline.training.networks import load_network
from pipeline.variants import is_small


@dataclass(frozen=True, eq=False)
class Readings:
    """The runner's answers for n inputs given line by line.

    After each time step, the logits of all outputs `<int8>[n, steps, width]`; and of an answer that is a class, its
    indices `<int>[n, steps]` and probabilities `<float64>[n, steps]`. A file that does not stream answers once.
    """

    logits: Int8
    indices: Indices
    probabilities: Float64


@dataclass(frozen=True, eq=False)
class Continued:
    """What a continuous model says of n inputs, one after another.

    Its logits `<int8>[n, steps, width]` after each step, and its answers after the last one of each input.
    """

    rows: Int8
    answers: tuple[Any, ...]


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
    def network(self) -> keras.Model:
        """The float network that the file was made from."""
        return load_network(self.folder.path.resolve().name, self.folder)

    @property
    def is_class(self) -> bool:
        """Whether the answer is one class for each input."""
        return self.manifest.output.kind == "classes" and not self.manifest.output.per_step

    @cached_property
    def outputs(self) -> tuple[Output, ...]:
        return read_outputs(self.manifest)

    @cached_property
    def float_outputs(self) -> Mapping[str, Float32]:
        """The float network's outputs for the test inputs by name, `<float32>[n, ...]`; see `float_outputs`."""
        inputs = self.splits.form.real(self.splits.test.crops)
        if self.manifest.continuous:
            return streamed_outputs(self.conversion, inputs, self.splits.test.runs)
        return float_outputs(self.network, inputs, keep_head=self.splits.task == "regression")

    @cached_property
    def float_logits(self) -> Float32:
        """The first of these, which is the answer."""
        return next(iter(self.float_outputs.values()))

    def int8_output(self, output: Output) -> Float32:
        """Returns the runner's values of an output for the test inputs, `<float32>[n, ...]`.

        Each is given whole, but to a continuous model one after another.
        """
        if self.manifest.continuous:
            return self.real(output, self.continued.rows)
        # Whole inputs have the last row alone, if only some outputs answer each step.
        lacks_steps = output.each_step and self.whole_logits.ndim == 2
        return self.real(output, self.readings.logits if lacks_steps else self.whole_logits)

    def real(self, output: Output, rows: Int8) -> Float32:
        """Returns the values `<float32>[n, ...]` of an output in rows `<int8>[n, width]`, or several for each input."""
        contract = next(each for each in self.manifest.outputs if each.name == output.name)
        rows = rows if output.each_step or rows.ndim == 2 else rows[:, -1]
        return contract.quantisation.dequantise(rows[..., output.columns].reshape(len(rows), *contract.shape[1:]))

    @cached_property
    def predictions(self) -> tuple[Any, ...]:
        """The runner's answers for the test inputs, each given whole, but to a continuous model one after another."""
        if self.manifest.continuous:
            return self.continued.answers
        with Runner(self.folder.path) as runner:
            return tuple(runner.classify(crop) for crop in self.each(self.splits.test.crops, "answers"))

    @cached_property
    def whole_logits(self) -> Int8:
        """The runner's logits for the test inputs, each given whole: `<int8>[n, width]`, or several rows."""
        return self.logits(self.splits.test.crops, "whole")

    @cached_property
    def line_logits(self) -> Int8:
        """The same for the test inputs given line by line."""
        return self.as_whole(self.readings.logits)

    def as_whole(self, rows: Int8) -> Int8:
        """Returns of the rows `<int8>[n, steps, width]` after each step those that whole inputs have."""
        return rows[:, -1] if self.whole_logits.ndim == 2 else rows[:, -self.whole_logits.shape[1] :]

    @cached_property
    def continued(self) -> Continued:
        """A continuous model's answers for the test inputs, one after another."""
        return self.read_on(self.splits.test, "one after another")

    def read_on(self, inputs: LabelledImages, what: str) -> Continued:
        """Returns a continuous model's answers for inputs that it reads one after another; it is reset for each run."""
        rows, answers, begins = [], [], run_begins(inputs.runs, len(inputs))
        with Runner(self.folder.path) as runner:
            for index, one in enumerate(self.each(inputs.crops, what)):
                if index in begins:
                    runner.reset()
                pushed = [(answer, runner.partial_logits) for answer in map(runner.push, runner.lines(one))]
                after, logits = zip(*(each for each in pushed if each[0] is not None), strict=True)
                rows.append(logits)
                answers.append(after[-1])
        return Continued(np.array(rows, np.int8), tuple(answers))

    @cached_property
    def readings(self) -> Readings:
        """The runner's answers for the test inputs, each given line by line."""
        logits, steps = [], []
        with Runner(self.folder.path) as runner:
            for one in self.each(self.splits.test.crops, "line by line"):
                answers, rows = zip(*((answer, runner.partial_logits) for answer in runner.steps(one)), strict=True)
                logits.append(rows)
                if self.is_class:
                    steps.append([(answer.index, answer.probability) for answer in answers])
        indices, probabilities = np.moveaxis(np.array(steps), 2, 0) if steps else np.zeros((2, 0, 0))
        return Readings(np.array(logits, np.int8), indices.astype(np.intp), probabilities)

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
    def known_crops(self) -> Mapping[str, Inputs]:
        """Every input that may calibrate, by its SHA-256."""
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
        inputs = np.array([self.known_crops[digest] for digest in self.calibration_digests])
        form, keep_head = self.splits.form, self.splits.task == "regression"
        precision, name = self.manifest.precision, self.folder.path.resolve().name
        given = in_runs(form.real(inputs), self.splits.calibration.runs)
        return convert(self.network, given, form.range, keep_head=keep_head, precision=precision, small=is_small(name))

    def quantised(self, inputs: Inputs) -> Int8:
        """Returns inputs `[n, ...]` as the int8 file takes them, `<int8>[n, ...]`."""
        form = InputForm(self.manifest)
        return np.concatenate([form.quantised(form.checked(one)) for one in inputs])

    def logits(self, inputs: Inputs, what: str, *, threads: int = 1) -> Int8:
        """Returns the runner's logits for whole inputs `[n, ...]`: `<int8>[n, width]`, or several rows for each."""
        with Runner(self.folder.path, threads=threads) as runner:
            return np.array([runner.logits(one) for one in self.each(inputs, what)])

    def each(self, inputs: Inputs, what: str) -> Iterable[Any]:
        """Returns the inputs one by one, behind a progress bar."""
        return tqdm(inputs, desc=f"{self.manifest.name} {what}", disable=None)
