"""Accuracy under MNIST-C's kinds of corruption: a model's float network, its int8 file, and a plain CNN.

The CNN is what one would train without this project: three epochs on MNIST as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt
from keras import layers
from tabulate import tabulate
from tqdm import tqdm

from device.arrays import Crop, Float32
from device.pixels import INK, SIDE
from device.runner import Runner
from pipeline.bench.mnist_c import KINDS, corrupted
from pipeline.data.splits import LabelledImages
from pipeline.variants import LABELS

Reader = Callable[[Crop], npt.NDArray[np.intp]]

_SEED = 20_261_128
_EPOCHS, _BATCH = 3, 128
_CLEAN = "clean"


@dataclass(frozen=True)
class Robustness:
    """The accuracy of each reader under each kind of corruption, in percent, and on the crops as they are."""

    accuracy_percent: Mapping[str, Mapping[str, float]]

    def mean_percent(self, reader: str) -> float:
        """The mean of a reader's accuracy over the kinds, without the clean crops."""
        kinds = self.accuracy_percent[reader]
        return float(np.mean([kinds[kind] for kind in kinds if kind != _CLEAN]))

    def table(self) -> str:
        """Returns a line for each kind and one for their mean."""
        readers = list(self.accuracy_percent)
        lines = [(kind, *(self.accuracy_percent[reader][kind] for reader in readers)) for kind in (_CLEAN, *KINDS)]
        mean = (f"mean of {len(KINDS)} kinds", *map(self.mean_percent, readers))
        return tabulate([*lines, mean], ("accuracy, %", *readers), floatfmt=".1f", tablefmt="simple")


def measure_robustness(readers: Mapping[str, Reader], images: LabelledImages) -> Robustness:
    """Returns the accuracy of readers of crops `<uint8>[n, 28, 28]` on images, each corrupted in every way."""
    measured: dict[str, dict[str, float]] = {name: {} for name in readers}
    clean = np.asarray(images.crops, np.uint8)
    for kind in tqdm((_CLEAN, *KINDS), desc="corruptions", disable=None):
        crops = clean if kind == _CLEAN else corrupted(clean, kind, _SEED)
        for name, read in readers.items():
            measured[name][kind] = 100 * float(np.mean(read(crops) == images.labels))
    return Robustness(measured)


def float_reader(network: keras.Model) -> Reader:
    """Returns what gives a network's most probable class for each crop."""
    return lambda crops: np.asarray(network.predict(_scaled(crops), _BATCH, verbose=0).argmax(axis=1), np.intp)


def int8_reader(runner: Runner) -> Reader:
    """Returns what gives a runner's most probable class for each crop, answered or not."""
    return lambda crops: np.array([runner.classify(crop).index for crop in crops], np.intp)


def plain_cnn(training: LabelledImages) -> keras.Model:
    """Returns two convolutions and a dense layer, trained for three epochs on crops as they are; seeded."""
    keras.utils.set_random_seed(_SEED)
    network = keras.Sequential(
        [
            layers.Input((SIDE, SIDE, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPool2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPool2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(len(LABELS)),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(optimizer="adam", loss=loss)
    network.fit(_scaled(np.asarray(training.crops, np.uint8)), training.labels, _BATCH, _EPOCHS, verbose=0)
    return network


def _scaled(crops: Crop) -> Float32:
    return np.asarray(crops[..., np.newaxis] / np.float32(INK))
