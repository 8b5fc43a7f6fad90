"""Runs a model on inputs as its manifest says (`device.contract.inputs`): whole, or line by line as lines arrive."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .arrays import Int8
from .closing import Closing
from .contract.golden import Golden, read_golden
from .contract.inputs import Input, InputForm
from .contract.manifest import Manifest, ManifestError, read_manifest
from .contract.outputs import Output, read_outputs, whole_rows
from .contract.predictions import Prediction
from .interpreter import load_interpreter, refusing, without_chatter
from .signature_models import SignatureModels, rows_read

__all__ = ["Prediction", "Runner", "model_folder"]


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
    """A model, ready to read inputs. Not for use from several threads at once.

    Answers are predictions by the kind of the manifest's first output (`device.contract.predictions`): `Prediction`,
    `BinaryPrediction`, `MultilabelPrediction` or `ValuesPrediction`; of an output with answers for each time step,
    `push` and `steps` give these one by one, and a whole input gives a `StepsPrediction`.

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
                answer the first golden input as it did when it was made.
        """
        folder = model_folder(Path(path))
        self._closed = False
        self.manifest: Manifest = read_manifest(folder)
        if Path(path).is_file() and Path(path).name != self.manifest.file.name:
            raise ManifestError(f"{path}: Expected {self.manifest.file.name} (manifest). Received: {Path(path).name}")
        content = self.manifest.verified_content(folder)
        self._set_contract()
        interpreter, self.runtime = load_interpreter(content, threads, runtime)
        with without_chatter(), refusing(self.runtime.name):
            models = SignatureModels(
                interpreter,
                lambda: load_interpreter(content, threads, self.runtime.name)[0],
                self.manifest,
                self._outputs,
            )
            self._whole, self._reader = models.whole, models.reader
            self.golden: Golden = read_golden(folder, self.manifest)
            self._lines_read, self._step_s = 0, 0.0
            self._so_far: Int8 | None = None
            self._rows: list[Int8] = []
            # A kernel that cannot be prepared fails only when its tensors are allocated, or in the first call.
            self.golden.check_first(self.logits, self.step_logits)

    def classify(self, value: Input) -> Any:
        """Returns the answer for an input: `<uint8>[h, w]` or `[h, w, channels]`, or `<float32>[steps, ...]`.

        Raises ValueError for another shape or dtype, or NaN, RuntimeError once closed and if the model is continuous.
        """
        self._refuse_whole()
        started = time.perf_counter()
        logits = self._whole(self._form.checked(value))[self._first.name][0]
        return self._first.answer(logits, self._lines, started)

    def classify_all(self, value: Input) -> dict[str, Any]:
        """Returns the answer of each output by its name, for models with several; raises as `classify` does."""
        self._refuse_whole()
        started = time.perf_counter()
        whole = self._whole(self._form.checked(value))
        return {each.name: each.answer(whole[each.name][0], self._lines, started) for each in self._outputs}

    def read(self, value: Input, *, early_exit: bool = False) -> Any:
        """Returns the answer for an input as `classify` takes it, pushed line by line along the time axis.

        With `early_exit` it stops at the first settled answer. Raises as `classify` does.
        """
        self.reset()
        for line in self.lines(value):
            answer = self.push(line)
            if answer is not None and not self._each_step:
                return answer
            if early_exit and self._ends_step and self.settled:
                break
        return self.partial

    def steps(self, value: Input) -> Iterator[Any]:
        """Yields the answer after each time step of an input, pushed line by line; raises as `classify` does.

        If the file does not stream there is one answer, after the last line.
        """
        self.reset()
        for line in self.lines(value):
            answer = self.push(line)
            if self._ends_step and self._so_far is not None:
                yield self.partial if answer is None else answer

    def lines(self, value: Input) -> Input:
        """Returns an input's lines as `push` takes them: its rows or time steps, or its columns."""
        return self._form.in_lines(self._form.checked(value))

    def logits(self, value: Input) -> Int8:
        """Returns the raw logits of an input, given whole: the row `<int8>[width]` of all outputs.

        If all outputs have an answer for each time step, they are the rows `[steps, width]`. They are those of a new
        input if the model is continuous. Raises as `classify` does.
        """
        self._refuse_closed()
        rows = whole_rows(self._outputs, self._whole(self._form.checked(value)))
        return rows if self._all_each_step else np.asarray(rows[0])

    def step_logits(self, value: Input) -> tuple[Int8, ...]:
        """Returns the raw logits `<int8>[width]` of all outputs after each time step of an input, read line by line.

        If the file does not stream there is one step. Raises as `classify` does. Forgets the lines pushed so far.
        """
        self.reset()
        rows = tuple(rows_read(self._reader, self.lines(value)))
        self.reset()
        return rows

    def push(self, line: Input) -> Any:
        """Takes the next line of an input, along the manifest's time axis; answers after the last one.

        The answer has the logits of `classify`, bit for bit. Before the last line it is None, and `partial` gives the
        answer so far. If the output has answers for each time step, or the model is continuous, there is one after each
        step. Raises ValueError for another shape or dtype, or NaN, and does not count the line; raises RuntimeError if
        the input is complete (`reset` starts the next one) or the runner is closed.
        """
        if self._closed or self._received == self._last_line:
            self._refuse_closed()
            lines = f"the {self._lines} lines of {self._form.one}"
            raise RuntimeError(f"Expected reset() after {lines}. Received: another line")
        started = time.perf_counter()
        if type(line) is not np.ndarray or line.shape != self._unchecked_shape or line.dtype != self._dtype:
            line = self._form.checked_line(line)
        row = self._reader.push(line)
        self._received += 1
        if row is None:
            return None
        self._so_far = row
        self._lines_read = self._received
        self._step_s = time.perf_counter() - started
        if self._each_step:
            return self._step_answer(row, started)
        return self._row_answer(row, self._lines, started) if self._received == self._lines else None

    @property
    def partial(self) -> Any:
        """The answer for the lines pushed so far, up to the last complete time step; None before the first.

        If the file does not stream, it is None until the last line.
        """
        self._refuse_closed()
        return None if self._so_far is None else self._partial(self._first, self._so_far)

    @property
    def partial_all(self) -> dict[str, Any] | None:
        """The answer of each output by its name for the lines pushed so far; None when `partial` is."""
        self._refuse_closed()
        row = self._so_far
        return None if row is None else {each.name: self._partial(each, row) for each in self._outputs}

    @property
    def probabilities(self) -> tuple[float, ...] | None:
        """The probability of each label after the lines pushed so far, in order; None when `partial` is.

        Values have no probabilities.
        """
        self._refuse_closed()
        return None if self._so_far is None else self._first.decoder.probabilities(self._last_logits(self._so_far))

    @property
    def partial_logits(self) -> Int8 | None:
        """The raw logits `<int8>[width]` of all outputs after the lines pushed so far; None when `partial` is."""
        self._refuse_closed()
        return None if self._so_far is None else self._so_far.copy()

    @property
    def settled(self) -> bool:
        """Whether the answer so far is probable enough, by the manifest, to stop reading."""
        self._refuse_closed()
        limit = self.manifest.early_exit
        if self._so_far is None or limit is None:
            return False
        return self._first.decoder.certainty(self._last_logits(self._so_far)) >= limit.probability

    def reset(self) -> None:
        """Forgets the lines pushed so far: the next line is the first of a new input."""
        self._refuse_closed()
        self._received = 0
        self._so_far = None
        self._rows = []
        self._reader.reset()

    def close(self) -> None:
        """Releases the model; every later call but `close` raises RuntimeError."""
        if not self._closed:
            del self._whole, self._reader, self._so_far, self._rows
        self._closed = True

    def _set_contract(self) -> None:
        manifest = self.manifest
        self._form, self._outputs = InputForm(manifest), read_outputs(manifest)
        self._first = self._outputs[0]
        self._lines = manifest.lines
        self._last_line = None if manifest.continuous else manifest.lines
        self._dtype = self._form.dtype
        # Numbers are always checked, because one may be NaN.
        self._unchecked_shape = self._form.line_shape if self._form.is_image else None
        self._all_each_step = all(output.each_step for output in self._outputs)
        self._each_step = manifest.continuous or any(output.each_step for output in self._outputs)
        single = len(self._outputs) == 1 and not self._first.per_step
        self._row_answer = self._first.answer if single else self._answer_in_row

    def _answer_in_row(self, row: Int8, lines_read: int, started: float) -> Any:
        return self._first.answer(self._first.logits(row), lines_read, started)

    def _step_answer(self, row: Int8, started: float) -> Any:
        if not self.manifest.continuous:
            self._rows.append(row.copy())
            if not self._first.each_step and self._received < self._lines:
                return None
        return self._first.decoder.answer(self._first.logits(row), self._received, started)

    def _partial(self, output: Output, row: Int8) -> Any:
        started = time.perf_counter() - self._step_s
        if not output.each_step:
            return output.answer(output.logits(row), self._lines_read, started)
        if self.manifest.continuous:
            return output.decoder.answer(output.logits(row), self._lines_read, started)
        logits = np.stack([output.logits(each) for each in self._rows])
        return output.answer(logits, self._lines_read, started)

    def _last_logits(self, row: Int8) -> Int8:
        logits = self._first.logits(row)
        return logits if logits.ndim == 1 else logits[-1]

    @property
    def _ends_step(self) -> bool:
        return self._received % self.manifest.lines_per_step == 0

    def _refuse_whole(self) -> None:
        self._refuse_closed()
        if self._last_line is None:
            raise RuntimeError(
                "Expected lines one by one, because the model is continuous: use push. Received: an input"
            )

    def _refuse_closed(self) -> None:
        if self._closed:
            raise RuntimeError("Expected an open runner. This one is closed")
