"""The golden inputs that travel with a model (`device.contract.golden`), and the gate's check of them.

Kernels round differently, so that logits differ by a few steps of int8 between runtimes and processors; in a long LSTM
the difference grows. The allowed range of a logit is what the kernels of LiteRT give here, wider on both sides by their
greatest difference after that time step and `_MARGIN`, as another processor has kernels of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from device.arrays import Int8
from device.contract.golden import GoldenError, record_type
from device.contract.inputs import Input, InputForm
from device.contract.manifest import Manifest
from device.contract.outputs import read_outputs, whole_rows
from device.interpreter import without_chatter
from device.pixels import DIGITS
from device.runner import Runner
from device.signatures import CLASSIFY
from device.streaming import Collector, Reader, Stream
from pipeline.data.calibration import GOLDEN_SHEET, read_sheet
from pipeline.data.data_form import Inputs
from pipeline.data.splits import Splits
from pipeline.gate.check import Check, at_most, passed, refused

if TYPE_CHECKING:  # to make golden inputs, nothing needs Keras
    from pipeline.gate.case import Case

# tflite-runtime has the second, TFLite Micro the third.
_KERNELS = (OpResolverType.AUTO, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES, OpResolverType.BUILTIN_REF)
_MARGIN = 1
_NAME = "golden inputs"
# Of other data than digits, as many test inputs travel with the model.
_INPUTS = 8


def golden_inputs(splits: Splits) -> Inputs:
    """Returns the inputs that travel with a model: the sheet's crops for digits, else some test inputs."""
    return read_sheet(GOLDEN_SHEET) if splits.form.normalisation == DIGITS else splits.test.crops[:_INPUTS]


def golden_content(content: bytes, manifest: Manifest, inputs: Inputs) -> bytes:
    """Returns what `golden.bin` holds for an int8 file with this manifest."""
    answers = np.array([_logits(_reader(content, manifest, each), manifest, inputs) for each in _KERNELS], np.int16)
    lowest, highest = answers.min(axis=0), answers.max(axis=0)
    margin = (highest - lowest).max(axis=(0, 2), keepdims=True) + _MARGIN
    records = np.zeros(len(inputs), record_type(manifest))
    records["crop"] = inputs
    records["lowest"], records["highest"] = np.clip([lowest - margin, highest + margin], -128, 127)
    return records.tobytes()


def golden(case: Case) -> Iterator[Check]:
    """Yields whether the runner gives the golden inputs' logits, and whether these are right.

    This comes after the checks that find out why a runner answers otherwise, such as a state that it keeps.
    """
    try:
        with Runner(case.folder.path) as runner:
            runner.golden.check_all(runner.logits, runner.step_logits)
    except GoldenError as error:
        yield refused("answers to golden inputs", "others", "those of the file", str(error))
    else:
        yield passed("answers to golden inputs", "ok", "those of the file")
    yield golden_ranges(case)


def golden_ranges(case: Case) -> Check:
    """Returns whether a model's golden inputs are the data's, with the ranges that its int8 file gives here.

    On another processor than that of the release they may be as far apart as they are wide.
    """
    known = case.has_its_data or case.splits.form.normalisation == DIGITS
    inputs = golden_inputs(case.splits) if known else _stated(case.folder.golden.read_bytes(), case)["crop"]
    contents = case.folder.golden.read_bytes(), golden_content(case.content, case.manifest, inputs)
    stated, here = (_stated(content, case) for content in contents)
    if not np.array_equal(stated["crop"], here["crop"]):
        return refused(_NAME, "other inputs", "those of the data", "they are not those that the data give")
    ends = [np.stack([records["lowest"], records["highest"]]).astype(np.int16) for records in (stated, here)]
    apart, width = np.abs(ends[0] - ends[1]).max(), (ends[1][1] - ends[1][0]).max()
    return at_most(_NAME, int(apart), int(width), " int8 steps from the logits here")


def _stated(content: bytes, case: Case) -> npt.NDArray[np.void]:
    return np.frombuffer(content, record_type(case.manifest))


def _reader(content: bytes, manifest: Manifest, kernels: OpResolverType) -> Reader:
    interpreter = Interpreter(model_content=content, num_threads=1, experimental_op_resolver_type=kernels)
    with without_chatter():
        if manifest.states:
            return Stream(interpreter, manifest)
        interpreter.allocate_tensors()
    classify, form, outputs = interpreter.get_signature_runner(CLASSIFY), InputForm(manifest), read_outputs(manifest)

    def whole(one: Input) -> Int8:
        last: Int8 = whole_rows(outputs, classify(**{manifest.input.name: form.quantised(one)}))[-1]
        return last

    return Collector(whole, manifest)


def _logits(reader: Reader, manifest: Manifest, inputs: Inputs) -> Sequence[Sequence[Int8]]:
    """Returns the logits `<int8>[width]` after each time step of each input."""
    form, answers = InputForm(manifest), []
    for one in inputs:
        reader.reset()
        lines = form.in_lines(form.checked(one))
        answers.append([logits.copy() for line in lines if (logits := reader.push(line)) is not None])
    return answers
