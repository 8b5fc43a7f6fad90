"""One trial: trains a network by its recipe, converts it, and measures the int8 file on validation inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras

from converters.convert import Conversion, convert
from device.signatures import CLASSIFY, STEP
from pipeline.data.splits import Splits
from pipeline.gate.reference import float_outputs
from pipeline.gate.scoring import compare, fidelity, has_targets
from pipeline.own.own_model import OwnModel
from pipeline.own.train import fit, untrained
from pipeline.release.source import Source, is_values, output_contracts
from pipeline.release.step_logits import StepReader
from pipeline.sweep.results import Measured
from pipeline.sweep.space import Metric


@dataclass(frozen=True)
class Epoch:
    """How far a trial is: epochs done, and the validation loss after the last one."""

    epoch: int
    validation_loss: float


def measured(model: OwnModel, metric: Metric, after_epoch: Callable[[Epoch], None]) -> tuple[Epoch, Measured]:
    """Trains, converts and measures a network; returns its best validation loss after all epochs, and the figures.

    Raises as `train_own` and `convert` do, and ValueError if the network's output has no such metric.
    """
    network, splits, _ = untrained(model)
    report = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: after_epoch(Epoch(epoch + 1, float(logs["val_loss"])))
    )
    losses = fit(network, splits, model.recipe.training, report)
    keep_head, form = splits.task == "regression", splits.form
    precision = model.recipe.network.precision
    inputs = form.real(splits.calibration.crops)
    conversion = convert(network, inputs, form.range, keep_head=keep_head, precision=precision)
    figures = _figures(network, conversion, splits, metric)
    done = Measured(*figures, len(conversion.int8_tflite), _multiply_accumulates(conversion))
    return Epoch(len(losses) + 1, min(losses)), done


def _figures(network: keras.Model, conversion: Conversion, splits: Splits, metric: Metric) -> tuple[float, float]:
    """Returns the metric of the float network and of the int8 file, on the same validation inputs."""
    inputs, targets, form = splits.validation.crops, splits.validation.labels, splits.form
    reader = StepReader(conversion, form)
    answer = output_contracts(Source("", network, ()), splits, conversion.facts.heads, reader.outputs)[0]
    real = float_outputs(network, form.real(inputs), keep_head=splits.task == "regression")[answer.name]
    int8 = reader.whole(inputs, "validation inputs")[answer.name].real
    if is_values(answer) != (metric == "error") or not (is_values(answer) or has_targets(answer.kind, real, targets)):
        expected = "error" if is_values(answer) else "accuracy"
        raise ValueError(f'Expected metric = "{expected}" for {answer.kind}, and a target for each. Received: {metric}')
    if metric == "error":
        found = fidelity(answer.name, real, int8, targets)
        return float(found.float_mean_error or 0), float(found.int8_mean_error or 0)
    accuracy = compare(answer.kind, real, int8, targets, "validation inputs")
    return accuracy.float_accuracy, accuracy.int8_accuracy


def _multiply_accumulates(conversion: Conversion) -> int:
    """Returns how many a whole input takes; unlike a time, they are the same on each machine and under any load."""
    if CLASSIFY in conversion.graphs:
        return conversion.graphs[CLASSIFY].multiply_accumulates
    return conversion.facts.steps * conversion.graphs[STEP].multiply_accumulates
