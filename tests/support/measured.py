"""A small judgement: three classes, twelve images, two tensors that differ and one that does not."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from device.contract.manifest import CalibrationRecord, EarlyExit, Runtime, read_manifest
from pipeline.gate.check import Check, Note, Verdict
from pipeline.gate.judgement import Judgement, StageResult, skipped
from pipeline.gate.record import (
    Answers,
    Example,
    Latency,
    Measurements,
    RecallChange,
    ReliabilityBin,
    TensorSignal,
)
from tests.conftest import MODELS
from tests.support.manifests import with_output


def picture(crop: npt.NDArray[np.uint8]) -> str:
    file = io.BytesIO()
    Image.fromarray(crop).save(file, "png")
    return base64.b64encode(file.getvalue()).decode()


CROSS = np.uint8(255) * (np.eye(28, dtype=np.uint8) | np.eye(28, dtype=np.uint8)[::-1])

_MADE = read_manifest(MODELS / "conv1d")
MANIFEST = replace(
    with_output(_MADE, temperature=0.672, threshold=0.0),
    time_axis="rows",
    file=replace(_MADE.file, bytes=144_912),
    operators={"ADD": 1, "FULLY_CONNECTED": 4},
    early_exit=EarlyExit(0.99, (0.9, 0.95, 0.99, 1.0), 7.0, 0.0),  # more than the gate measured
    calibration=CalibrationRecord("the training digits", 512, 7, "c" * 64, "d" * 64),
    packages={"keras": "3.15.1"},
    configuration={"training": {"epochs": 40, "views": {"scale": 0.12}}},
)
MEASURED = Measurements(
    names=("one", "two", "three"),
    labels=("one", "two", "three"),
    float=Answers(
        confusion=((4, 0, 0), (1, 3, 0), (0, 0, 4)),
        bins=(ReliabilityBin(0.4, 0.6, 4, 0.5, 3), ReliabilityBin(0.8, 1.0, 8, 0.95, 8)),
    ),
    int8=Answers(
        confusion=((4, 0, 0), (2, 2, 0), (0, 0, 4)),
        bins=(ReliabilityBin(0.4, 0.6, 4, 0.55, 2), ReliabilityBin(0.8, 1.0, 8, 0.9, 8)),
    ),
    overall=RecallChange("", 12, 11, 1, 0, -27.5, 13.25),
    classes=(
        RecallChange("one", 4, 4, 0, 0, -32.75, 32.75),
        RecallChange("two", 4, 3, 1, 0, -67.5, 34.25),
        RecallChange("three", 4, 4, 0, 0, -32.75, 32.75),
    ),
    tensors=(
        TensorSignal("crop", 0, 100.0, 0.0),
        TensorSignal("lstm/add", 1, 1000.0, 1.0),
        TensorSignal("logits", 2, 100.0, 10.0),
    ),
    disagreements=(Example(42, "two", "two", 0.9512, "one", 0.625, picture(CROSS)),),
    mistakes=(
        Example(7, "two", "one", 0.75, "one", 0.875, picture(CROSS)),
        Example(42, "two", "two", 0.9512, "one", 0.625, picture(CROSS)),
    ),
    latency=Latency((0.1, 0.2, 0.3), (8, 3), 1, 0.15, 0.3),
    early_exit=EarlyExit(0.99, (0.25, 0.5, 0.75, 0.8333), 17.5, 0.08),
    manifest=MANIFEST,
)
# The fields of a file that does not stream.
NOT_STREAMED: Mapping[str, Any] = MappingProxyType({"manifest": replace(MANIFEST, early_exit=None), "early_exit": None})

JUDGED = Judgement(
    model="rowstream-conv1d",
    version="1.2.3",
    file_sha256="a" * 64,
    manifest_sha256="e" * 64,
    limits_sha256="f" * 64,
    judged_at="2026-11-28 05:30",
    images=12,
    source="the digits",
    runtimes=(Runtime("ai-edge-litert", "2.3.0"),),
    lax_limits=(),
    stages=(
        StageResult("images", (Check("images", "12", "≥ 10", Verdict.PASSED, value=12.0),)),
        StageResult(
            "accuracy",
            (Check("drop", "8.33 pp", "≤ 0.50 pp", Verdict.REFUSED, "8.33 pp is not ≤ 0.50 pp", 8.33),),
            (Note("float accuracy", "91.67 %"),),
        ),
        skipped("budget", refused_by="accuracy"),
    ),
    measurements=MEASURED,
)
