"""Makes a release of a variant: float weights in, int8 file, manifest and model card out.

The stages are elsewhere: conversion in `converters`, judging in `pipeline.release.evaluate`. Here they are put in
order.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import importlib.util
import json
import logging
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

import device
from converters.convert import Conversion, convert
from converters.packages import package_versions
from converters.tflite.graph import Tensor, operator_versions
from device.arrays import Crops, UInt8
from device.interpreter import RUNTIMES
from device.manifest import (
    FORMAT_VERSION,
    MANIFEST_NAME,
    CalibrationRecord,
    EarlyExit,
    Manifest,
    ModelFile,
    Rejection,
    Runtime,
    TensorContract,
)
from device.pixels import unit_range
from device.quantisation import Quantisation
from device.runner import Runner
from pipeline.data.splits import LabelledImages, Splits, digest_lines
from pipeline.folders import ModelFolder
from pipeline.release.card import model_card
from pipeline.release.confidence import fitted_temperature
from pipeline.release.early_exit import choose_exit, read_in_steps
from pipeline.release.evaluate import Evaluation, evaluate
from pipeline.release.threshold import chosen_threshold, measured_rejection, probabilities
from pipeline.synthesis.negatives import draw_test_negatives
from pipeline.training.networks import load_network
from pipeline.variants import PREFIX, Variant

log = logging.getLogger(__name__)


def release(variant: Variant, splits: Splits, model: ModelFolder) -> Evaluation:
    """Converts, judges and writes a variant from the weights in its model folder; returns how it did.

    The files are made beside their places and take them once all of them are there, the manifest last.

    Raises:
        ConversionError, StructureError: see `converters.convert`.
        ValueError: the weights are not this variant's.
        OSError: a file cannot be read or written.
    """
    network = load_network(variant.name, model)
    with tempfile.TemporaryDirectory(dir=model.path, prefix=".release-") as folder:
        staged = ModelFolder(Path(folder))
        log.info("%s: unrolling, converting, quantising", variant.name)
        conversion = convert(network, unit_range(splits.calibration.crops))
        staged.int8_tflite.write_bytes(conversion.int8_tflite)
        staged.calibration.write_bytes(digest_lines(splits.calibration.crops))
        draft = _with_temperature(_draft(variant, conversion, splits, model), staged, splits.validation)
        negatives = draw_test_negatives(splits)
        if negatives is not None:
            draft = _with_threshold(draft, staged, splits.validation)
        draft.write(staged.path)
        log.info("%s: judging on %s images", variant.name, f"{len(splits.test):,}")
        with Runner(staged.path) as runner:
            evaluation = evaluate(variant.name, network, runner, splits.test, splits.test_source)
            early_exit = _early_exit(runner, splits) if draft.states else None
            rejection = _rejection(runner, splits.test, negatives) if negatives is not None else None
        runtimes = tuple(_runtimes_that_run(staged.path, splits.calibration.crops[0]))
        manifest = dataclasses.replace(
            draft, accuracy=evaluation.accuracy, early_exit=early_exit, rejection=rejection, runtimes=runtimes
        )
        manifest.write(staged.path)
        staged.card.write_text(model_card(manifest))
        _take_places(staged, model)
    return evaluation


def _draft(variant: Variant, conversion: Conversion, splits: Splits, model: ModelFolder) -> Manifest:
    calibration = splits.calibration
    classify, step = conversion.graphs["classify"], conversion.graphs.get("step")
    return Manifest(
        format_version=FORMAT_VERSION,
        name=f"{PREFIX}{variant.name}",
        version=device.__version__,
        labels=splits.names,
        time_axis=variant.time_axis,
        steps=variant.steps,
        lines_per_step=variant.lines_per_step,
        input=_contract("crop", classify.inputs["crop"]),
        output=_contract("logits", classify.outputs["logits"]),
        states=tuple(_contract(name, step.inputs[name]) for name in step.states) if step is not None else (),
        not_streamable=conversion.not_streamable,
        temperature=1.0,
        threshold=0.0,
        file=ModelFile(
            ModelFolder(Path()).int8_tflite.name, len(conversion.int8_tflite), _sha256(conversion.int8_tflite)
        ),
        weights_sha256=_sha256(model.float_model.read_bytes()),
        operators=dict(operator_versions(tuple(conversion.graphs.values()))),
        runtimes=(),
        accuracy=None,
        early_exit=None,
        rejection=None,
        calibration=CalibrationRecord(
            source=calibration.source,
            images=len(calibration.crops),
            seed=calibration.seed,
            indices_sha256=calibration.indices_sha256,
            digests_sha256=_sha256(digest_lines(calibration.crops)),
        ),
        configuration={
            "quantisation": "static int8, weights per channel, activations by true minima and maxima",
            "training": json.loads(model.training.read_text()) if model.training.is_file() else "not recorded",
        },
        packages=package_versions(),
    )


def _take_places(staged: ModelFolder, model: ModelFolder) -> None:
    released = (staged.int8_tflite.name, staged.calibration.name, MANIFEST_NAME)
    same = all(_read(staged.path / name) == _read(model.path / name) for name in released)
    card = _read(model.card)
    shown = all(picture.is_file() for picture in model.pictures if picture.name.encode() in card)
    if same and shown and card.startswith(staged.card.read_bytes()):
        # What the gate measured, which stands on the card too, still holds.
        return
    for picture in model.pictures:
        picture.unlink(missing_ok=True)
    for name in (staged.card.name, *released):
        (staged.path / name).replace(model.path / name)


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _with_temperature(draft: Manifest, staged: ModelFolder, validation: LabelledImages) -> Manifest:
    draft.write(staged.path)
    with Runner(staged.path) as runner:
        logits = np.array([runner.logits(crop) for crop in tqdm(validation.crops, desc="validation", disable=None)])
    temperature = fitted_temperature(draft.output.quantisation.dequantise(logits), validation.labels)
    return dataclasses.replace(draft, temperature=temperature)


def _with_threshold(draft: Manifest, staged: ModelFolder, validation: LabelledImages) -> Manifest:
    draft.write(staged.path)
    with Runner(staged.path) as runner:
        digits = probabilities(runner, validation.crops, "validation, probabilities")
    return dataclasses.replace(draft, threshold=chosen_threshold(digits))


def _rejection(runner: Runner, test: LabelledImages, negatives: Crops) -> Rejection:
    digits = probabilities(runner, test.crops, "test, probabilities")
    return measured_rejection(runner.manifest.threshold, digits, probabilities(runner, negatives, "test negatives"))


def _early_exit(runner: Runner, splits: Splits) -> EarlyExit:
    validation = read_in_steps(runner, splits.validation, "validation, in steps")
    return choose_exit(validation, read_in_steps(runner, splits.test, "test, in steps"))


def _contract(name: str, tensor: Tensor) -> TensorContract:
    (scale,), (zero_point,) = tensor.scales, tensor.zero_points
    return TensorContract(name, tensor.shape, Quantisation(scale, zero_point))


def _runtimes_that_run(folder: Path, crop: UInt8) -> Iterator[Runtime]:
    # Each in a process of its own, as on a device: two runtimes in one process disturb each other.
    with tempfile.TemporaryDirectory() as temporary:
        sample = Path(temporary) / "crop.npy"
        np.save(sample, crop)
        for distribution, package in RUNTIMES.items():
            if importlib.util.find_spec(package) is None:
                log.info("%s is not installed here: the manifest will not name it", distribution)
                continue
            command = [
                sys.executable,
                "-m",
                "device",
                "classify",
                "--model",
                str(folder),
                "--runtime",
                distribution,
                str(sample),
            ]
            child = subprocess.run(command, capture_output=True, text=True, check=False)
            if child.returncode:
                raise ValueError(f"The file does not run on {distribution}: {child.stderr.strip()}")
            yield Runtime(distribution, importlib.metadata.version(distribution))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
