"""Tests of `pipeline.own.train`: what is trained by which loss."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from pipeline.data.calibration import Calibration
from pipeline.data.data_form import DataForm
from pipeline.data.own.own_data import Labels
from pipeline.data.splits import LabelledImages, Splits
from pipeline.own.recipe import TrainingRecipe
from pipeline.own.train import fit

WAVES = np.random.default_rng(0).normal(size=(200, 6, 2)).astype(np.float32)
RISES = (WAVES[:, -1, 0] > 0).astype(np.int64)
HEIGHT = WAVES[:, -1, :1]


def splits(**others: Labels) -> Splits:
    """Whether a wave rises for the output `rises`, with labels of other outputs."""
    part = LabelledImages(WAVES, RISES, others=others)
    calibration = Calibration(WAVES[:10], "waves", 7, "0" * 64)
    form = DataForm("sequence", (6, 2), None)
    return Splits("waves", part, part[:50], calibration, part[:50], "waves", ("no", "yes"), form)


def two_outputs(*, named: bool) -> keras.Model:
    keras.utils.set_random_seed(3)
    given = keras.Input((6, 2))
    shared = layers.LSTM(6)(given)
    heads = [layers.Dense(1, name="height")(shared), layers.Dense(2, activation="softmax", name="rises")(shared)]
    return keras.Model(given, {"height": heads[0], "rises": heads[1]} if named else heads[::-1])


@pytest.mark.thorough
@pytest.mark.parametrize("named", [False, True], ids=["list", "dict"])
def test_all_labelled_outputs_are_trained(named: bool) -> None:
    """A value and a class, in a list or a dictionary: after 40 epochs both are learnt."""
    network = two_outputs(named=named)
    if named:  # Keras sorts them by name
        part = LabelledImages(WAVES, HEIGHT, others={"rises": Labels(RISES, "classes", ("no", "yes"))})
        of_height = splits()
        data = Splits(**{**vars(of_height), "training": part, "validation": part, "test": part, "task": "regression"})
    else:
        data = splits(height=Labels(HEIGHT, "regression", ()))
    losses = fit(network, data, TrainingRecipe(epochs=40, learning_rate=0.02, patience=40))
    assert losses[-1] < 0.2 * losses[0]
    answered = network.predict(WAVES, verbose=0)
    height, rises = (answered["height"], answered["rises"]) if named else answered[::-1]
    assert np.abs(height - HEIGHT).mean() < 0.3
    assert (rises.argmax(axis=1) == RISES).mean() > 0.9


def test_an_output_without_labels_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^Expected labels of every output to train. Received none of height$"):
        fit(two_outputs(named=False), splits(), TrainingRecipe())
