"""Releases a candidate that passed the gate: the only code that writes to `models/`."""

from __future__ import annotations

import shutil

from device.contract.manifest import Manifest, read_manifest
from device.files.sha256 import sha256_hex
from pipeline.folders import BuildFolder, ModelFolder, ReportFolder
from pipeline.gate.check import Verdict
from pipeline.gate.gate_json import read_judgement
from pipeline.gate.judgement import Judgement
from pipeline.gate.limits import Limits
from pipeline.report.card import write_card
from pipeline.variants import model_name


class ReleaseError(ValueError):
    """A candidate may not be released; the message says why, and what to do."""


def release(candidate: BuildFolder, model: ModelFolder, limits: Limits) -> None:
    """Copies a candidate to its place under `models/`, with what the gate measured on its card.

    Raises ReleaseError if the gate did not pass exactly these files by these limits, or if the present release was
    evaluated on more images.
    """
    report = ReportFolder(candidate.gate).json
    if not report.is_file():
        raise ReleaseError(f"{candidate.path}: the gate has not evaluated it: make gate")
    manifest, judgement = read_manifest(candidate.path), read_judgement(report)
    _require_passed(candidate, manifest, judgement)
    if judgement.limits_sha256 != limits.sha256:
        raise ReleaseError(f"{candidate.path}: the gate passed it by other limits than those of now: make gate")
    if manifest.name != (expected := model_name(model.path)):
        raise ReleaseError(f"{candidate.path}: Expected the model {expected}. Received: {manifest.name}")
    _require_as_many_images(manifest, model)
    with model.replaced() as staged:
        copied = (candidate.float_model, candidate.int8_tflite, candidate.golden, candidate.calibration)
        for path in (*copied, candidate.manifest):
            shutil.copyfile(path, staged.path / path.name)
        for optional in (candidate.training, candidate.recipe):
            if optional.is_file():
                shutil.copyfile(optional, staged.path / optional.name)
        if not write_card(staged, model.path.name, judgement):
            raise ReleaseError(f"{report}: Expected the gate's results of this file. Found another's: make gate")


def _require_passed(candidate: BuildFolder, manifest: Manifest, judgement: Judgement) -> None:
    if judgement.verdict is not Verdict.PASSED:
        raise ReleaseError(f"{candidate.path}: the gate's verdict is: {judgement.verdict.value}")
    expected = {
        candidate.manifest: judgement.manifest_sha256,
        candidate.int8_tflite: judgement.file_sha256,
        candidate.golden: manifest.golden_sha256,
        candidate.float_model: manifest.weights_sha256,
        candidate.calibration: manifest.calibration.digests_sha256,
    }
    for path, sha256 in expected.items():
        if sha256_hex(path.read_bytes()) != sha256:
            raise ReleaseError(f"{path}: it changed after the gate passed it: make gate")


def _require_as_many_images(manifest: Manifest, model: ModelFolder) -> None:
    if not model.manifest.is_file():
        return
    new, present = manifest.accuracy, read_manifest(model.path).accuracy
    if new is not None and present is not None and new.images < present.images:
        raise ReleaseError(
            f"{model.path}: Expected an evaluation on at least {present.images:,} images ({present.source}), as of the "
            f"present release. Received: {new.images:,} ({new.source}). Convert and gate with the same data: "
            "ROWSTREAM_DATA or --data"
        )
