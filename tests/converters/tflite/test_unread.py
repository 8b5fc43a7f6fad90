"""Tests of `converters.tflite.unread`: parts of a split that nothing reads are not computed."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from converters.tflite.graph import read_graphs
from converters.tflite.unread import without_unread_outputs
from device.arrays import Float32
from tests.conftest import TfliteWriter

CROP = np.arange(24, dtype=np.float32).reshape(1, 4, 6)


@pytest.mark.parametrize(
    ("axis", "read", "expected"),
    [
        (2, (0, 2), np.sin(CROP[..., :2]) - np.cos(CROP[..., 4:])),
        (2, (1, 1), np.sin(CROP[..., 2:4]) - np.cos(CROP[..., 2:4])),
        (-1, (2, 1), np.sin(CROP[..., 4:]) - np.cos(CROP[..., 2:4])),
        (1, (3, 1), np.sin(CROP[:, 3:]) - np.cos(CROP[:, 1:2])),
    ],
)
def test_read_parts_are_cut_out(
    write_tflite: TfliteWriter, axis: int, read: tuple[int, int], expected: Float32
) -> None:
    """In the place of a split stand slices of the parts that are read, which give what they gave."""

    def difference(crop: tf.Tensor) -> tf.Tensor:
        parts = tf.split(crop, 4 if axis == 1 else 3, axis)
        return tf.sin(parts[read[0]]) - tf.cos(parts[read[1]])

    content = write_tflite(CROP.shape, classify=difference)
    assert "SPLIT" in [operator.name for operator in read_graphs(content)[0].operators]
    without = without_unread_outputs(content)
    (graph,) = read_graphs(without)
    names = [operator.name for operator in graph.operators]
    assert (names.count("SPLIT"), names.count("SLICE")) == (0, len(set(read)))
    logits = Interpreter(model_content=without).get_signature_runner("classify")(crop=CROP)["logits"]
    np.testing.assert_allclose(logits, expected, atol=1e-5)
    outputs = {tensor.name for operator in graph.operators for tensor in operator.outputs}
    used = {tensor.name for operator in graph.operators for tensor in operator.inputs}
    assert outputs <= used | {graph.outputs["logits"].name}


def test_a_split_that_is_read_whole_stays(write_tflite: TfliteWriter) -> None:
    """The file is the one that was given."""
    content = write_tflite(CROP.shape, classify=lambda crop: tf.add_n(list(map(tf.sin, tf.split(crop, 3, 2)))))
    assert "SPLIT" in [operator.name for operator in read_graphs(content)[0].operators]
    assert without_unread_outputs(content) == content
