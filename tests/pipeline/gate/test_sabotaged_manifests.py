"""Tests that the gate refuses manifests that misstate a good file, each by the right check alone."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from device.contract.manifest import read_manifest
from pipeline.gate.check import Verdict
from tests.support.commands import pipeline, refused
from tests.support.sabotage import Good, forge, judged, limits_for_few_images, reasons, refusals


@pytest.mark.thorough
def test_an_early_exit_far_too_early(good: Good, good_copy: Path, tmp_path: Path) -> None:
    """An early exit at a probability of 0.1 is refused for the digits that it reads wrong and those that it rejects."""
    # At this probability about as many negatives are accepted as may be.
    limits = limits_for_few_images(
        tmp_path, ("early_exit_negatives_percent_max = 3\n", "early_exit_negatives_percent_max = 5\n")
    )
    early_exit = read_manifest(good_copy).early_exit
    assert early_exit is not None
    forge(good_copy, early_exit=dataclasses.replace(early_exit, probability=0.1))
    judgement = judged(good_copy, good.splits, limits)
    assert refusals(judgement) == {"accuracy drop, early exit", "digits kept, early exit"}
    assert reasons(judgement)[0].endswith(" pp is not ≤ 0.10 pp")


@pytest.mark.thorough
@pytest.mark.slow
def test_everything_stated_forged(good: Good, good_copy: Path) -> None:
    """Forged figures, operators and packages are refused, each by its own check."""
    manifest = read_manifest(good_copy)
    assert manifest.early_exit is not None
    assert manifest.rejection is not None
    assert manifest.accuracy is not None
    forge(
        good_copy,
        operators={"ADD": 1},
        packages={"tensorflow": "9.9"},
        configuration={},
        accuracy=dataclasses.replace(manifest.accuracy, images=60_000, int8_accuracy=1.0),
        early_exit=dataclasses.replace(manifest.early_exit, mean_lines_read=4.0),
        rejection=dataclasses.replace(manifest.rejection, negatives=1_000_000, negatives_accepted=0.0),
        calibration=dataclasses.replace(manifest.calibration, seed=1),
    )
    assert refusals(judged(good_copy, good.splits, good.limits)) == {
        "operators in manifest",
        "configuration in manifest",
        "calibration in manifest",
        "packages in manifest",
        "accuracy in manifest",
        "accuracy figures in manifest",
        "early exit figures in manifest",
        "rejection in manifest",
        "rejection figures in manifest",
    }


def test_a_file_that_streams_said_not_to(good: Good, good_copy: Path) -> None:
    """A manifest without states is refused if the file has the signature `step`."""
    forge(good_copy, states=(), not_streamable="the network looks ahead", early_exit=None)
    judgement = judged(good_copy, good.splits, good.limits)
    assert refusals(judgement) == {"states in manifest"}
    assert reasons(judgement) == ["the file has the signature step, the manifest no states"]


def test_the_name_of_a_model_with_laxer_limits(good: Good, good_copy: Path, tmp_path: Path) -> None:
    """A manifest that takes another model's name is refused: the folder chooses the limits."""
    lax = "\n[models.rowstream-lax]\nint8_accuracy_percent_min = 0\nfile_bytes_max = 4e9\n"
    limits = limits_for_few_images(tmp_path)
    limits.write_text(limits.read_text() + lax)
    forge(good_copy, name="rowstream-lax")
    judgement = judged(good_copy, good.splits, limits)
    assert refusals(judgement) == {"name in manifest"}
    assert reasons(judgement) == ["the folder conv1d is judged as rowstream-conv1d, the manifest says rowstream-lax"]
    assert judgement.lax_limits == ()


def test_limits_that_refuse_nothing_are_named(good: Good, good_copy: Path, tmp_path: Path) -> None:
    """Limits that any model keeps are named in the verdict."""
    limits = limits_for_few_images(
        tmp_path,
        ("int8_accuracy_percent_min = 98.90\n", "int8_accuracy_percent_min = 0\n"),
        ("accuracy_drop_pp_max = 0.10\n", "accuracy_drop_pp_max = 100\n"),
        ("\nnegatives_accepted_percent_max = 3\n", "\nnegatives_accepted_percent_max = 100\n"),
    )
    path = good_copy / "model.int8.tflite"
    path.write_bytes(path.read_bytes()[:-1])  # so that the rest is not run
    judgement = judged(good_copy, good.splits, limits)
    lax = "int8_accuracy_percent_min = 0, accuracy_drop_pp_max = 100, negatives_accepted_percent_max = 100"
    assert judgement.verdict is Verdict.REFUSED
    assert judgement.outcome == f"refused, but these limits refuse nothing: {lax}"


@pytest.mark.parametrize("version", ["../x", "1.2.3/../../x", ""])
def test_a_version_that_leads_elsewhere(good: Good, good_copy: Path, tmp_path: Path, version: str) -> None:
    """A version that is no file name cannot be judged: exit status 2 with the reason, and nothing is written."""
    path = good_copy / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": version}))
    child = pipeline(tmp_path, "gate", str(good_copy), "--limits", str(good.limits))
    expected = f"manifest.json: manifest: Expected a version such as 1.2.3 or 1.2.3rc1. Received: {version!r}"
    assert expected in refused(child)
    assert not (tmp_path / "build").exists()
