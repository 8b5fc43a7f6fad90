"""Tests of `converters.tflite.lean`, on a released model."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from converters.tflite.graph import read_graphs
from converters.tflite.lean import lean
from tests.conftest import MODELS, Digits
from tests.support.signatures import BothSignatures


@pytest.fixture(scope="module")
def content() -> bytes:
    return (MODELS / "conv1d" / "model.int8.tflite").read_bytes()


def test_a_lean_file_gives_the_same_logits(content: bytes, digits: Digits) -> None:
    """Both signatures give the logits that they gave, bit for bit, in a file that is at least 2,000 bytes smaller."""
    assert len(lean(content)) < len(content) - 2_000
    before, after = (
        BothSignatures(Interpreter(model_content=each, num_threads=1), columns=False)
        for each in (content, lean(content))
    )
    for crop in digits[0][::20]:
        pixels = (crop ^ 128).view(np.int8)
        assert after.classify(pixels).tolist() == before.classify(pixels).tolist()
        assert after.step(pixels).tolist() == before.step(pixels).tolist()


def test_tensors_are_called_by_their_numbers(content: bytes) -> None:
    """Tensors have no names, and are otherwise as they were; signatures keep the names of inputs and outputs."""
    for before, after in zip(read_graphs(content), read_graphs(lean(content)), strict=True):
        assert [tensor.name for tensor in after.tensors] == [str(number) for number in range(len(before.tensors))]
        assert [tensor.constant for tensor in after.tensors] == [tensor.constant for tensor in before.tensors]
        assert [tensor.scales for tensor in after.tensors] == [tensor.scales for tensor in before.tensors]
        assert (list(after.inputs), list(after.outputs)) == (list(before.inputs), list(before.outputs))


def test_a_lean_file_cannot_become_leaner(content: bytes) -> None:
    """What is lean comes back byte for byte."""
    assert lean(lean(content)) == lean(content)
