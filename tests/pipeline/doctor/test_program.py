"""Tests of repaired programs: how layers are written, and that the programs run and learn."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
from keras import layers

from pipeline.data.mnist import embedded_splits
from pipeline.doctor.examine import diagnosed
from pipeline.doctor.program import UnwritableError, program, rendered
from tests.support.checkout import exhaustive
from tests.support.patients import Build, conv1d, flattened, misfit, one_step

PROGRAM = """import keras
from keras import layers


def build() -> keras.Sequential:
    network = keras.Sequential(
        [
            keras.Input((28, 28)),
            layers.LSTM(8),
        ]
    )
    network.compile(
        optimizer="adam",
        loss="mse",
        metrics=["accuracy"],
    )
    return network


if __name__ == "__main__":
    build().summary()
"""
EPOCHS = 9


@pytest.mark.parametrize(
    ("layer", "code"),
    [
        (layers.Conv2D(32, 3, activation="relu"), 'layers.Conv2D(32, 3, activation="relu")'),
        (layers.Conv2D(8, (5, 3), strides=(2, 1)), "layers.Conv2D(8, (5, 3), strides=(2, 1))"),
        (layers.MaxPooling2D((2, 2)), "layers.MaxPooling2D()"),
        (layers.Reshape((7, 448)), "layers.Reshape((7, 448))"),
        (layers.LSTM(4, return_sequences=True, name="mine"), "layers.LSTM(4, return_sequences=True)"),
        (
            layers.Bidirectional(layers.GRU(4), merge_mode="sum"),
            'layers.Bidirectional(layers.GRU(4), merge_mode="sum")',
        ),
        (layers.Dense(3, kernel_initializer="zeros"), "layers.Dense(3, kernel_initializer=keras.initializers.Zeros())"),
        (layers.Rescaling(0.5), "layers.Rescaling(0.5)"),
    ],
)
def test_a_layer_is_written_with_the_options_that_are_not_default(layer: keras.Layer, code: str) -> None:
    assert rendered(layer) == code


def test_a_layer_of_ones_own_is_not_written() -> None:
    class Own(layers.Layer):  # type: ignore[misc]  # Keras has no types
        """A layer that Keras does not have."""

    with pytest.raises(UnwritableError, match=r"mine: Expected a layer of Keras. Received: Own"):
        rendered(Own(name="mine"))


def test_a_program_is_complete() -> None:
    assert program([layers.LSTM(8)], (28, 28), '"mse"') == PROGRAM


def repaired(build: Build) -> keras.Model:
    """Returns the network of the program that the doctor prints for another."""
    names: dict[str, Any] = {"__name__": "repaired"}
    exec(diagnosed(build).program, names)  # noqa: S102  # the program that the doctor prints is what is tested
    keras.utils.set_random_seed(1)
    return names["build"]()


@pytest.mark.sampled
@pytest.mark.parametrize("build", [flattened, misfit, one_step, conv1d])
def test_a_repaired_program_takes_digits(build: Build) -> None:
    """Each repaired program builds a network that can be trained on digits, and answers one of ten."""
    network, test = repaired(build), embedded_splits().test
    network.run_eagerly = True
    assert np.isfinite(network.train_on_batch(_inputs(np.asarray(test.crops[:8], np.uint8)), test.labels[:8])[0])
    assert network.output_shape == (None, 10)


@pytest.mark.thorough
@pytest.mark.parametrize("build", [flattened, *exhaustive(misfit, one_step, conv1d)])
def test_a_repaired_program_learns_to_read_digits(build: Build) -> None:
    """Trained on 4,488 digits for nine short epochs, each repaired program reads 97 % of 512 others."""
    network, splits, rng = repaired(build), embedded_splits(), np.random.default_rng(1)
    for epoch in range(EPOCHS):
        network.optimizer.learning_rate = 3e-3 * (1 + np.cos(np.pi * epoch / EPOCHS)) / 2
        network.fit(
            _shifted(np.asarray(splits.test.crops, np.uint8), rng), splits.test.labels, batch_size=32, verbose=0
        )
    answers = np.argmax(network.predict(_inputs(np.asarray(splits.validation.crops, np.uint8)), verbose=0), axis=1)
    assert np.mean(answers == splits.validation.labels) >= 0.97


def _shifted(crops: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    moves = rng.integers(-2, 3, (len(crops), 2))
    return _inputs(np.stack([np.roll(crop, move, (0, 1)) for crop, move in zip(crops, moves, strict=True)]))


def _inputs(crops: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    return crops[..., np.newaxis].astype(np.float32) / 255
