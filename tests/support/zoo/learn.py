"""`python -m tests.support.zoo.learn`: trains a dozen networks, and prints their accuracy in float and in int8."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter
from scipy.ndimage import gaussian_filter

from converters import child
from converters.workspace import Request, Workspace
from device.arrays import Float32
from device.signatures import CLASSIFY, CROP
from tests.support.zoo.measure import ZOO, is_image

NAMES = (
    "HAR LSTM", "HAR causal CNN-LSTM", "KWS streaming CRNN", "TCN", "WaveNet before GRU", "InceptionTime", "MLSTM-FCN",
    "Bidirectional concat", "digit CNN-LSTM", "DS-CNN", "video", "ConvLSTM2D",
)  # fmt: skip
_CLASSES, _TRAINED, _TESTED = 3, 1_000, 1_000
_NOISE = 0.5

Labels = npt.NDArray[np.int64]


def task(network: keras.Model, n: int, seed: int) -> tuple[Float32, Labels]:
    """Returns inputs in 0..1, each a smooth pattern of its class behind noise, and their labels."""
    shape = network.input_shape[1:]
    smooth = [2.0] * (len(shape) - 1) + [0.0]
    patterns = [gaussian_filter(np.random.default_rng(each).normal(size=shape), smooth) for each in range(_CLASSES)]
    patterns = [each / np.linalg.norm(each) for each in patterns]
    random = np.random.default_rng(seed)
    labels = random.integers(0, _CLASSES, n)
    noise = random.normal(size=(n, *shape)) / 8
    strength = random.uniform(0.5, 1.5, n) / (2 * _NOISE)
    noisy = 0.5 + noise + np.einsum("n,n...->n...", strength, np.array(patterns)[labels])
    return np.clip(noisy, 0, 1).astype(np.float32), labels


def accuracies(name: str) -> tuple[float, float]:
    """Returns the percentages right of a trained network in float and in int8."""
    keras.utils.set_random_seed(5)
    network = ZOO[name].build()
    softmax = getattr(network.layers[-1], "activation", None) is keras.activations.softmax
    network.compile(keras.optimizers.Adam(5e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=not softmax))
    crops, labels = task(network, _TRAINED, seed=10)
    network.fit(crops, labels, batch_size=50, epochs=6, verbose=0)
    test, wanted = task(network, _TESTED, seed=11)
    in_float = network.predict(test, verbose=0).argmax(axis=-1)
    in_int8 = _int8_answers(network, crops[:256], test)
    return 100 * float(np.mean(in_float == wanted)), 100 * float(np.mean(in_int8 == wanted))


def _int8_answers(network: keras.Model, calibration: Float32, test: Float32) -> Labels:
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        network.save(workspace.network)
        np.save(workspace.calibration, calibration)
        workspace.request = Request((0.0, 1.0) if is_image(network) else None, keep_head=False, precision="int8")
        child.main(workspace)
        content = workspace.int8_tflite.read_bytes()
    classify: Any = Interpreter(model_content=content, num_threads=1)
    runner = classify.get_signature_runner(CLASSIFY)
    scale, zero_point = runner.get_input_details()[CROP]["quantization"]
    quantised = np.asarray(np.clip(np.round(test / scale) + zero_point, -128, 127), np.int8)
    return np.array([runner(**{CROP: crop[np.newaxis]})["logits"].argmax() for crop in quantised])


if __name__ == "__main__":
    for each in sys.argv[1:] or NAMES:
        before, after = accuracies(each)
        sys.stdout.write(f"{each:24} {before:6.2f} {after:6.2f} {after - before:+.2f}\n")
        sys.stdout.flush()
