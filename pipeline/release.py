"""Makes a release of a variant: float weights in, int8 file, manifest and model card out.

The stages are elsewhere: conversion in `converters`, judging in `pipeline.evaluate`. Here they are put in order.
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

import keras
import numpy as np
import numpy.typing as npt

import device
from converters.convert import Conversion, convert
from converters.graph import Tensor, operator_versions
from device.interpreter import RUNTIMES
from device.manifest import (
    FORMAT_VERSION,
    MANIFEST_NAME,
    CalibrationRecord,
    EarlyExit,
    Manifest,
    ModelFile,
    Runtime,
    TensorContract,
)
from device.pixels import unit_range
from device.quantisation import Quantisation
from device.runner import Runner
from pipeline.card import model_card
from pipeline.data import Calibration, Splits
from pipeline.early_exit import choose_exit, read_in_steps
from pipeline.evaluate import Evaluation, evaluate
from pipeline.folders import ModelFolder
from pipeline.networks import build
from pipeline.variants import LABELS, Variant

_PACKAGES = ("ai-edge-litert", "ai-edge-quantizer", "keras", "numpy", "tensorflow")

log = logging.getLogger(__name__)


def release(variant: Variant, splits: Splits, model: ModelFolder) -> Evaluation:
    """Converts, judges and writes a variant from the weights in its model folder; returns how it did.

    The files are made beside their places and take them once all of them are there, the manifest last.

    Raises:
        ConversionError, StructureError: see `converters.convert`.
        ValueError: the weights are not this variant's.
        OSError: a file cannot be read or written.
    """
    network = load_network(variant, model.weights)
    with tempfile.TemporaryDirectory(dir=model.path, prefix=".release-") as folder:
        staged = ModelFolder(Path(folder))
        log.info("%s: unrolling, converting, quantising", variant.name)
        conversion = convert(network, unit_range(splits.calibration.crops))
        staged.int8_tflite.write_bytes(conversion.int8_tflite)
        draft = _draft(variant, conversion, splits.calibration, model)
        draft.write(staged.path)
        log.info("%s: judging on %s images", variant.name, f"{len(splits.judged):,}")
        with Runner(staged.path) as runner:
            evaluation = evaluate(variant.name, network, runner, splits.judged, splits.judged_source)
            early_exit = _early_exit(runner, splits) if draft.states else None
        runtimes = tuple(_runtimes_that_run(staged.path, splits.calibration.crops[0]))
        manifest = dataclasses.replace(draft, accuracy=evaluation.accuracy, early_exit=early_exit, runtimes=runtimes)
        manifest.write(staged.path)
        staged.card.write_text(model_card(manifest))
        for name in (staged.int8_tflite.name, staged.card.name, MANIFEST_NAME):
            (staged.path / name).replace(model.path / name)
    return evaluation


def load_network(variant: Variant, weights: Path) -> keras.Sequential:
    """Returns a variant's float network with its weights.

    Raises:
        ValueError: the file holds the weights of another network.
        OSError: the file cannot be read.
    """
    if not weights.is_file():
        raise FileNotFoundError(f"{weights}: Expected the float weights of {variant.name}: make train")
    network = build(variant)
    try:
        network.load_weights(weights)
    except ValueError as error:
        raise ValueError(f"{weights}: Expected the weights of {variant.name}. {error}") from error
    return network


def _draft(variant: Variant, conversion: Conversion, calibration: Calibration, model: ModelFolder) -> Manifest:
    classify, step = conversion.graphs["classify"], conversion.graphs.get("step")
    return Manifest(
        format_version=FORMAT_VERSION,
        name=f"rowstream-{variant.name}",
        version=device.__version__,
        labels=LABELS,
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
        weights_sha256=_sha256(model.weights.read_bytes()),
        operators=dict(operator_versions(tuple(conversion.graphs.values()))),
        runtimes=(),
        accuracy=None,
        early_exit=None,
        calibration=CalibrationRecord(
            calibration.source, len(calibration.crops), calibration.seed, calibration.indices_sha256
        ),
        configuration={
            "quantisation": "static int8, weights per channel, activations by true minima and maxima",
            "training": json.loads(model.training.read_text()) if model.training.is_file() else "not recorded",
        },
        packages={name: importlib.metadata.version(name) for name in _PACKAGES},
    )


def _early_exit(runner: Runner, splits: Splits) -> EarlyExit:
    validation = read_in_steps(runner, splits.validation, "validation, in steps")
    return choose_exit(validation, read_in_steps(runner, splits.judged, "judged, in steps"))


def _contract(name: str, tensor: Tensor) -> TensorContract:
    (scale,), (zero_point,) = tensor.scales, tensor.zero_points
    return TensorContract(name, tensor.shape, Quantisation(scale, zero_point))


def _runtimes_that_run(folder: Path, crop: npt.NDArray[np.uint8]) -> Iterator[Runtime]:
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
                "run",
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
