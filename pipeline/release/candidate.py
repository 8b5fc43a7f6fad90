"""Makes a candidate for release: float weights in; int8 file, manifest and model card out.

The int8 file runs over the validation and test images once; everything in the manifest follows from those logits.
"""

from __future__ import annotations

import logging
import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

import device
from converters.convert import Conversion, convert
from converters.packages import package_versions
from converters.tflite.graph import operator_versions
from device.arrays import Crops
from device.interpreter import RUNTIMES
from device.manifest import FORMAT_VERSION, Manifest, ModelFile
from device.pixels import unit_range
from device.runner import Runner
from device.sha256 import sha256_hex
from device.signatures import CLASSIFY, CROP, LOGITS, STEP
from pipeline.data.splits import Splits, calibration_record, digest_lines
from pipeline.folders import ModelFolder
from pipeline.gate.golden import golden_content
from pipeline.gate.runtimes import classify_in_child, is_installed
from pipeline.gate.statements import compare, configuration
from pipeline.release.evaluate import Evaluation
from pipeline.release.findings import Findings, LabelledLogits, find
from pipeline.release.step_logits import StepReader, contract
from pipeline.report.card import model_card
from pipeline.synthesis.negatives import draw_test_negatives
from pipeline.training.networks import load_network
from pipeline.variants import PREFIX, Variant

_TIMED_CROPS = 1_000

log = logging.getLogger(__name__)


def make_candidate(variant: Variant, splits: Splits, weights: ModelFolder, target: ModelFolder) -> Evaluation:
    """Converts and evaluates the float model in `weights`; writes the whole candidate to `target`.

    The files are made beside their places and moved there when all are done, the manifest last. Raises ValueError if
    the weights belong to another network, or an installed runtime cannot run the file; see also `converters.convert`.
    """
    network = load_network(variant.name, weights)
    log.info("%s: converting %s", variant.name, weights.float_model)
    conversion = convert(network, unit_range(splits.calibration.crops))
    log.info("%s: evaluating on %s images", variant.name, f"{len(splits.test):,}")
    findings = _findings(StepReader(conversion, variant), network, splits)
    with target.replaced() as staged:
        shutil.copy(weights.float_model, staged.path)
        if weights.training.is_file():
            shutil.copy(weights.training, staged.path)
        staged.int8_tflite.write_bytes(conversion.int8_tflite)
        staged.calibration.write_bytes(digest_lines(splits.calibration.crops))
        manifest = _with_golden(_manifest(variant, conversion, splits, staged, findings), conversion, staged)
        manifest.write(staged.path)
        staged.card.write_text(model_card(manifest), encoding="utf-8")
        latency_us = _latency_us(staged.path, splits.test.crops[:_TIMED_CROPS])
        _require_runtimes(staged.path, splits.calibration.crops[:1])
    return Evaluation(variant.name, findings.accuracy, len(conversion.int8_tflite), latency_us)


def _findings(reader: StepReader, network: keras.Sequential, splits: Splits) -> Findings:
    test, negatives = reader.steps(splits.test.crops, "test images"), draw_test_negatives(splits)
    float_logits = network.predict(unit_range(splits.test.crops), batch_size=500, verbose=0)
    return find(
        LabelledLogits(reader.steps(splits.validation.crops, "validation images"), splits.validation.labels),
        LabelledLogits(test, splits.test.labels),
        None if negatives is None else reader.whole(negatives, "test images without a digit"),
        compare(float_logits, test.last, splits.test.labels, splits.test_source),
    )


def _manifest(
    variant: Variant, conversion: Conversion, splits: Splits, staged: ModelFolder, findings: Findings
) -> Manifest:
    classify, step = conversion.graphs[CLASSIFY], conversion.graphs.get(STEP)
    return Manifest(
        format_version=FORMAT_VERSION,
        name=f"{PREFIX}{variant.name}",
        version=device.__version__,
        labels=splits.names,
        time_axis=variant.time_axis,
        steps=variant.steps,
        lines_per_step=variant.lines_per_step,
        input=contract(CROP, classify.inputs[CROP]),
        output=contract(LOGITS, classify.outputs[LOGITS]),
        states=tuple(contract(name, step.inputs[name]) for name in step.states) if step is not None else (),
        not_streamable=conversion.facts.not_streamable,
        temperature=findings.temperature,
        threshold=findings.threshold,
        file=ModelFile(staged.int8_tflite.name, len(conversion.int8_tflite), sha256_hex(conversion.int8_tflite)),
        golden_sha256="",  # `_with_golden`
        weights_sha256=sha256_hex(staged.float_model.read_bytes()),
        operators=dict(operator_versions(tuple(conversion.graphs.values()))),
        accuracy=findings.accuracy,
        early_exit=findings.early_exit,
        rejection=findings.rejection,
        calibration=calibration_record(splits.calibration),
        configuration=configuration(staged),
        packages=package_versions(),
    )


def _with_golden(manifest: Manifest, conversion: Conversion, staged: ModelFolder) -> Manifest:
    """Writes the golden crops, whose layout follows from the manifest; returns it with their hash."""
    golden = golden_content(conversion.int8_tflite, manifest)
    staged.golden.write_bytes(golden)
    return replace(manifest, golden_sha256=sha256_hex(golden))


def _latency_us(folder: Path, crops: Crops) -> float:
    """Returns the median time of a whole crop through the runner, in microseconds."""
    with Runner(folder) as runner:
        return round(1e3 * float(np.median([runner.classify(crop).latency_ms for crop in crops])), 1)


def _require_runtimes(folder: Path, crops: Crops) -> None:
    """Raises ValueError unless each runtime that is installed reads the crops."""
    for runtime in filter(is_installed, RUNTIMES):
        child = classify_in_child(folder, runtime, crops)
        if child.returncode:
            raise ValueError(f"The file does not run on {runtime}: {child.stderr.strip()}")
