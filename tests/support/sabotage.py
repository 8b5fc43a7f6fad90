"""Ways to break a model that passes the gate, and to forge the manifest that would hide it."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from converters.convert import Conversion
from converters.tflite.flatbuffer import dump, load
from device.arrays import UInt8
from device.contract.manifest import read_manifest
from pipeline.data.data_form import Inputs
from pipeline.data.splits import Splits, digest_lines
from pipeline.folders import BuildFolder, ModelFolder
from pipeline.gate.case import Case
from pipeline.gate.check import Verdict
from pipeline.gate.judge import judge
from pipeline.gate.judgement import Judgement
from pipeline.gate.limits import read_limits
from pipeline.release import candidate
from pipeline.release.evaluate import write_evaluation
from pipeline.release.source import variant_source
from pipeline.synthesis.negatives import draw_test_negatives
from pipeline.training.networks import load_network
from pipeline.variants import VARIANTS, model_name
from tests.conftest import MODELS
from tests.support.conversions import convert_into, read_conversion
from tests.support.golden import golden_again
from tests.support.manifests import with_output

VARIANT = VARIANTS["conv1d"]
LIMITS = MODELS / "limits.toml"
EVERY_RUNTIME, ONE_RUNTIME = '["ai-edge-litert", "tflite-runtime", "tflite-micro"]', '["ai-edge-litert"]'
Edit = Callable[[schema.ModelT], None]


@dataclass(frozen=True)
class Good:
    """A model that passes, the data it was made with, and the limits it keeps."""

    folder: Path
    splits: Splits
    limits: Path


def limits_for_few_images(folder: Path, *replaced: tuple[str, str]) -> Path:
    """Writes the project's limits, some of them wider, for a few thousand test images instead of MNIST's ten thousand.

    The calibration error varies more then, one image of a class of two hundred is half a point of its recall, and few
    validation images choose a lower threshold. One runtime is enough unless a test is about them: each of the others
    starts processes.
    """
    text = LIMITS.read_text().replace(f"runtimes = {EVERY_RUNTIME}", f"runtimes = {ONE_RUNTIME}")
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    wider = {"calibration_error_pp_max": ("0.5", "1.5"), "recall_drop_pp_max": ("0.5", "1")}
    wider |= {f"{what}_percent_max": ("3", "4") for what in ("negatives_accepted", "early_exit_negatives")}
    for name, (limit, wide) in wider.items():
        text = text.replace(f"\n{name} = {limit}\n", f"\n{name} = {wide}\n")
    path = folder / "limits.toml"
    path.write_text(text)
    return path


def released(folder: Path, splits: Splits) -> Path:
    """Makes a candidate of the variant's trained weights, with its evaluation, in place of one that had a picture."""
    folder.mkdir()
    target = BuildFolder(folder)
    target.picture("recall").write_text("<svg/>")
    source = variant_source(VARIANT, ModelFolder(MODELS / VARIANT.name))
    write_evaluation(candidate.make_candidate(source, splits, target), target.evaluation)
    return folder


# Both take seconds and come out the same again: a conversion, by float weights and calibration record, and crops
# without a digit, by test images.
_CONVERSIONS: dict[bytes, Conversion] = {}
_NEGATIVES: dict[bytes, UInt8 | None] = {}


def open_case(folder: Path, splits: Splits, limits: Path) -> Case:
    """Returns the case of a model's folder, with what was made before of the same inputs."""
    case = Case(ModelFolder(folder), read_manifest(folder), splits, read_limits(limits, model_name(folder)))
    known = {"conversion": _CONVERSIONS.get(_converted_from(case)), "negatives": _NEGATIVES.get(_drawn_for(case))}
    vars(case).update({name: value for name, value in known.items() if value is not None})
    return case


def _converted_from(case: Case) -> bytes:
    return case.folder.float_model.read_bytes() + case.folder.calibration.read_bytes()


def _drawn_for(case: Case) -> bytes:
    return case.splits.test.crops.tobytes()


def make_good(folder: Path, splits: Splits) -> None:
    """Makes a model that passes, in `conv1d/`, and beside it what the gate makes of its inputs again."""
    network = load_network(VARIANT.name, ModelFolder(MODELS / VARIANT.name))
    convert_into(folder, network, splits.form.real(splits.calibration.crops))
    conversion, negatives = read_conversion(folder), draw_test_negatives(splits)
    np.save(folder / "negatives.npy", np.asarray(negatives))
    # Both take seconds, and come out the same there.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidate, "convert", lambda *_, **__: conversion)
        patch.setattr(candidate, "draw_test_negatives", lambda _: negatives)
        released(folder / VARIANT.name, splits)


def remember_good(folder: Path, splits: Splits) -> None:
    """Reads what `make_good` made, for all cases that are opened later."""
    case = open_case(folder / VARIANT.name, splits, LIMITS)
    _CONVERSIONS[_converted_from(case)] = read_conversion(folder)
    _NEGATIVES[_drawn_for(case)] = np.load(folder / "negatives.npy")


def judged(folder: Path, splits: Splits, limits: Path) -> Judgement:
    return judge(open_case(folder, splits, limits))


def refusals(judgement: Judgement) -> set[str]:
    """Returns the names of the checks that refused."""
    checks = [check for stage in judgement.stages for check in stage.checks]
    assert all(check.reason for check in checks if check.verdict is not Verdict.PASSED)
    return {check.name for check in checks if check.verdict is Verdict.REFUSED}


def reasons(judgement: Judgement) -> list[str]:
    checks = [check for stage in judgement.stages for check in stage.checks]
    return [check.reason for check in checks if check.verdict is Verdict.REFUSED]


def forge(
    folder: Path, content: bytes | None = None, output: Mapping[str, Any] = MappingProxyType({}), **fields: Any
) -> None:
    """Writes another file, and the manifest and golden crops that vouch for it."""
    manifest = with_output(dataclasses.replace(read_manifest(folder), **fields), **output)
    if content is not None:
        (folder / manifest.file.name).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        manifest = dataclasses.replace(
            manifest, file=dataclasses.replace(manifest.file, bytes=len(content), sha256=digest)
        )
    manifest.write(folder)
    # A file that does not run, or not with this manifest, keeps its golden crops.
    with suppress(KeyError, RuntimeError, ValueError):
        golden_again(folder)


def forge_edited(folder: Path, edit: Edit) -> None:
    model = load((folder / "model.int8.tflite").read_bytes())
    edit(model)
    forge(folder, dump(model))


def record_calibration(folder: Path, crops: Inputs) -> None:
    """Forges the record of the crops that calibrated the file."""
    lines = digest_lines(crops)
    (folder / "calibration.sha256").write_bytes(lines)
    calibration = dataclasses.replace(
        read_manifest(folder).calibration, digests_sha256=hashlib.sha256(lines).hexdigest()
    )
    forge(folder, calibration=calibration)


def calibrated_on(folder: Path, good: Good, crops: Inputs) -> Path:
    """Makes a release that is calibrated on other crops, and records them."""
    calibration = dataclasses.replace(good.splits.calibration, crops=crops)
    return released(folder / "conv1d", dataclasses.replace(good.splits, calibration=calibration))


def graph_of(model: schema.ModelT, signature: bytes) -> schema.SubGraphT:
    (index,) = (entry.subgraphIndex for entry in model.signatureDefs if entry.signatureKey == signature)
    return model.subgraphs[index]


def of_shape(model: schema.ModelT, *shape: int) -> list[schema.TensorT]:
    """Returns the constants of this shape, of both graphs."""
    tensors = [tensor for graph in model.subgraphs for tensor in graph.tensors]
    return [
        tensor for tensor in tensors if tuple(tensor.shape) == shape and model.buffers[tensor.buffer].data is not None
    ]


def operator(model: schema.ModelT, name: str, source: int, target: int) -> schema.OperatorT:
    """Adds the code of an operator to the model, and returns an operator of it without options."""
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
    code.version = 1
    model.operatorCodes.append(code)
    node = schema.OperatorT()
    node.opcodeIndex = len(model.operatorCodes) - 1
    node.inputs, node.outputs = np.array([source], np.int32), np.array([target], np.int32)
    return node


def add_tensor(graph: schema.SubGraphT, like: int, name: bytes, kind: int) -> int:
    """Adds a tensor of a type with the shape of another, and returns its index."""
    tensor = schema.TensorT()
    tensor.name, tensor.type, tensor.buffer = name, kind, 0
    tensor.shape = np.array(graph.tensors[like].shape)
    tensor.quantization = graph.tensors[like].quantization if kind == schema.TensorType.INT8 else None
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1
