"""Judges an int8 file against the float network it was made from, on the same images, through the runner that ships.

Not a verdict: it measures; the limits are in `tests/pipeline/release/test_released_models.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tabulate import tabulate
from tqdm import tqdm

from device.arrays import Indices, UInt8
from device.manifest import Accuracy
from device.pixels import unit_range
from device.runner import Runner

if TYPE_CHECKING:  # `table` must not wait for TensorFlow
    import keras

    from pipeline.data.splits import LabelledImages


@dataclass(frozen=True)
class Evaluation:
    """A variant's row of the table that `make convert` prints."""

    variant: str
    accuracy: Accuracy
    file_bytes: int
    latency_us: float


def evaluate(variant: str, network: keras.Sequential, runner: Runner, test: LabelledImages, source: str) -> Evaluation:
    """Returns how a model does on images that chose nothing; `latency_us` is the median of whole `classify` calls.

    Raises:
        ValueError: there are no images to judge on, or the float network's answers are not finite.
    """
    if not len(test):
        raise ValueError("Expected images to judge on. Received none")
    float_answers = _float_answers(network, test.crops)
    predictions = [runner.classify(crop) for crop in tqdm(test.crops, desc=f"{variant} int8", disable=None)]
    int8_answers = np.array([prediction.index for prediction in predictions])
    float_right, int8_right = float_answers == test.labels, int8_answers == test.labels
    return Evaluation(
        variant=variant,
        accuracy=Accuracy(
            images=len(test),
            source=source,
            float_accuracy=float(float_right.mean()),
            int8_accuracy=float(int8_right.mean()),
            accuracy_drop_pp=round(100 * float(float_right.mean() - int8_right.mean()), 4),
            agreement=float((float_answers == int8_answers).mean()),
        ),
        file_bytes=runner.manifest.file.bytes,
        latency_us=round(1e3 * float(np.median([prediction.latency_ms for prediction in predictions])), 1),
    )


def write_evaluation(evaluation: Evaluation, path: Path) -> None:
    """Writes an evaluation as JSON, in a folder that it makes where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(evaluation), indent=2) + "\n")


def read_evaluation(path: Path) -> Evaluation:
    """Returns an evaluation that `write_evaluation` wrote; raises ValueError, naming the file, for any other file."""
    try:
        written = json.loads(path.read_text())
        return Evaluation(**{**written, "accuracy": Accuracy(**written["accuracy"])})
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path}: Expected an evaluation that `convert` wrote. {error}") from error


def table(evaluations: Iterable[Evaluation]) -> str:
    """Returns the evaluations as a text table, with what they were judged on."""
    rows = [_row(evaluation) for evaluation in evaluations]
    headers = ("variant", "float %", "int8 %", "drop pp", "agree %", "bytes", "µs a crop", "images", "judged on")
    formats = ("", ".2f", ".2f", ".2f", ".2f", ",", ".0f", ",", "")
    return tabulate(rows, headers, floatfmt=formats, intfmt=formats, tablefmt="simple")


def _row(evaluation: Evaluation) -> Sequence[object]:
    accuracy = evaluation.accuracy
    return (
        evaluation.variant, 100 * accuracy.float_accuracy, 100 * accuracy.int8_accuracy, accuracy.accuracy_drop_pp,
        100 * accuracy.agreement, evaluation.file_bytes, evaluation.latency_us, accuracy.images, accuracy.source,
    )  # fmt: skip


def _float_answers(network: keras.Sequential, crops: UInt8) -> Indices:
    logits = network.predict(unit_range(crops), batch_size=500, verbose=0)
    if not np.isfinite(logits).all():
        raise ValueError("Expected finite logits of the float network. Received NaN or infinity")
    return np.asarray(logits.argmax(axis=1))
