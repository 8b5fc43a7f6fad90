"""A model file's signatures, checked against its manifest: what answers whole inputs, and what takes their lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from .arrays import Int8
from .contract.inputs import Input, InputForm
from .contract.manifest import Manifest, TensorContract
from .contract.outputs import Output, joined, whole_rows
from .signatures import CLASSIFY, STEP, step_contracts
from .streaming import Collector, Reader, Stream

# Gives the logits `<int8>[1, ...]` of each output of an input.
Whole: TypeAlias = Callable[[Input], Mapping[str, Int8]]


class SignatureModels:
    """What runs a file's signatures: `classify`, `step`, or both.

    Attributes:
        whole: gives the logits of whole inputs; by `step` in a loop if the file has no `classify`.
        reader: takes lines.
    """

    def __init__(
        self, interpreter: Any, another: Callable[[], Any], manifest: Manifest, outputs: Sequence[Output]
    ) -> None:
        """Takes an interpreter of the file, and what makes another: each signature has its own.

        Raises ValueError if a signature is missing, or its tensors are not as the manifest says.
        """
        self._manifest, self._outputs = manifest, outputs
        self._form = InputForm(manifest)
        self.whole: Whole = self._whole(interpreter)
        self._form.check_scaling()
        self.reader: Reader = self._stream(another()) if manifest.states else Collector(self._last_row, manifest)

    def _whole(self, interpreter: Any) -> Whole:
        if self._manifest.states and CLASSIFY not in interpreter.get_signature_list():
            return self._by_step(self._stream(interpreter))
        classify = interpreter.get_signature_runner(CLASSIFY)
        _check(classify.get_input_details(), (self._manifest.input,))
        _check(classify.get_output_details(), self._manifest.outputs)
        name, quantised = self._manifest.input.name, self._form.quantised
        return lambda checked: classify(**{name: quantised(checked)})

    def _by_step(self, stream: Stream) -> Whole:
        def whole(checked: Input) -> Mapping[str, Int8]:
            stream.reset()
            return joined(self._outputs, list(rows_read(stream, self._form.in_lines(checked))))

        return whole

    def _last_row(self, checked: Input) -> Int8:
        row: Int8 = whole_rows(self._outputs, self.whole(checked))[-1]
        return row

    def _stream(self, interpreter: Any) -> Stream:
        # The runtime lets nobody allocate tensors while there is a signature runner.
        self._check_step(interpreter.get_signature_runner(STEP))
        return Stream(interpreter, self._manifest)

    def _check_step(self, step: Any) -> None:
        contracts = (self._form.lines, *self._manifest.states)
        expected, received = sorted(contract.name for contract in contracts), sorted(step.get_input_details())
        if received != expected:
            raise ValueError(f"Expected a step of {expected}. Received: {received}")
        _check(step.get_input_details(), contracts)
        outputs = [output.in_step for output in self._outputs]
        _check(step.get_output_details(), (*outputs, *step_contracts(self._manifest.states)))


def rows_read(reader: Reader, lines: Input) -> Iterator[Int8]:
    """Yields the logits of all outputs `<int8>[width]` after each time step of lines."""
    return (logits.copy() for line in lines if (logits := reader.push(line)) is not None)


def _check(details: Mapping[str, Any], contracts: Sequence[TensorContract]) -> None:
    for contract in contracts:
        if contract.name not in details:
            raise ValueError(f"Expected a tensor {contract.name} (manifest). Received: {sorted(details)}")
        found = details[contract.name]
        scale, zero_point = found["quantization"]
        shape = tuple(int(size) for size in found["shape"])
        expected = (contract.shape, contract.type, contract.quantisation.scale, contract.quantisation.zero_point)
        received = (shape, np.dtype(found["dtype"]).name, float(np.float32(scale)), int(zero_point))
        if received != expected:
            raise ValueError(f"Expected {contract.name} as {expected} (manifest). Received: {received}")
