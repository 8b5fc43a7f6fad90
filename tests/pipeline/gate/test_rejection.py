"""Tests of `pipeline.gate.rejection` on labels that are not the ten digits."""

from __future__ import annotations

from dataclasses import replace

from device.manifest import read_manifest
from pipeline.data.mnist import embedded_splits
from pipeline.folders import ModelFolder
from pipeline.gate.case import Case
from pipeline.gate.check import Check, Note, Verdict
from pipeline.gate.limits import Limits
from pipeline.gate.rejection import rejection
from tests.conftest import MODELS

NAMED = replace(embedded_splits(), names=("apple", "pear", *"23456789"))


def found(threshold: float) -> list[Check | Note]:
    """What the gate says where the labels are not digits."""
    folder = ModelFolder(MODELS / "rows2d")
    manifest = replace(read_manifest(folder.path), threshold=threshold)
    return list(rejection(Case(folder, manifest, NAMED, Limits())))


def test_other_labels_without_a_threshold_are_noted() -> None:
    assert found(0.0) == [Note("negatives accepted", "all: the threshold is 0")]


def test_a_threshold_without_negatives_is_not_judged() -> None:
    (check,) = found(0.5)
    assert isinstance(check, Check)
    assert (check.name, check.verdict) == ("negatives accepted", Verdict.NOT_JUDGED)
    assert check.reason == "the gate has negatives for the labels 0 to 9 only"
