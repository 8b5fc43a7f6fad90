"""The gate's verdict on a model, written as a run of the gate leaves it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from device.contract.manifest import read_manifest
from device.files.sha256 import sha256_hex
from pipeline.folders import BuildFolder, ModelFolder, ReportFolder
from pipeline.gate.check import Check, Verdict
from pipeline.gate.gate_json import as_json
from pipeline.gate.judgement import Judgement, StageResult
from pipeline.gate.limits import read_limits
from pipeline.variants import model_name
from tests.conftest import MODELS
from tests.support.measured import JUDGED


def judgement_of(model: ModelFolder, verdict: Verdict, limits: Path = MODELS / "limits.toml") -> Judgement:
    """Returns a judgement of the model as it is now, by these limits."""
    return dataclasses.replace(
        JUDGED,
        file_sha256=read_manifest(model.path).file.sha256,
        manifest_sha256=sha256_hex(model.manifest.read_bytes()),
        limits_sha256=read_limits(limits, model_name(model.path)).sha256,
        stages=(StageResult("images", (Check("images", "12", "≥ 10", verdict, "too few", 12.0),)),),
    )


def write_verdict(model: ModelFolder, candidate: BuildFolder, verdict: Verdict = Verdict.PASSED) -> None:
    """Writes a judgement of the model as it is now to where the gate writes that of a candidate."""
    candidate.gate.mkdir(parents=True, exist_ok=True)
    ReportFolder(candidate.gate).json.write_text(as_json(judgement_of(model, verdict)), encoding="utf-8")
