"""Measures each activation's signal-to-noise ratio, int8 against float."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from converters.tflite.graph import read_graphs
from device.arrays import Float64
from device.pixels import unit_range
from device.quantisation import quantise_pixels
from device.signatures import CLASSIFY
from pipeline.gate.case import Case
from pipeline.gate.record import TensorSignal

_MEASURED_CROPS = 64


def tensor_signals(case: Case) -> Iterator[TensorSignal]:
    """Yields each activation that int8 and the float reference share; nothing if the conversion cannot be repeated."""
    if not case.can_convert:
        return
    crops = case.splits.test.crops[:_MEASURED_CROPS]
    int8 = _activations(case.content, quantise_pixels(crops)[..., np.newaxis])
    reference = _activations(case.conversion.float_tflite, unit_range(crops))
    for index, (name, real) in enumerate(reference.items()):
        if name in int8:
            yield TensorSignal(name, index, float((real**2).sum()), float(((real - int8[name]) ** 2).sum()))


def _activations(content: bytes, inputs: npt.NDArray[np.generic]) -> Mapping[str, Float64]:
    """Returns each activation of `classify` by name, dequantised, `<float64>[n, ...]` for n inputs."""
    interpreter = Interpreter(
        model_content=content,
        num_threads=1,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    (graph,) = (graph for graph in read_graphs(content) if graph.signature == CLASSIFY)
    classify = interpreter.get_signature_runner(CLASSIFY)
    (name,) = graph.inputs
    kept = [(index, tensor) for index, tensor in enumerate(graph.tensors) if tensor.constant is None]
    seen: dict[str, list[Float64]] = {tensor.name: [] for _, tensor in kept}
    for sample in inputs:
        classify(**{name: sample[np.newaxis]})
        for index, tensor in kept:
            values = interpreter.get_tensor(index, graph.index).astype(np.float64)
            if tensor.type == "INT8":
                values = (values - tensor.zero_points[0]) * tensor.scales[0]
            seen[tensor.name].append(values)
    return {tensor: np.array(values) for tensor, values in seen.items()}
