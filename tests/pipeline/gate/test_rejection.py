"""Tests of `pipeline.gate.rejection` on labels that are not the ten digits."""

from __future__ import annotations

from dataclasses import replace

from device.manifest import read_manifest
from pipeline.data.mnist import embedded_splits
from pipeline.folders import ModelFolder
from pipeline.gate.case import Case
from pipeline.gate.check import Check, Verdict
from pipeline.gate.limits import Limits
from pipeline.gate.rejection import rejection
from tests.conftest import MODELS

NAMED = replace(embedded_splits(), names=("apple", "pear", *"23456789"))


def unnamed_checks(threshold: float) -> list[Check]:
    """What the gate says where the labels are not digits."""
    folder = ModelFolder(MODELS / "rows2d")
    manifest = replace(read_manifest(folder.path), threshold=threshold)
    return list(rejection(Case(folder, manifest, NAMED, Limits())))


def test_the_gate_passes_other_labels_without_a_threshold() -> None:
    (check,) = unnamed_checks(0.0)
    assert (check.name, check.measured, check.verdict) == (
        "negatives accepted",
        "all: the threshold is 0",
        Verdict.PASSED,
    )


def test_the_gate_does_not_judge_a_threshold_without_negatives() -> None:
    (check,) = unnamed_checks(0.5)
    assert (check.name, check.verdict) == ("negatives accepted", Verdict.NOT_JUDGED)
    assert check.reason == "no crops are known that show nothing of the labels"
