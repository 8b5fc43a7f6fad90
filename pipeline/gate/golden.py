"""The golden crops that travel with a model (`device.golden`), and the gate's check of them.

Kernels round differently, so that logits differ by a few steps of int8 between runtimes and processors; in a long LSTM
the difference grows. The allowed range of a logit is what the kernels of LiteRT give here, wider on both sides by their
greatest difference after that time step and `_MARGIN`, as another processor has kernels of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from device.arrays import Crop, Crops, Int8
from device.golden import GoldenError, record_type
from device.interpreter import without_chatter
from device.manifest import Manifest
from device.quantisation import quantise_pixels
from device.runner import Runner
from device.signatures import CLASSIFY
from device.streaming import Collector, Reader, Stream
from pipeline.data.calibration import GOLDEN_SHEET, read_sheet
from pipeline.gate.check import Check, at_most, passed, refused

if TYPE_CHECKING:  # to make golden crops, nothing needs Keras
    from pipeline.gate.case import Case

# tflite-runtime has the second, TFLite Micro the third.
_KERNELS = (OpResolverType.AUTO, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES, OpResolverType.BUILTIN_REF)
_MARGIN = 1
_NAME = "golden crops"


def golden_content(content: bytes, manifest: Manifest) -> bytes:
    """Returns what `golden.bin` holds for an int8 file with this manifest."""
    crops = read_sheet(GOLDEN_SHEET)
    answers = np.array([_logits(_reader(content, manifest, each), manifest, crops) for each in _KERNELS], np.int16)
    lowest, highest = answers.min(axis=0), answers.max(axis=0)
    margin = (highest - lowest).max(axis=(0, 2), keepdims=True) + _MARGIN
    records = np.zeros(len(crops), record_type(manifest))
    records["crop"] = crops
    records["lowest"], records["highest"] = np.clip([lowest - margin, highest + margin], -128, 127)
    return records.tobytes()


def golden(case: Case) -> Iterator[Check]:
    """Yields whether the runner gives the golden crops' logits, and whether these are right.

    This comes after the checks that find out why a runner answers otherwise, such as a state that it keeps.
    """
    try:
        with Runner(case.folder.path) as runner:
            runner.golden.check_all(runner.logits, runner.step_logits)
    except GoldenError as error:
        yield refused("answers to golden crops", "others", "those of the file", str(error))
    else:
        yield passed("answers to golden crops", "ok", "those of the file")
    yield golden_crops(case)


def golden_crops(case: Case) -> Check:
    """Returns whether a model's golden crops are the project's, with the ranges that its int8 file gives here.

    On another processor than that of the release they may be as far apart as they are wide.
    """
    contents = case.folder.golden.read_bytes(), golden_content(case.content, case.manifest)
    stated, here = (np.frombuffer(content, record_type(case.manifest)) for content in contents)
    if not np.array_equal(stated["crop"], here["crop"]):
        return refused(_NAME, "other crops", "those of the project", f"they are not the crops of {GOLDEN_SHEET.name}")
    ends = [np.stack([records["lowest"], records["highest"]]).astype(np.int16) for records in (stated, here)]
    apart, width = np.abs(ends[0] - ends[1]).max(), (ends[1][1] - ends[1][0]).max()
    return at_most(_NAME, int(apart), int(width), " int8 steps from the logits here")


def _reader(content: bytes, manifest: Manifest, kernels: OpResolverType) -> Reader:
    interpreter = Interpreter(model_content=content, num_threads=1, experimental_op_resolver_type=kernels)
    with without_chatter():
        if manifest.states:
            return Stream(interpreter, manifest)
        interpreter.allocate_tensors()
    classify = interpreter.get_signature_runner(CLASSIFY)

    def whole(crop: Crop) -> Int8:
        pixels = quantise_pixels(crop).reshape(manifest.input.shape)
        logits: Int8 = classify(**{manifest.input.name: pixels})[manifest.output.name][0]
        return logits

    return Collector(whole, manifest)


def _logits(reader: Reader, manifest: Manifest, crops: Crops) -> Sequence[Sequence[Int8]]:
    """Returns the logits `<int8>[classes]` after each time step of each crop."""
    answers = []
    for crop in crops:
        lines = crop if manifest.time_axis == "rows" else crop.T
        reader.reset()
        answers.append([logits.copy() for line in lines if (logits := reader.push(line)) is not None])
    return answers
