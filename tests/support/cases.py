"""A small case for the gate's checks: the released conv1d and twenty digits, with hand-made measurements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from converters.workspace import NetworkFacts
from device.arrays import Float32
from device.contract.manifest import read_manifest
from device.runner import Prediction
from pipeline.data.mnist import embedded_splits
from pipeline.data.splits import LabelledImages
from pipeline.folders import ModelFolder
from pipeline.gate.case import Case
from pipeline.gate.check import Check, Note, Verdict
from pipeline.gate.limits import Limits
from tests.conftest import MODELS

STREAMS = NetworkFacts({"logits": "linear"}, (), "rows", 7, 4, "")
LABELS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
LIMITS = Limits(
    runtimes=("ai-edge-litert",),
    images_min=20,
    int8_accuracy_percent_min=95,
    accuracy_drop_pp_max=5,
    accuracy_drop_upper_pp_max=25,
    early_exit_drop_pp_max=5,
    agreement_percent_min=95,
    signal_to_noise_db_min=10,
    error_ratio_max=1.5,
    recall_drop_pp_max=50,
    calibration_error_pp_max=10,
    confidence_drift_pp_max=10,
    temperature_deviation_percent_max=1,
    digits_kept_percent_min=95,
    negatives_accepted_percent_max=50,
    early_exit_negatives_percent_max=50,
    corrupted_accuracy_percent_min=10,
    corrupted_drop_pp_max=10,
    manifest_deviation_pp_max=1,
    arena_bytes_max=300_000,
    file_bytes_max=200_000,
    time_ratio_max=100,
)


def small_case(limits: Limits = LIMITS, **given: Any) -> Case:
    """Returns a case of twenty digits; the measurements given replace those that the case would make."""
    folder = ModelFolder(MODELS / "conv1d")
    splits = embedded_splits()
    crops = splits.test.crops[[int(np.flatnonzero(splits.test.labels == label)[0]) for label in LABELS]]
    few = replace(splits, test=LabelledImages(crops, np.array(LABELS, np.uint8)), validation=splits.validation[:40])
    case = Case(folder, given.pop("manifest", read_manifest(folder.path)), given.pop("splits", few), limits)
    vars(case).update(given)  # where `cached_property` keeps what was measured
    return case


def logits(answers: Sequence[int], height: float = 8.0) -> Float32:
    """Returns logits `<float32>[n, 10]` that are `height` for each answer, and 0 for the other classes."""
    return (height * np.eye(10)[list(answers)]).astype(np.float32)


def predictions(answers: Sequence[int], probability: float = 0.9) -> tuple[Prediction, ...]:
    """Returns answers of one probability, which took 1, 2, 3… milliseconds."""
    return tuple(
        Prediction(str(answer), answer, probability, ((str(answer), probability),), 28, 1.0 + count)
        for count, answer in enumerate(answers)
    )


def with_answers(first: int, value: int) -> tuple[int, ...]:
    """Returns the right answers, but for the first few, which are `value`."""
    return (value,) * first + LABELS[first:]


def lines(found: Sequence[Check | Note]) -> list[tuple[str, ...]]:
    """Returns what the gate prints of checks and notes: name, measured and limit; the reason of those not passed."""
    return [
        (each.name, each.text)
        if isinstance(each, Note)
        else (each.name, each.measured, each.limit)
        if each.verdict is Verdict.PASSED
        else (each.name, each.verdict.value, each.reason)
        for each in found
    ]
