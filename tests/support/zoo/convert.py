"""Converts networks of the zoo to int8, in this process, and compares the answers with Keras."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from ai_edge_litert.interpreter import Interpreter

from converters.tflite.graph import Graph, read_graphs
from converters.tflite.operator_versions import not_allowed, too_new
from converters.tflite.structure import check_structure
from converters.workspace import Request, Workspace
from device.arrays import Float32, Int8
from device.interpreter import RUNTIMES
from device.signatures import CLASSIFY, CROP
from tests.support.conversions import convert_into
from tests.support.zoo.measure import headed, inputs, is_image

_CALIBRATION_INPUTS, _COMPARED_INPUTS = 64, 32


@dataclass(frozen=True)
class Int8Result:
    """What came out of a conversion; `unknown` are operators that some runtime lacks.

    `signal_to_noise_db` compares the answers with those of Keras, None if the file has `step` alone.
    """

    n_bytes: int
    signatures: tuple[str, ...]
    unknown: tuple[str, ...]
    signal_to_noise_db: float | None
    not_streamable: str


def converted(network: keras.Model, folder: Path) -> Int8Result:
    """Writes the conversion of a network into a folder; raises as the conversion does."""
    workspace = Workspace(folder)
    pixels = (0.0, 1.0) if is_image(network) else None
    request = Request(pixels, keep_head=False, precision="int8")
    convert_into(folder, network, inputs(network, _CALIBRATION_INPUTS, seed=2), request)
    content = workspace.int8_tflite.read_bytes()
    graphs = read_graphs(content)
    check_structure(graphs)
    unknown = not_allowed(graphs) + tuple(each for runtime in RUNTIMES for each in too_new(graphs, runtime))
    named = {graph.signature: graph for graph in graphs}
    heads = workspace.facts.heads
    noise = _signal_to_noise_db(network, content, named[CLASSIFY], heads) if CLASSIFY in named else None
    return Int8Result(len(content), tuple(named), unknown, noise, workspace.facts.not_streamable)


def _signal_to_noise_db(network: keras.Model, content: bytes, graph: Graph, heads: Mapping[str, str]) -> float:
    crops = inputs(network, _COMPARED_INPUTS, seed=1)
    expected = network.predict(crops, verbose=0)
    expected = expected if isinstance(expected, list) else [expected]
    classify: Any = Interpreter(model_content=content, num_threads=1).get_signature_runner(CLASSIFY)
    answers = [classify(**{CROP: _quantised(network, graph, crop[np.newaxis])}) for crop in crops]
    worst = np.inf
    for (name, head), wanted in zip(heads.items(), expected, strict=True):
        output = graph.outputs[name]
        given = output.scales[0] * (np.array([each[name][0] for each in answers], np.float64) - output.zero_points[0])
        noise = np.mean((np.asarray(headed(given, head)) - wanted) ** 2)
        worst = min(worst, 10 * np.log10(np.mean((wanted - wanted.mean(axis=0)) ** 2) / noise))
    return float(worst)


def _quantised(network: keras.Model, graph: Graph, crop: Float32) -> Int8:
    if is_image(network):
        return np.asarray(np.round(crop * 255) - 128, np.int8)
    tensor = graph.inputs[CROP]
    values = np.round(crop / tensor.scales[0]) + tensor.zero_points[0]
    return np.asarray(np.clip(values, -128, 127), np.int8)
