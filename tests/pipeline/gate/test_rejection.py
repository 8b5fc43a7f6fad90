"""Tests of the gate's rejection checks: on digits, and on labels that are not digits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from device.contract.manifest import read_manifest
from pipeline.data.mnist import embedded_splits
from pipeline.folders import ModelFolder
from pipeline.gate.accuracy import rejection
from pipeline.gate.case import Case
from pipeline.gate.check import Check, Note, Verdict
from pipeline.gate.limits import Limits
from tests.conftest import MODELS
from tests.support.cases import LABELS, lines, predictions, small_case
from tests.support.manifests import with_output

NAMED = replace(embedded_splits(), names=("apple", "pear", *"23456789"))


def found(threshold: float) -> list[Check | Note]:
    """What the gate says where the labels are not digits."""
    folder = ModelFolder(MODELS / "rows2d")
    manifest = with_output(read_manifest(folder.path), threshold=threshold)
    return list(rejection(Case(folder, manifest, NAMED, Limits())))


def test_other_labels_without_a_threshold_are_noted() -> None:
    assert found(0.0) == [Note("negatives accepted", "all: the threshold is 0")]


def test_a_threshold_without_negatives_is_not_judged() -> None:
    (check,) = found(0.5)
    assert isinstance(check, Check)
    assert (check.name, check.verdict) == ("negatives accepted", Verdict.NOT_JUDGED)
    assert check.reason == "the gate has negatives for the labels 0 to 9 only"


def test_digits_kept_and_negatives_accepted() -> None:
    """One digit of twenty without an answer is within 95 %; of blank crops all are accepted at threshold 0."""
    manifest = with_output(read_manifest(MODELS / "conv1d"), threshold=0.0)
    answered = predictions(LABELS)
    kept = (answered[0]._replace(label=None), *answered[1:])
    case = small_case(manifest=manifest, predictions=kept, negatives=np.zeros((4, 28, 28), np.uint8))
    assert lines(list(rejection(case))) == [
        ("digits kept", "95.00 %", "≥ 95.00 %"),
        ("negatives accepted", "refused", "100.00 % of 4 is not ≤ 50.00 %"),
    ]


def test_a_high_threshold_rejects_negatives() -> None:
    """Close to threshold 1 no blank crop is accepted; two digits of twenty without an answer are too many."""
    manifest = with_output(read_manifest(MODELS / "conv1d"), threshold=0.999999)
    answered = predictions(LABELS)
    kept = (*(each._replace(label=None) for each in answered[:2]), *answered[2:])
    case = small_case(manifest=manifest, predictions=kept, negatives=np.zeros((4, 28, 28), np.uint8))
    assert lines(list(rejection(case))) == [
        ("digits kept", "refused", "90.00 % is not ≥ 95.00 %"),
        ("negatives accepted", "0.00 % of 4", "≤ 50.00 %"),
    ]
