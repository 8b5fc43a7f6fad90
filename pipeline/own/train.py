"""Trains anybody's network by its recipe; the epoch with the least loss on validation inputs is kept.

Source: Prechelt, Early Stopping - But When?, 1998; Kingma, Ba, Adam, 2015.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np

from converters.lowering.lower import lowered
from converters.lowering.states_kept import with_states
from device.whole_file import whole_file, write_whole
from pipeline.data.splits import LabelledImages, Splits
from pipeline.folders import ModelFolder
from pipeline.own.make import load_own_network, own_inputs
from pipeline.own.own_model import OwnModel
from pipeline.own.recipe import Time, TrainingRecipe

log = logging.getLogger(__name__)


def train_own(model: OwnModel, trained: ModelFolder) -> None:
    """Trains the network of a recipe, and writes `float.keras` and `training.json` to `trained`.

    Raises as `load_own_network` and `own_inputs` do, and ValueError if the network's output does not fit the labels.
    """
    network, splits, time = untrained(model)
    losses = fit(network, splits, model.recipe.training)
    with whole_file(trained.network) as unfinished:
        (with_states(network, kept=True) if time == "continuous" else network).save(unfinished)
    write_whole(trained.training, json.dumps(_record(model.recipe.training, losses), indent=2) + "\n")


def untrained(model: OwnModel) -> tuple[keras.Model, Splits, Time]:
    """Returns the network of a recipe before training, the data, and whether the network is to keep its states.

    Raises as `load_own_network` and `own_inputs` do.
    """
    with tempfile.TemporaryDirectory(prefix="rowstream-") as folder:
        network, time = load_own_network(model, Path(folder) / "network.keras")
    return network, own_inputs(model.with_time(time), network, trained=False).splits, time


def fit(
    network: keras.Model, splits: Splits, training: TrainingRecipe, *callbacks: keras.callbacks.Callback
) -> list[float]:
    """Trains a network, which then has the weights of its best epoch; returns the validation loss of each epoch."""
    keras.utils.set_random_seed(training.seed)
    network.compile(keras.optimizers.Adam(training.learning_rate), loss_of(network, splits))
    stop = keras.callbacks.EarlyStopping(patience=training.patience, restore_best_weights=True)
    history = network.fit(
        *_arrays(splits, splits.training),
        validation_data=_arrays(splits, splits.validation),
        epochs=training.epochs,
        batch_size=training.batch_size,
        callbacks=[stop, *callbacks],
        verbose=int(sys.stderr.isatty()),
    )
    return [float(loss) for loss in history.history["val_loss"]]


def loss_of(network: keras.Model, splits: Splits) -> keras.losses.Loss:
    """Returns the loss by what the labels mean and how the network ends; raises ValueError for several outputs."""
    heads = lowered(network, (1, *splits.form.shape)).heads
    if len(heads) > 1:
        raise ValueError(f"Expected a network with one output to train. Received: {', '.join(heads)}")
    (head,) = heads.values()
    if splits.task == "regression":
        return keras.losses.MeanSquaredError()
    if splits.task == "multilabel" or network.output_shape[-1] == 1:
        return keras.losses.BinaryCrossentropy(from_logits=head != "sigmoid")
    return keras.losses.SparseCategoricalCrossentropy(from_logits=head != "softmax")


def _arrays(splits: Splits, part: LabelledImages) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]  # Keras'
    return splits.form.real(part.crops), part.labels


def _record(training: TrainingRecipe, losses: list[float]) -> dict[str, object]:
    best = int(np.argmin(losses))
    return {**dataclasses.asdict(training), "epoch": best + 1, "validation_loss": round(float(losses[best]), 6)}
