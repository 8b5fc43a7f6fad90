"""Writes what tf_keras, Keras 2, makes of a small CRNN: crnn.h5, inputs.npy, predictions.npy, and a SavedModel.

`python -m tests.support.keras2.make FOLDER` needs tf_keras; the first three files are kept beside this one.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np


def main(folder: Path) -> None:
    """Writes the files, and crnn.keras in the format of Keras 2."""
    keras2 = importlib.import_module("tf_keras")
    keras2.utils.set_random_seed(3)
    layers = keras2.layers
    network = keras2.Sequential(
        [
            layers.Conv2D(2, 3, padding="same", activation="relu", input_shape=(8, 8, 1)),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Reshape((4, 8)),
            layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
            layers.GRU(3),
            layers.Dense(4, activation="softmax"),
        ],
        name="crnn",
    )
    network.compile("adam", "sparse_categorical_crossentropy")
    for name in ("crnn.h5", "crnn.keras", "crnn"):
        network.save(folder / name)
    inputs = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    np.save(folder / "inputs.npy", inputs)
    np.save(folder / "predictions.npy", network.predict(inputs, verbose=0))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
