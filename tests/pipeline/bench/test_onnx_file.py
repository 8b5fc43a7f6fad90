"""Tests of `pipeline.bench.peers.onnx_file` in the environment that has its packages."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pipeline.bench.peers.environment import python_with
from pipeline.bench.peers.process import PeerError
from tests.support.checkout import ROOT

_COMPARED = """
import keras, numpy as np, onnxruntime
from keras import layers
from pipeline.bench.peers.onnx_file import onnx_float, onnx_int8
keras.utils.set_random_seed(7)
front = {
    "rows": [layers.Reshape((8, 6))],
    "conv1d": [layers.Reshape((8, 6)), layers.Conv1D(5, 3, padding="causal"), layers.MaxPool1D(2)],
    "conv2d": [
        layers.Permute((2, 1, 3)), layers.ZeroPadding2D(((2, 0), (1, 1))), layers.Conv2D(4, 3, use_bias=False),
        layers.BatchNormalization(), layers.ReLU(), layers.MaxPool2D(2), layers.Reshape((3, 16)), layers.Dropout(0.5),
    ],
}
inputs = np.random.default_rng(7).random((16, 8, 6, 1), np.float32)
for name, layers_ in front.items():
    network = keras.Sequential([layers.Input((8, 6, 1)), *layers_, layers.LSTM(7), layers.Dense(3)])
    expected = np.asarray(network(inputs))
    for make, tolerance in ((onnx_float, 1e-5), (onnx_int8, 0.05)):
        session = onnxruntime.InferenceSession(make(network, inputs))
        given = np.concatenate([session.run(None, {"crop": one[np.newaxis]})[0] for one in inputs])
        print(name, make.__name__, np.abs(given - expected).max() < tolerance)
try:
    onnx_float(keras.Sequential([layers.Input((8, 6)), layers.GRU(2)]), inputs)
except ValueError as error:
    print(str(error).rpartition("Received: ")[2][:12])
"""


@pytest.mark.exhaustive
def test_a_network_as_onnx_answers_as_keras() -> None:
    """With rows, one or two axes convolved: float to 1e-5, int8 to a rounding; a layer without a rule is refused."""
    try:
        python = python_with("onnx", into=ROOT / "build" / "environments")
    except PeerError as error:
        pytest.skip(str(error))
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    child = subprocess.run([python, "-c", _COMPARED], cwd=ROOT, env=quiet, capture_output=True, text=True, check=False)
    made = [f"{name} {make} True" for name in ("rows", "conv1d", "conv2d") for make in ("onnx_float", "onnx_int8")]
    assert child.stdout.splitlines() == [*made, "<GRU name=gru"[:12]], child.stderr[-2_000:]


@pytest.mark.thorough
def test_what_cannot_be_installed_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    """A package whose hash is another's is an error with the installer's reason, and no environment stays."""
    lock = tmp_path / "wrong.txt"
    lock.write_text(f"rowstream-is-not-published==9.9.9 --hash=sha256:{64 * '0'}\n")
    with pytest.raises(PeerError, match="wrong: not installed: ERROR: No matching distribution found for rowstream"):
        python_with("wrong", locks=tmp_path, into=tmp_path / "made")
    assert [path.name for path in (tmp_path / "made").iterdir() if not path.name.endswith(".lock")] == []
