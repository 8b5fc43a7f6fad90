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
from typing import Any

import keras
import numpy as np

from converters.lowering.lower import lowered
from converters.lowering.states_kept import with_states
from device.files.whole_file import whole_file, write_whole
from pipeline.data.own.own_data import Task
from pipeline.data.splits import LabelledImages, Splits
from pipeline.folders import ModelFolder
from pipeline.own.make import load_own_network, output_names, own_inputs
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
    network.compile(keras.optimizers.Adam(training.learning_rate), losses_of(network, splits))
    stop = keras.callbacks.EarlyStopping(patience=training.patience, restore_best_weights=True)
    history = network.fit(
        *_arrays(network, splits, splits.training),
        validation_data=_arrays(network, splits, splits.validation),
        epochs=training.epochs,
        batch_size=training.batch_size,
        callbacks=[stop, *callbacks],
        verbose=int(sys.stderr.isatty()),
    )
    return [float(loss) for loss in history.history["val_loss"]]


def losses_of(network: keras.Model, splits: Splits) -> list[keras.losses.Loss]:
    """Returns each output's loss, by what its labels mean and how the network ends there; their sum is trained.

    Raises ValueError if an output has no labels.
    """
    heads = lowered(network, (1, *splits.form.shape)).heads
    names = output_names(network)
    labels = [splits.labels_of(name, names[0]) for name in names]
    if without := [name for name, given in zip(names, labels, strict=True) if given is None]:
        raise ValueError(f"Expected labels of every output to train. Received none of {', '.join(without)}")
    tasks = [given.task for given in labels if given is not None]
    sizes = [output.shape[-1] for output in network.outputs]
    return [_loss(*each) for each in zip(tasks, heads.values(), sizes, strict=True)]


def _loss(task: Task, head: str, size: int) -> keras.losses.Loss:
    if task == "regression":
        return keras.losses.MeanSquaredError()
    if task == "multilabel" or size == 1:
        return keras.losses.BinaryCrossentropy(from_logits=head != "sigmoid")
    return keras.losses.SparseCategoricalCrossentropy(from_logits=head != "softmax")


def _arrays(network: keras.Model, splits: Splits, part: LabelledImages) -> tuple[Any, Any]:
    targets = [part.labels, *(part.others[name].targets for name in output_names(network)[1:])]
    return splits.form.real(part.crops), targets if len(targets) > 1 else part.labels


def _record(training: TrainingRecipe, losses: list[float]) -> dict[str, object]:
    best = int(np.argmin(losses))
    return {**dataclasses.asdict(training), "epoch": best + 1, "validation_loss": round(float(losses[best]), 6)}
