"""Runs a model on crops that keep the pixel contract (`device.pixels`): whole, or line by line as lines arrive."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .arrays import Int8, UInt8
from .closing import Closing
from .golden import Golden, read_golden
from .interpreter import load_interpreter, refusing, without_chatter
from .manifest import Manifest, ManifestError, TensorContract, read_manifest
from .pixels import LINE_SHAPE, SIDE, UINT8, checked_crop, checked_line
from .quantisation import PIXEL_QUANTISATION, Softmax, quantise_pixels
from .signatures import CLASSIFY, LINES, STEP, step_contracts
from .streaming import Collector, Reader, Stream

_TOP = 3


class Prediction(NamedTuple):
    """The answer for a crop: the most probable class.

    Attributes:
        label: its name; None if its probability is below the manifest's threshold.
        index: its index.
        probability: its probability, 0..1.
        top: the names and probabilities of the three most probable classes, most probable first.
        lines_read: how many lines of the crop were read for it.
        latency_ms: the time from the crop, or the last line read, to the answer.
    """

    label: str | None
    index: int  # type: ignore[assignment]  # in place of a tuple's method of this name
    probability: float
    top: tuple[tuple[str, float], ...]
    lines_read: int
    latency_ms: float


def model_folder(path: Path) -> Path:
    """Returns the folder of a model, given it or the file in it.

    Raises FileNotFoundError if there is neither, and ValueError for another file.
    """
    expected = f"{path}: Expected a model's folder, or the .tflite file in it"
    if not path.exists():
        raise FileNotFoundError(f"{expected}. Found neither")
    if path.is_file() and path.suffix != ".tflite":
        raise ValueError(f"{expected}. Received another file")
    return path if path.is_dir() else path.parent


class Runner(Closing):
    """A model, ready to read crops. Not for use from several threads at once.

    >>> with Runner("models/rows2d") as runner:
    ...     runner.classify(crop).label
    '7'
    """

    def __init__(self, path: str | Path, threads: int = 1, runtime: str | None = None) -> None:
        """Loads a model from its folder, e.g. `models/rows2d`, or from the `.tflite` file beside its manifest.

        `threads` and `runtime` are as for `load_interpreter`, whose errors it raises too.

        Raises:
            ManifestError: the manifest cannot be read, or the files are not those it describes.
            OSError: a file cannot be read.
            ValueError: the interpreter cannot run the file, its tensors are not as the manifest says, or it does not
                answer the first golden crop as it did when it was made.
        """
        folder = model_folder(Path(path))
        self.manifest: Manifest = read_manifest(folder)
        if Path(path).is_file() and Path(path).name != self.manifest.file.name:
            raise ManifestError(f"{path}: Expected {self.manifest.file.name} (manifest). Received: {Path(path).name}")
        content = self.manifest.verified_content(folder)
        interpreter, self.runtime = load_interpreter(content, threads, runtime)
        with without_chatter(), refusing(self.runtime.name):
            self._classify = interpreter.get_signature_runner(CLASSIFY)
            self._check_contract()
            self._reader = self._made_reader(content, threads)
            self.golden: Golden = read_golden(folder, self.manifest)
            self._warm_up()
        self._softmax = Softmax(self.manifest.output.quantisation, self.manifest.temperature)
        self._indices = range(len(self.manifest.labels))
        self._received = self._lines_read = 0
        self._step_s = 0.0
        self._so_far: Int8 | None = None
        self._closed = False

    def classify(self, crop: UInt8) -> Prediction:
        """Returns the answer for a crop; raises ValueError unless it is `<uint8>[28, 28]`, RuntimeError once closed."""
        self._refuse_closed()
        started = time.perf_counter()
        return self._prediction(self._logits(checked_crop(crop)), SIDE, started)

    def read(self, crop: UInt8, *, early_exit: bool = False) -> Prediction:
        """Returns the answer for a crop `<uint8>[28, 28]`, pushed line by line along the time axis.

        With `early_exit` it stops at the first settled answer. Raises as `classify` does.
        """
        self.reset()
        for line in self.lines(crop):
            answer = self.push(line)
            if answer is not None:
                return answer
            if early_exit and self._ends_step and self.settled and (partial := self.partial) is not None:
                return partial
        raise RuntimeError(f"Expected an answer after {SIDE} lines. Received none")

    def steps(self, crop: UInt8) -> Iterator[Prediction]:
        """Yields the answer after each time step of a crop `<uint8>[28, 28]`, pushed line by line.

        If the file does not stream there is one answer, after the last line. Raises as `classify` does.
        """
        self.reset()
        for line in self.lines(crop):
            self.push(line)
            if self._ends_step and (partial := self.partial) is not None:
                yield partial

    def lines(self, crop: UInt8) -> UInt8:
        """Returns a crop's lines `<uint8>[28, 28]` as `push` takes them: its rows, or its columns."""
        checked = checked_crop(crop)
        return checked if self.manifest.time_axis == "rows" else np.ascontiguousarray(checked.T)

    def logits(self, crop: UInt8) -> Int8:
        """Returns the raw logits `<int8>[10]` for a crop, given whole; raises as `classify` does."""
        self._refuse_closed()
        return self._logits(checked_crop(crop))

    def step_logits(self, crop: UInt8) -> tuple[Int8, ...]:
        """Returns the raw logits `<int8>[10]` after each time step of a crop, read line by line.

        If the file does not stream there is one step. Raises as `classify` does. Forgets the lines pushed so far.
        """
        self.reset()
        steps = tuple(_read(self._reader, self.lines(crop)))
        self.reset()
        return steps

    def push(self, line: UInt8) -> Prediction | None:
        """Takes the next line `<uint8>[28]` of a crop, along the manifest's time axis; answers after the last one.

        The answer has the logits of `classify`, bit for bit. Before the last line it is None, and `partial` gives the
        answer so far. Raises ValueError for another shape or dtype, and does not count the line; raises RuntimeError if
        the crop is complete (`reset` starts the next one) or the runner is closed.
        """
        if self._closed or self._received == SIDE:
            self._refuse_closed()
            raise RuntimeError(f"Expected reset() after the {SIDE} lines of a crop. Received: another line")
        started = time.perf_counter()
        if type(line) is not np.ndarray or line.shape != LINE_SHAPE or line.dtype != UINT8:
            line = np.asarray(checked_line(line))  # a masked array gives other bytes than its pixels
        logits = self._reader.push(line)
        self._received += 1
        if logits is None:
            return None
        self._so_far = logits
        self._lines_read = self._received
        self._step_s = time.perf_counter() - started
        return self._prediction(logits, SIDE, started) if self._received == SIDE else None

    @property
    def partial(self) -> Prediction | None:
        """The answer for the lines pushed so far, up to the last complete time step; None before the first.

        If the file does not stream, it is None until the last line.
        """
        self._refuse_closed()
        if self._so_far is None:
            return None
        return self._prediction(self._so_far, self._lines_read, time.perf_counter() - self._step_s)

    @property
    def probabilities(self) -> tuple[float, ...] | None:
        """The probability of each class after the lines pushed so far, in the labels' order; None when `partial` is."""
        self._refuse_closed()
        return None if self._so_far is None else tuple(self._softmax(self._so_far.tolist()))

    @property
    def partial_logits(self) -> Int8 | None:
        """The raw logits `<int8>[10]` after the lines pushed so far; None when `partial` is."""
        self._refuse_closed()
        return None if self._so_far is None else self._so_far.copy()

    @property
    def settled(self) -> bool:
        """Whether the answer so far is probable enough, by the manifest, to stop reading."""
        probabilities, limit = self.probabilities, self.manifest.early_exit
        return probabilities is not None and limit is not None and max(probabilities) >= limit.probability

    def reset(self) -> None:
        """Forgets the lines pushed so far: the next line is the first of a new crop."""
        self._refuse_closed()
        self._received = 0
        self._so_far = None
        self._reader.reset()

    def close(self) -> None:
        """Releases the model; every later call but `close` raises RuntimeError."""
        if not self._closed:
            del self._classify, self._reader, self._so_far
        self._closed = True

    def _logits(self, crop: UInt8) -> Int8:
        pixels = quantise_pixels(crop).reshape(self.manifest.input.shape)
        logits: Int8 = self._classify(**{self.manifest.input.name: pixels})[self.manifest.output.name][0]
        return logits

    @property
    def _ends_step(self) -> bool:
        return self._received % self.manifest.lines_per_step == 0

    def _prediction(self, logits: Int8, lines_read: int, started: float) -> Prediction:
        values = logits.tolist()
        order = sorted(self._indices, key=values.__getitem__, reverse=True)[:_TOP]
        weights, total = self._softmax.weights(values, values[order[0]])
        labels = self.manifest.labels
        top = tuple([(labels[index], weights[values[index]] / total) for index in order])
        label, probability = top[0]
        accepted = label if probability >= self.manifest.threshold else None
        latency_ms = 1e3 * (time.perf_counter() - started)
        return Prediction(accepted, order[0], probability, top, lines_read, latency_ms)

    def _made_reader(self, content: bytes, threads: int) -> Reader:
        return self._stream(content, threads) if self.manifest.states else Collector(self._logits, self.manifest)

    def _warm_up(self) -> None:
        # A kernel that cannot be prepared fails only when its tensors are allocated, or in the first call.
        crop = self.golden.crops[0]
        self.golden.check(0, [self._logits(crop)], "read whole")
        self.golden.check(0, list(_read(self._reader, self.lines(crop))), "read line by line")
        self._reader.reset()

    def _check_contract(self) -> None:
        _check(self._classify.get_input_details(), (self.manifest.input,))
        _check(self._classify.get_output_details(), (self.manifest.output,))
        if self.manifest.input.quantisation != PIXEL_QUANTISATION:
            raise ValueError(f"Expected pixels as {PIXEL_QUANTISATION}. Received: {self.manifest.input.quantisation}")

    def _stream(self, content: bytes, threads: int) -> Stream:
        interpreter, _ = load_interpreter(content, threads, self.runtime.name)
        self._check_step(interpreter.get_signature_runner(STEP))
        return Stream(interpreter, self.manifest)

    def _check_step(self, step: Any) -> None:
        lines = TensorContract(LINES, (1, self.manifest.lines_per_step, SIDE, 1), PIXEL_QUANTISATION)
        contracts = (lines, *self.manifest.states)
        expected, received = sorted(contract.name for contract in contracts), sorted(step.get_input_details())
        if received != expected:
            raise ValueError(f"Expected a step of {expected}. Received: {received}")
        _check(step.get_input_details(), contracts)
        _check(step.get_output_details(), (self.manifest.output, *step_contracts(self.manifest.states)))

    def _refuse_closed(self) -> None:
        if self._closed:
            raise RuntimeError("Expected an open runner. This one is closed")


def _read(reader: Reader, lines: UInt8) -> Iterator[Int8]:
    return (logits.copy() for line in lines if (logits := reader.push(line)) is not None)


def _check(details: Mapping[str, Any], contracts: Sequence[TensorContract]) -> None:
    for contract in contracts:
        if contract.name not in details:
            raise ValueError(f"Expected a tensor {contract.name} (manifest). Received: {sorted(details)}")
        found = details[contract.name]
        scale, zero_point = found["quantization"]
        shape = tuple(int(size) for size in found["shape"])
        expected = (contract.shape, "int8", contract.quantisation.scale, contract.quantisation.zero_point)
        received = (shape, np.dtype(found["dtype"]).name, float(np.float32(scale)), int(zero_point))
        if received != expected:
            raise ValueError(f"Expected {contract.name} as {expected} (manifest). Received: {received}")
