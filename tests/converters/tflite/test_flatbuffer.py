"""Tests of `converters.tflite.flatbuffer`, on flatbuffers that TensorFlow and the quantiser wrote."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import quantizer, recipe
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.tflite.flatbuffer import dump, load
from converters.tflite.graph import read_graphs
from tests.conftest import Converted, TfliteWriter

# The quantiser looks into inner tensors, of which the interpreter warns.
pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")


def plain(value: Any) -> Any:
    """The schema's objects as values that can be compared."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    if hasattr(value, "__dict__"):
        return {name: plain(entry) for name, entry in vars(value).items()}
    return value


def constants(content: bytes) -> list[tuple[int, npt.NDArray[np.uint8]]]:
    """The offset of each constant in the file, and its data."""
    start = np.frombuffer(content, np.uint8).ctypes.data
    model = schema.Model.GetRootAs(content, 0)
    buffers = (model.Buffers(index) for index in range(model.BuffersLength()))
    held = [buffer.DataAsNumpy() for buffer in buffers if not buffer.DataIsNone()]
    return [(data.ctypes.data - start, data) for data in held]


def outside_buffers(content: bytes) -> list[int]:
    """The sizes of the constants that lie behind the flatbuffer instead of inside."""
    model = schema.Model.GetRootAs(content, 0)
    buffers = [model.Buffers(index) for index in range(model.BuffersLength())]
    return [buffer.Size() for buffer in buffers if buffer.Offset() > 1]


def logits(content: bytes, crop: npt.NDArray[np.int8]) -> list[int]:
    signature = Interpreter(model_content=content, num_threads=1).get_signature_runner("classify")
    return [int(logit) for logit in signature(crop=crop)["logits"][0]]


@pytest.fixture(scope="module")
def quantised(write_tflite: TfliteWriter) -> bytes:
    """A dense network of 313,600 random weights as the quantiser writes it."""
    kernel = np.random.default_rng(0).normal(size=(784, 400)).astype(np.float32)
    content = write_tflite((1, 784), classify=lambda crop: tf.matmul(crop, kernel))
    (graph,) = read_graphs(content)
    ends = {graph.inputs["crop"].name: 1.0, graph.outputs["logits"].name: 60.0}
    statistics = {name: {"min": np.array([-end]), "max": np.array([end])} for name, end in ends.items()}
    static_int8 = quantizer.Quantizer(content)
    static_int8.load_quantization_recipe(recipe.static_wi8_ai8())
    result = static_int8.quantize(statistics, enable_progress_bar=False, enable_progress_report=False)
    return bytes(result.quantized_model)


@pytest.mark.parametrize("file", ["float_tflite", "int8_tflite"])
def test_keeps_everything(converted_small: Converted, file: str) -> None:
    """What is loaded from a dumped file is what was dumped: graphs, signatures, constants, quantisation, metadata."""
    model = load(getattr(converted_small.conversion, file))
    assert plain(load(dump(model))) == plain(model)


def test_dumping_again_gives_the_same_bytes(converted_small: Converted) -> None:
    """A file that was dumped is dumped to the same bytes again."""
    once = dump(load(converted_small.conversion.float_tflite))
    assert dump(load(once)) == once


@pytest.mark.parametrize("file", ["float_tflite", "int8_tflite"])
def test_aligns_constants(converted_small: Converted, file: str) -> None:
    """Every constant of a dumped file begins at a multiple of 16 bytes, as the schema demands."""
    content = dump(load(getattr(converted_small.conversion, file)))
    assert len(constants(content)) > 20
    assert {offset % 16 for offset, _ in constants(content)} == {0}


@given(st.lists(st.binary(min_size=1, max_size=70), min_size=1, max_size=12))
@settings(deadline=None)
def test_aligns_constants_of_any_size(contents: list[bytes]) -> None:
    """Whatever the sizes of the constants before it, a constant is aligned and whole."""
    model = schema.ModelT()
    model.version = 3
    model.buffers = [schema.BufferT() for _ in contents]
    for buffer, content in zip(model.buffers, contents, strict=True):
        buffer.data = np.frombuffer(content, np.uint8)
    dumped = constants(dump(model))
    assert [data.tobytes() for _, data in dumped] == contents
    assert {offset % 16 for offset, _ in dumped} == {0}


def test_takes_constants_inside(quantised: bytes) -> None:
    """A large file that keeps its weights behind the flatbuffer is dumped with all of them inside."""
    assert outside_buffers(quantised) == [313_600]
    content = dump(load(quantised))
    assert outside_buffers(content) == []
    assert max(len(data) for _, data in constants(content)) == 313_600


def test_constants_taken_inside_are_the_same(quantised: bytes) -> None:
    """A file gives the same logits before its weights are taken inside and after."""
    random = np.random.default_rng(1)
    crops = random.integers(-128, 128, (5, 1, 784)).astype(np.int8)
    content = dump(load(quantised))
    assert [logits(content, crop) for crop in crops] == [logits(quantised, crop) for crop in crops]
    assert len(set(logits(content, crops[0]))) > 50


def test_a_released_size_has_no_constants_outside(converted_rows2d: Converted) -> None:
    """A converted variant, which is over 256 KiB, holds all its constants inside and aligned."""
    content = converted_rows2d.conversion.int8_tflite
    assert len(content) > 256 * 1024
    assert outside_buffers(content) == []
    assert {offset % 16 for offset, _ in constants(content)} == {0}


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\x1c\0\0\0TFL2" + bytes(100), bytes(100)])
def test_refuses_other_files(content: bytes) -> None:
    """Bytes without TFLite's identifier at offset 4 are refused, and the message has the bytes found there."""
    message = rf"^Expected a TFLite flatbuffer \(b'TFL3'\)\. Received: {re.escape(repr(content[4:8]))}$"
    with pytest.raises(ValueError, match=message):
        load(content)
