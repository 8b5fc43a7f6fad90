"""Networks that one would propose instead, trained here on MNIST in the views and with the faults of our recipe.

Source of `mnist_lstm`: TFLite Micro, tensorflow/lite/micro/examples/mnist_lstm/train.py; LSTM of 20 units over 28 rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from device.arrays import Crop, Float32
from device.pixels import INK, SIDE
from pipeline.data.splits import LabelledImages
from pipeline.training.augment import random_affine
from pipeline.training.corruptions import corrupted
from pipeline.training.recipe import Recipe
from pipeline.variants import LABELS

_RECIPE = Recipe()


def trained(name: str, training: LabelledImages, epochs: int) -> keras.Sequential:
    """Returns a network of NETWORKS, `<float32>[n, 28, 28, 1]` → logits `[n, 10]`, seeded, without early stopping."""
    keras.utils.set_random_seed(_RECIPE.seed)
    network = keras.Sequential([layers.Input((SIDE, SIDE, 1)), *NETWORKS[name](), layers.Dense(len(LABELS))])
    steps = epochs * -(-len(training) // _RECIPE.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(_RECIPE.peak_learning_rate, steps)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(optimizer=keras.optimizers.Adam(rate), loss=loss)
    for epoch in range(epochs):
        views = _views(np.asarray(training.crops, np.uint8), epoch)
        network.fit(views, training.labels, _RECIPE.batch_size, epochs=1, verbose=0)
    return network


def read_training(path: Path) -> LabelledImages:
    """Returns what `pipeline.bench.read_inputs` wrote; raises ValueError if there was nothing to train on."""
    if not path.is_file():
        raise ValueError("Expected MNIST's training images: name their folder, --data DIR. Found none")
    with np.load(path) as file:
        return LabelledImages(file["crops"], file["labels"])


def _views(crops: Crop, epoch: int) -> Float32:
    seed = tf.constant((_RECIPE.seed, epoch), tf.int64)
    views = random_affine(crops[..., np.newaxis] / np.float32(INK), seed, _RECIPE.views).numpy()
    return corrupted(views, _RECIPE.corrupted_share, np.random.default_rng((_RECIPE.seed, epoch)))


def _plain_cnn() -> list[keras.Layer]:
    return [
        layers.Conv2D(12, 3, activation="relu"),
        layers.MaxPool2D(2),
        layers.Conv2D(24, 3, activation="relu"),
        layers.MaxPool2D(2),
        layers.Flatten(),
    ]


def _separable_cnn() -> list[keras.Layer]:
    return [
        layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
        layers.SeparableConv2D(32, 3, padding="same", activation="relu"),
        layers.MaxPool2D(2),
        layers.SeparableConv2D(48, 3, activation="relu"),
        layers.Flatten(),
    ]


def _mnist_lstm() -> list[keras.Layer]:
    return [layers.Reshape((SIDE, SIDE)), layers.LSTM(20, return_sequences=True), layers.Flatten()]


NETWORKS: Mapping[str, Callable[[], list[keras.Layer]]] = MappingProxyType(
    {"cnn": _plain_cnn, "separable": _separable_cnn, "mnist_lstm": _mnist_lstm}
)
