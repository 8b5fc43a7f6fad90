"""Tests that operators over several rows give what they give over one, on each emulated machine and runtime."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from converters.quantisation.quantise import quantise
from converters.quantisation.ranges import Range, measured_ranges
from converters.quantisation.roles import roles_of, tied_ranges
from converters.quantisation.round_alike import round_alike
from converters.tflite.graph import read_graphs
from tests.conftest import TfliteWriter
from tests.pi.test_equality import ON_DEVICE
from tests.support.pi.emulator import Target
from tests.support.pi.machines import MACHINES

_ROWS, _FEATURES, _OUTPUTS = 7, 96, 64
_RANDOM = np.random.default_rng(3)
_KERNEL = _RANDOM.normal(size=(_FEATURES, _OUTPUTS)).astype(np.float32)
_WINDOW = _RANDOM.normal(size=(1, 3, 32, 16)).astype(np.float32)
_DEPTHWISE = _RANDOM.normal(size=(1, 3, 32, 1)).astype(np.float32)
_SCALE = _RANDOM.normal(size=_FEATURES).astype(np.float32)


def _image(x: tf.Tensor) -> tf.Tensor:
    """Rows of features as an image of three columns and 32 channels."""
    return tf.reshape(x, (1, x.shape[1], 3, 32))


def _rows(x: tf.Tensor) -> tf.Tensor:
    return tf.reshape(x, (1, x.shape[1], -1))


# Each takes `[1, rows, 96]` and returns `[1, rows, outputs]`.
OPERATORS: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {
    "FULLY_CONNECTED": lambda x: tf.reshape(
        tf.matmul(tf.reshape(x, (-1, _FEATURES)), _KERNEL) + _KERNEL[0], (1, x.shape[1], _OUTPUTS)
    ),
    "CONV_2D": lambda x: _rows(tf.nn.conv2d(_image(x), _WINDOW, 1, "VALID")),
    "DEPTHWISE_CONV_2D": lambda x: _rows(tf.nn.depthwise_conv2d(_image(x), _DEPTHWISE, (1, 1, 1, 1), "VALID")),
    "MAX_POOL_2D": lambda x: _rows(tf.nn.max_pool2d(_image(x), (1, 3), (1, 3), "VALID")),
    "AVERAGE_POOL_2D": lambda x: _rows(tf.nn.avg_pool2d(_image(x), (1, 3), (1, 3), "VALID")),
    "ADD": lambda x: x + _SCALE,
    "MUL": lambda x: x * _SCALE,
    "LOGISTIC": tf.sigmoid,
    "TANH": tf.tanh,
}


def over_rows_and_one(write_tflite: TfliteWriter, name: str) -> bytes:
    """An int8 file that computes an operator over seven rows in `classify`, and over the first of them in `step`."""
    operator = OPERATORS[name]
    content = write_tflite((1, _ROWS, _FEATURES), classify=operator, step=lambda x: operator(x[:, :1]))
    graphs = read_graphs(content)
    samples = [{"crop": _RANDOM.uniform(-2, 2, (1, _ROWS, _FEATURES)).astype(np.float32)} for _ in range(20)]
    measured = {name: each for graph in graphs for name, each in measured_ranges(content, graph, samples).items()}
    crops, logits = (
        [graph.inputs["crop"].name for graph in graphs],
        [graph.outputs["logits"].name for graph in graphs],
    )
    same = [(crops[0], crops[1]), (logits[0], logits[1])]
    return quantise(content, tied_ranges(graphs, measured, dict.fromkeys(crops, Range(-2, 2)), roles_of(graphs, same)))


def differing(target: Target, content: bytes, folder: Path) -> int:
    """How many outputs of single rows differ from those of all rows at once."""
    file = folder / "operator.tflite"
    file.write_bytes(content)
    child = target.python([ON_DEVICE, "operators", file, "5"], folder=folder)
    report = json.loads(child.stdout.strip().rpartition("\n")[2])
    assert report["outputs"] > 1_000
    return int(report["different"])


@pytest.mark.parametrize("name", sorted(OPERATORS))
def test_one_row_gives_what_several_give(target: Target, write_tflite: TfliteWriter, name: str, tmp_path: Path) -> None:
    """As converted, each operator gives the same bits over one row as over seven."""
    assert differing(target, round_alike(over_rows_and_one(write_tflite, name)), tmp_path) == 0


def test_kernels_for_one_row_round_otherwise(prepared: Path, write_tflite: TfliteWriter, tmp_path: Path) -> None:
    """Without `round_alike`, tflite-runtime's products differ on Arm: the reason for it."""
    pi4 = Target(prepared, MACHINES["pi4"], "tflite-runtime")
    assert differing(pi4, over_rows_and_one(write_tflite, "FULLY_CONNECTED"), tmp_path) > 0
