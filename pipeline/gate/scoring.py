"""What an output of a network answers, and which answers are right, by its kind."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from converters.quantisation.fidelity import signal_to_noise_db
from device.arrays import Bools, Float32, Indices
from device.contract.manifest import Accuracy, Fidelity

Kind = Literal["classes", "binary", "multilabel", "values"]
Targets = npt.NDArray[Any]


def answers(kind: Kind, logits: Float32) -> Indices:
    """Returns what logits `[n, ...]` answer: the index of a class, or 0 or 1 for each logit of the other kinds.

    `<int>[n]` for classes and binary outputs, with an axis for time steps if each is answered; `[n, labels]` for
    multilabel. Raises ValueError for values, which are no choice.
    """
    if kind == "classes":
        return np.asarray(logits.argmax(axis=-1))
    if kind == "binary":
        return np.asarray(logits[..., 0] > 0, np.intp)
    if kind == "multilabel":
        return np.asarray(logits > 0, np.intp)
    raise ValueError(f"Expected an output whose answers are choices. Received: {kind}")


def right(kind: Kind, logits: Float32, targets: Targets) -> Bools:
    """Returns which answers to logits `[n, ...]` are right, `<bool>[n, ...]`; raises ValueError for other targets."""
    given = answers(kind, logits)
    expected = targets[..., 0] if kind == "binary" and targets.ndim > given.ndim else targets
    if expected.shape != given.shape:
        raise ValueError(f"Expected targets {given.shape} for {kind}. Received: {targets.shape}")
    return np.asarray(given == np.round(expected).astype(np.intp))


def compare(kind: Kind, real: Float32, int8: Float32, targets: Targets, source: str) -> Accuracy:
    """Returns the accuracy of both networks by their logits `[n, ...]`, and how often they answer the same.

    Where an input has several answers, each counts. Raises ValueError for no inputs, or logits that are not finite.
    """
    _require(real, targets)
    float_accuracy, int8_accuracy = (float(right(kind, logits, targets).mean()) for logits in (real, int8))
    return Accuracy(
        images=len(targets),
        source=source,
        float_accuracy=float_accuracy,
        int8_accuracy=int8_accuracy,
        accuracy_drop_pp=round(100 * (float_accuracy - int8_accuracy), 4),
        agreement=float((answers(kind, real) == answers(kind, int8)).mean()),
    )


def has_targets(kind: Kind, real: Float32, targets: Targets) -> bool:
    """Returns whether targets say what is right for each answer to logits: those of a transcription do not."""
    return kind == "binary" or answers(kind, real).shape == targets.shape


def fidelity(output: str, real: Float32, int8: Float32, targets: Targets | None) -> Fidelity:
    """Returns how near int8 is to float on the same inputs; `targets` are those of values, None for other outputs.

    Raises ValueError as `compare` does.
    """
    _require(real, real)
    ratio = round(signal_to_noise_db(real, int8), 2)
    if targets is None:
        return Fidelity(output, ratio, None, None)
    errors = [float(np.abs(each - targets.reshape(real.shape)).mean()) for each in (real, int8)]
    return Fidelity(output, ratio, *errors)


def _require(real: Float32, targets: Targets) -> None:
    if not len(targets):
        raise ValueError("Expected test inputs. Received none")
    if not np.isfinite(real).all():
        raise ValueError("Expected finite logits of the float network. Received NaN or infinity")
