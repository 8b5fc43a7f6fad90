"""Makes a candidate for release: float weights in; int8 file, manifest and model card out.

The int8 file runs over the validation and test images once; everything in the manifest follows from those logits.
"""

from __future__ import annotations

import logging
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

import device
from converters.convert import Conversion, convert
from converters.packages import package_versions
from converters.tflite.graph import operator_versions
from device.contract.manifest import Manifest, ModelFile
from device.contract.manifest_upgrade import FORMAT_VERSION
from device.files.sha256 import sha256_hex
from device.interpreter import RUNTIMES
from device.runner import Runner
from device.signatures import STEP
from pipeline.data.data_form import Inputs
from pipeline.data.splits import Splits, calibration_record, digest_lines, in_runs
from pipeline.folders import ModelFolder
from pipeline.gate.golden import golden_content, golden_inputs
from pipeline.gate.reference import float_outputs
from pipeline.gate.runtimes import classify_in_child, is_installed
from pipeline.gate.scoring import compare, fidelity, has_targets
from pipeline.gate.statements import configuration
from pipeline.gate.streamed import streamed_outputs
from pipeline.release.evaluate import Evaluation
from pipeline.release.findings import Choice, Findings, LabelledLogits, Negatives, find
from pipeline.release.source import Source, input_contract, is_values, output_contracts
from pipeline.release.step_logits import StepLogits, StepReader, contract, contracts
from pipeline.report.card import model_card
from pipeline.synthesis.negatives import draw_test_negatives, draw_validation_negatives
from pipeline.variants import PREFIX

_TIMED_CROPS = 1_000

log = logging.getLogger(__name__)


def make_candidate(source: Source, splits: Splits, target: ModelFolder) -> Evaluation:
    """Converts and evaluates a float network; writes the whole candidate to `target`.

    The files are made beside their places and moved there when all are done, the manifest last. Raises ValueError if
    the data do not fit the network, or an installed runtime cannot run the file; see also `converters.convert`.
    """
    log.info("%s: converting %s", source.name.removeprefix(PREFIX), *(source.files[:1] or ("a network",)))
    form = splits.form
    keep_head = splits.task == "regression"
    inputs = in_runs(form.real(splits.calibration.crops), splits.calibration.runs)
    conversion = convert(
        source.network, inputs, form.range, keep_head=keep_head, precision=source.precision, small=source.small
    )
    facts = conversion.facts
    tried = ", ".join(f"{name} {ratio_db:g} dB" for name, ratio_db in facts.signal_to_noise_db.items())
    log.info("%s: %s%s", source.name, facts.precision, f" (signal to noise: {tried})" if tried else "")
    log.info("%s: evaluating on %s inputs", source.name, f"{len(splits.test):,}")
    reader = StepReader(conversion, form)
    findings = _findings(reader, source, splits, conversion)
    with target.replaced() as staged:
        for file in source.files:
            shutil.copy(file, staged.path)
        staged.int8_tflite.write_bytes(conversion.int8_tflite)
        staged.calibration.write_bytes(digest_lines(splits.calibration.crops))
        manifest = _manifest(source, conversion, splits, staged, findings)
        manifest = _with_golden(manifest, conversion, staged, golden_inputs(splits))
        manifest.write(staged.path)
        staged.card.write_text(model_card(manifest), encoding="utf-8")
        latency_us = _latency_us(staged.path, splits.test.crops[:_TIMED_CROPS])
        _require_runtimes(staged.path, splits.calibration.crops[:1])
    return Evaluation(source.name.removeprefix(PREFIX), findings.accuracy, findings.fidelity[0],
                      len(conversion.int8_tflite), latency_us)  # fmt: skip


def _findings(reader: StepReader, source: Source, splits: Splits, conversion: Conversion) -> Findings:
    runs = splits.test.runs
    test = reader.steps(splits.test.crops, "test inputs", runs)
    test_inputs, labels = splits.form.real(splits.test.crops), splits.test.labels
    if splits.continuous:
        real = streamed_outputs(conversion, test_inputs, runs)
    else:
        real = float_outputs(source.network, test_inputs, keep_head=splits.task == "regression")
    outputs = output_contracts(source, splits, conversion.facts.heads, reader.outputs)
    answer = outputs[0]
    targets = {each.name: splits.labels_of(each.name, answer.name) for each in outputs if is_values(each)}
    near = tuple(
        fidelity(each.name, real[each.name], test[each.name].real, known.targets if known is not None else None)
        for each in outputs
        for known in (targets.get(each.name),)
    )
    logits, int8 = real[answer.name], test[answer.name]
    measured = None
    if not is_values(answer) and has_targets(answer.kind, logits, labels):
        measured = compare(answer.kind, logits, int8.real, labels, splits.test_source)
    if answer.kind != "classes" or answer.per_step:
        return Findings(measured, near, outputs, None, None)
    chosen = _choice(reader, splits, int8, answer.name)
    outputs = (replace(answer, temperature=chosen.temperature, threshold=chosen.threshold), *outputs[1:])
    # A continuous model never stops reading.
    early_exit = None if splits.continuous else chosen.early_exit
    return Findings(measured, near, outputs, early_exit, chosen.rejection)


def _choice(reader: StepReader, splits: Splits, test: StepLogits, answer: str) -> Choice:
    lines = reader.lines
    validation = reader.steps(splits.validation.crops, "validation inputs", splits.validation.runs)[answer]
    return find(
        LabelledLogits(validation, splits.validation.labels, lines),
        LabelledLogits(test, splits.test.labels, lines),
        _negatives(reader, splits, answer),
    )


def _negatives(reader: StepReader, splits: Splits, answer: str) -> Negatives | None:
    test, validation = draw_test_negatives(splits), draw_validation_negatives(splits)
    if test is None or validation is None:
        return None
    chosen = reader.steps(validation, "validation images without a digit")[answer]
    return Negatives(chosen, reader.whole(test, "test images without a digit")[answer])


def _manifest(
    source: Source, conversion: Conversion, splits: Splits, staged: ModelFolder, findings: Findings
) -> Manifest:
    facts, form, step = conversion.facts, splits.form, conversion.graphs.get(STEP)
    given, _ = contracts(conversion)
    return Manifest(
        format_version=FORMAT_VERSION,
        name=source.name,
        version=device.__version__,
        input=input_contract(given, form),
        outputs=findings.outputs,
        time_axis=facts.time_axis,
        steps=facts.steps,
        lines_per_step=facts.lines_per_step,
        continuous=splits.continuous,
        states=tuple(contract(name, step.inputs[name]) for name in step.states) if step is not None else (),
        not_streamable=facts.not_streamable,
        precision=facts.precision,
        file=ModelFile(staged.int8_tflite.name, len(conversion.int8_tflite), sha256_hex(conversion.int8_tflite)),
        golden_sha256="",  # `_with_golden`
        weights_sha256=sha256_hex(staged.float_model.read_bytes()),
        operators=dict(operator_versions(tuple(conversion.graphs.values()))),
        accuracy=findings.accuracy,
        fidelity=findings.fidelity,
        early_exit=findings.early_exit,
        rejection=findings.rejection,
        calibration=calibration_record(splits.calibration),
        configuration=configuration(staged),
        packages=package_versions(),
    )


def _with_golden(manifest: Manifest, conversion: Conversion, staged: ModelFolder, inputs: Inputs) -> Manifest:
    """Writes the golden inputs, whose layout follows from the manifest; returns it with their hash."""
    golden = golden_content(conversion.int8_tflite, manifest, inputs)
    staged.golden.write_bytes(golden)
    return replace(manifest, golden_sha256=sha256_hex(golden))


def _latency_us(folder: Path, inputs: Inputs) -> float:
    """Returns the median time of a whole input through the runner, of a continuous model of a step, in microseconds."""
    with Runner(folder) as runner:
        if runner.manifest.continuous:
            answers = [answer for each in inputs for answer in runner.steps(each)]
        else:
            answers = [runner.classify(each) for each in inputs]
        return round(1e3 * float(np.median([answer.latency_ms for answer in answers])), 1)


def _require_runtimes(folder: Path, inputs: Inputs) -> None:
    """Raises ValueError unless each runtime that is installed reads the inputs."""
    for runtime in filter(is_installed, RUNTIMES):
        child = classify_in_child(folder, runtime, inputs)
        if child.returncode:
            raise ValueError(f"The file does not run on {runtime}: {child.stderr.strip()}")
