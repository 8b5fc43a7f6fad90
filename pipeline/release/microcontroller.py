"""Writes a model as C++ for TFLite Micro: its bytes, what a caller must know, and a program that reads one input.

A microcontroller runs `step`, and keeps the states itself. They are copied out before they are handed back, because in
the arena outputs may lie where inputs were.

Source: https://github.com/tensorflow/tflite-micro, docs/new_platform_support.md and
tensorflow/lite/micro/examples/hello_world.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import jinja2
import numpy as np

from converters.tflite.graph import Graph, read_graphs
from converters.tflite.lean import lean
from converters.tflite.micro import MicroError, graph_alone, run_on_micro
from device.arrays import Int8, UInt8
from device.contract.golden import Golden, read_golden
from device.contract.inputs import InputForm
from device.contract.manifest import Manifest, read_manifest
from device.signatures import STATE_SUFFIX
from pipeline.folders import ModelFolder
from pipeline.whole_folder import whole_folder

# An arena is a whole number of these.
_ARENA_UNIT = 1_024
_BYTES_A_LINE = 16
_TEMPLATES = ("model.h", "model.cc", "main.cc", "README.md")
# Resolvers spell most operators as the schema does, without underscores.
_SPELT = {"CONV_2D": "Conv2D", "DEPTHWISE_CONV_2D": "DepthwiseConv2D", "MAX_POOL_2D": "MaxPool2D",
          "AVERAGE_POOL_2D": "AveragePool2D"}  # fmt: skip


class ExportError(ValueError):
    """A model cannot be written for a microcontroller."""


Pixels = TypeVar("Pixels", Int8, UInt8)


@dataclass(frozen=True)
class State:
    """A state of `step`: the places of its input and its output, its bytes, and its first value."""

    name: str
    input: int
    output: int
    size: int
    zero_point: int


@dataclass(frozen=True)
class Example:
    """A golden input in the order of time, and the ranges of its logits, one for each class."""

    pixels: Sequence[str]  # lines of numbers with commas
    lowest: Sequence[int]
    highest: Sequence[int]


def export_c(model: ModelFolder, into: Path) -> Path:
    """Makes `into/<name>-<version>-micro/`, in place of an earlier one, and returns it.

    What is written is what TFLite Micro has run here: every golden input has to have its logits. Raises ExportError if
    it has not, or if the model is not one of images that streams and gives one class; MicroError if the runtime refuses
    it, and ManifestError if the files are not those that the manifest describes.
    """
    manifest = read_manifest(model.path)
    form = InputForm(manifest)
    _check_kind(manifest, form)
    content = lean(graph_alone(manifest.verified_content(model.path)))
    (graph,) = read_graphs(content)
    golden = read_golden(model.path, manifest)
    arena_bytes = _run(content, manifest, form, golden)
    values = {
        "manifest": manifest,
        "output": manifest.output,
        "bytes": _table(np.frombuffer(content, np.uint8)),
        "size": len(content),
        "arena_bytes": arena_bytes,
        "operators": _operators(graph),
        "lines_input": next(index for index, name in enumerate(graph.inputs) if name not in graph.states),
        "logits_output": list(graph.outputs).index(manifest.output.name),
        "line_bytes": int(np.prod(form.shape)) // (manifest.steps * manifest.lines_per_step),
        "states": _states(graph),
        "example": _example(manifest, form, golden),
    }
    target = into / f"{manifest.name}-{manifest.version}-micro"
    with whole_folder(target) as folder:
        for name in _TEMPLATES:
            (folder / name).write_text(_environment().get_template(f"{name}.j2").render(values), encoding="utf-8")
        (folder / "model.tflite").write_bytes(content)
    return target


def _check_kind(manifest: Manifest, form: InputForm) -> None:
    output, ramp = manifest.output, np.arange(256, dtype=np.uint8)
    is_one_class = output.kind == "classes" and not output.per_step and len(manifest.outputs) == 1
    if not (form.is_image and is_one_class and manifest.states):
        raise ExportError(f"Expected a model that streams images and gives one class. Received: {manifest.name}")
    given = np.resize(ramp, form.shape)
    if not np.array_equal(form.quantised(form.checked(given)).ravel(), given.ravel().astype(np.int16) - 128):
        raise ExportError(f"Expected pixels that are quantised as pixel - 128. Received: {manifest.input.quantisation}")


def _in_time(manifest: Manifest, inputs: Pixels) -> Pixels:
    return inputs.swapaxes(1, 2) if manifest.time_axis == "columns" else inputs


def _run(content: bytes, manifest: Manifest, form: InputForm, golden: Golden) -> int:
    """Returns the bytes of the least arena in which TFLite Micro gives the golden inputs' logits."""
    given: Int8 = np.concatenate([form.quantised(form.checked(each)) for each in golden.crops])
    in_time = _in_time(manifest, given)
    run = run_on_micro(content, in_time, manifest.output.name)
    wrong = (run.logits < golden.lowest[:, -1]) | (run.logits > golden.highest[:, -1])
    if wrong.any():
        raise ExportError(
            f"Expected the logits of the golden inputs. TFLite Micro gives others for {wrong.any(1).sum()}"
        )
    return _least_arena_bytes(content, in_time[:1], manifest.output.name, run.arena_bytes)


def _least_arena_bytes(content: bytes, inputs: Int8, output: str, used_bytes: int) -> int:
    """Returns the bytes of the least arena that does: what is used in the end, and what preparing takes for a while."""

    def does(units: int) -> bool:
        try:
            run_on_micro(content, inputs, output, units * _ARENA_UNIT)
        except MicroError:
            return False
        return True

    used = used_bytes // _ARENA_UNIT
    units = range(used, 2 * used + 64)
    return units[bisect_left(units, True, key=does)] * _ARENA_UNIT


def _operators(graph: Graph) -> Sequence[str]:
    """Returns how TFLite Micro's resolver spells each operator, each once."""
    return sorted({_SPELT.get(each.name) or _camel(each.name) for each in graph.operators})


def _camel(name: str) -> str:
    return re.sub(r"(?:^|_)([A-Z0-9])([A-Z0-9]*)", lambda word: word[1] + word[2].lower(), name)


def _states(graph: Graph) -> Sequence[State]:
    inputs, outputs = list(graph.inputs), list(graph.outputs)
    return [
        State(name, inputs.index(name), outputs.index(name + STATE_SUFFIX), int(np.prod(tensor.shape)), zero_point)
        for name, tensor in graph.inputs.items()
        if name in graph.states
        for (zero_point,) in (tensor.zero_points,)
    ]


def _example(manifest: Manifest, form: InputForm, golden: Golden) -> Example:
    pixels = _in_time(manifest, np.asarray(golden.crops[:1], np.uint8).reshape(1, *form.shape))
    return Example(_table(pixels.ravel()), golden.lowest[0, -1].tolist(), golden.highest[0, -1].tolist())


def _table(values: UInt8) -> Sequence[str]:
    """Returns lines of numbers with commas, as C++ takes them."""
    lines = (values[start : start + _BYTES_A_LINE] for start in range(0, len(values), _BYTES_A_LINE))
    return [", ".join(map(str, line.tolist())) + "," for line in lines]


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("pipeline.release", "templates/microcontroller"),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701  # C++, whose only texts are labels, which `tojson` escapes
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
