"""Tests of `converters.tflite.micro`, on the released models and in real child processes."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from converters.tflite.flatbuffer import load
from converters.tflite.graph import read_graphs
from converters.tflite.micro import MicroError, graph_alone, run_on_micro
from device.quantisation import quantise_pixels
from tests.conftest import MODELS, Digits
from tests.device.test_streaming import classify_first

needs_micro = pytest.mark.skipif(importlib.util.find_spec("tflite_micro") is None, reason="TFLite Micro has no wheel")


def content(variant: str) -> bytes:
    return (MODELS / variant / "model.int8.tflite").read_bytes()


def metadata(file: bytes) -> dict[bytes, bytes]:
    model = load(file)
    return {entry.name: bytes(model.buffers[entry.buffer].data) for entry in model.metadata}


@pytest.mark.sampled
@needs_micro
def test_steps_on_micro_give_the_logits_of_the_whole(unrolled: str, digits: Digits) -> None:
    """By steps, forty-three digits have the logits they have whole, bit for bit, in less than half the memory."""
    pixels = quantise_pixels(digits[0][::7])
    whole = run_on_micro(graph_alone(classify_first(content(unrolled))), pixels)
    lines = pixels.swapaxes(1, 2) if unrolled == "cols2d" else pixels
    stepped = run_on_micro(graph_alone(content(unrolled)), lines)
    assert whole.logits.shape == (43, 10)
    assert len(np.unique(whole.logits, axis=0)) > 30
    np.testing.assert_array_equal(stepped.logits, whole.logits)
    assert stepped.arena_bytes < whole.arena_bytes / 2


@pytest.mark.thorough
@needs_micro
def test_the_whole_file_runs_as_its_first_graph_alone(digits: Digits) -> None:
    """With the other graph in the file the logits are the same, and the memory planned is more."""
    pixels = quantise_pixels(digits[0][:3])
    file, alone = run_on_micro(content("rows2d"), pixels), run_on_micro(graph_alone(content("rows2d")), pixels)
    np.testing.assert_array_equal(file.logits, alone.logits)
    assert alone.arena_bytes < file.arena_bytes


@needs_micro
@pytest.mark.parametrize("side", [27, 8])
def test_other_crops_end_in_an_error(side: int) -> None:
    """Crops that do not divide into steps of four lines of 28 are refused, with the child's last words."""
    with pytest.raises(MicroError, match=r"^TFLite Micro ended with status 1: ValueError: cannot reshape array"):
        run_on_micro(content("rows2d"), np.zeros((1, side, side), np.int8))


def test_first_graph_alone(unrolled: str) -> None:
    """Cut out, the first graph is as it was, in a smaller file that has no other, with the metadata."""
    step, _ = read_graphs(content(unrolled))
    alone = graph_alone(content(unrolled))
    assert read_graphs(alone) == (step,)
    assert step.signature == "step"
    assert len(alone) < len(content(unrolled))
    assert metadata(alone) == metadata(content(unrolled)) != {}
