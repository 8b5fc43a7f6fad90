"""Small networks with their data, one for each kind of output, trained until they are right: as users bring them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

from tests.support.own_data import waves, write_class_folders

Array = npt.NDArray[Any]
_COUNT = 600
_CROSSENTROPY = "sparse_categorical_crossentropy"


@dataclass(frozen=True)
class Kind:
    """The last layer of a network over waves, its loss, and what the data say of its labels."""

    head: Mapping[str, Any]
    loss: str
    per_step: bool = False
    names: tuple[str, ...] = ()


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "classes": Kind({"units": 2, "activation": "softmax"}, _CROSSENTROPY, False, ("slow", "fast")),
        "binary": Kind({"units": 1, "activation": "sigmoid"}, "binary_crossentropy", False, ("slow", "fast")),
        "multilabel": Kind({"units": 2, "activation": "sigmoid"}, "binary_crossentropy", False, ("fast", "high")),
        "values": Kind({"units": 1}, "mse"),
        "steps": Kind({"units": 2, "activation": "softmax"}, _CROSSENTROPY, True, ("down", "up")),
    }
)


def labels(kind: str) -> Array:
    """Returns what a network of a kind is to answer for the waves."""
    inputs, fast = waves(_COUNT)
    found: Mapping[str, Array] = {
        "classes": fast,
        "binary": fast,
        "multilabel": np.stack([fast, inputs[:, -1, 0] > 0], axis=1).astype(np.int64),
        # With noise, as anything measured has it.
        "values": inputs[:, -1] @ [[10], [5]] + np.random.default_rng(2).normal(size=(_COUNT, 1)),
        "steps": (inputs[:, :, 0] > 0).astype(np.int64),
    }
    return found[kind]


def write_waves(kind: str, folder: Path) -> None:
    """Writes a trained network of a kind as `net.keras`, and its inputs and labels as `data.npz`."""
    given, targets = KINDS[kind], labels(kind)
    inputs, _ = waves(_COUNT)
    keras.utils.set_random_seed(1)
    recurrent = layers.LSTM(8, return_sequences=given.per_step)
    network = keras.Sequential([layers.Input((20, 2)), recurrent, layers.Dense(**given.head)])
    network.compile(keras.optimizers.Adam(0.02), given.loss)
    network.fit(inputs, targets, epochs=25, batch_size=32, verbose=0)
    network.save(folder / "net.keras")
    names = {"names": np.array(given.names)} if given.names else {}
    np.savez(folder / "data.npz", x=inputs, y=targets, **names)


def write_two_outputs(folder: Path) -> None:
    """Writes a network that tells fast waves and their last height as `net.keras`, and the labels of both."""
    inputs, fast = waves(_COUNT)
    height = 10 * inputs[:, -1, :1]
    keras.utils.set_random_seed(1)
    given = keras.Input((20, 2))
    shared = layers.LSTM(10)(given)
    heads = {"kind": layers.Dense(2, activation="softmax", name="kind"), "height": layers.Dense(1, name="height")}
    network = keras.Model(given, {name: head(shared) for name, head in heads.items()})
    network.compile(keras.optimizers.Adam(0.02), {"kind": _CROSSENTROPY, "height": "mse"})
    network.fit(inputs, {"kind": fast, "height": height}, epochs=25, batch_size=32, verbose=0)
    network.save(folder / "net.keras")
    noisy = height + np.random.default_rng(2).normal(size=height.shape)
    np.savez(folder / "data.npz", x=inputs, y_kind=fast, names_kind=["slow", "fast"], y_height=noisy)


def switches(count: int, steps: int) -> tuple[Array, Array]:
    """Returns recordings `<float32>[n, steps, 1]` of noise with pulses, and whether the last was up, `[n, steps]`."""
    rng = np.random.default_rng(5)
    pulses = rng.choice([-1, 0, 1], (count, steps), p=[0.05, 0.9, 0.05])
    last = np.maximum.accumulate(np.where(pulses, np.arange(steps), 0), axis=1)
    is_on = (np.take_along_axis(pulses, last, axis=1) > 0).astype(np.int64)
    return (pulses + rng.normal(0, 0.1, pulses.shape)).astype(np.float32)[..., np.newaxis], is_on


def write_switches(folder: Path) -> None:
    """Writes a stateful network over windows of five steps as `net.keras`, and the windows of 40 recordings.

    Most windows have no pulse: what it answers then is in its states.
    """
    recordings, is_on = switches(40, 100)
    keras.utils.set_random_seed(1)
    trained = keras.Sequential([layers.Input((100, 1)), layers.GRU(6, return_sequences=True), layers.Dense(2)])
    trained.compile(keras.optimizers.Adam(0.03), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    trained.fit(recordings, is_on, epochs=60, batch_size=20, verbose=0)
    given, head = keras.Input(batch_shape=(8, 5, 1)), layers.Dense(2, activation="softmax")
    network = keras.Sequential([given, layers.GRU(6, stateful=True), head])
    network.set_weights(trained.get_weights())
    network.save(folder / "net.keras")
    groups = np.repeat(np.arange(40), 20)
    x, y = recordings.reshape(-1, 5, 1), is_on.reshape(-1, 5)[:, -1]
    np.savez(folder / "data.npz", x=x, y=y, names=["off", "on"], groups=groups)


def bars(count: int) -> tuple[npt.NDArray[np.uint8], Array]:
    """Returns noisy images `<uint8>[n, 12, 12]` of a bright bar, and whether it is at the top, 0, or below, 1."""
    rng = np.random.default_rng(3)
    below = np.arange(count) % 2
    images = rng.integers(0, 60, (count, 12, 12), np.uint8)
    for image, row in zip(images, rng.integers(0, 4, count) + 7 * below, strict=True):
        image[row, 1:-1] = rng.integers(180, 255, 10)
    return images, below


def write_videos(folder: Path) -> None:
    """Writes a network over frames as `net.keras`, and videos `<uint8>[n, 5, 8, 8]` of a spot that falls or rises."""
    rng = np.random.default_rng(4)
    rises = np.arange(_COUNT) % 2
    videos = rng.integers(0, 60, (_COUNT, 5, 8, 8), np.uint8)
    for video, start, side in zip(videos, rng.integers(0, 4, _COUNT), rises, strict=True):
        rows = start + np.arange(5)
        video[np.arange(5), rows[::-1] if side else rows, start + 2] = 250
    keras.utils.set_random_seed(1)
    network = keras.Sequential(
        [
            layers.Input((5, 8, 8, 1)),
            layers.TimeDistributed(layers.Conv2D(4, 3, strides=2, activation="relu")),
            layers.TimeDistributed(layers.Flatten()),
            layers.LSTM(8),
            layers.Dense(2, activation="softmax"),
        ]
    )
    network.compile(keras.optimizers.Adam(0.02), _CROSSENTROPY)
    network.fit(videos[..., np.newaxis] / np.float32(255), rises, epochs=12, batch_size=16, verbose=0)
    network.save(folder / "net.keras")
    np.savez(folder / "data.npz", x=videos, y=rises, names=["falls", "rises"])


def write_bars(folder: Path) -> None:
    """Writes a network that scales grey levels by itself as `net.keras`, and PNGs in class folders as `images/`."""
    images, below = bars(_COUNT)
    keras.utils.set_random_seed(1)
    network = keras.Sequential(
        [
            layers.Input((12, 12, 1)),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.Conv2D(4, 3, padding="same", activation="relu"),
            layers.MaxPooling2D((1, 12)),
            layers.Reshape((12, 4)),
            layers.LSTM(8),
            layers.Dense(2),
        ]
    )
    network.compile(keras.optimizers.Adam(0.02), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    network.fit(images[..., np.newaxis].astype(np.float32), below, epochs=15, batch_size=32, verbose=0)
    network.save(folder / "net.keras")
    write_class_folders(folder / "images", images, np.where(below, "below", "above"))
