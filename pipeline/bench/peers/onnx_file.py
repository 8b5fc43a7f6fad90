"""Makes ONNX files of Keras networks: float, and statically quantised int8. Needs the packages of `locks/onnx.txt`.

Sources: ONNX, operators.md (LSTM: gates in the order i, o, f, c); ONNX Runtime, Quantize ONNX models.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import onnx
from keras import layers
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from device.arrays import Float32

_INPUT, _OPSET, _IR_VERSION = "crop", 17, 9


def onnx_float(network: keras.Model, calibration: Float32) -> bytes:
    """Returns a sequential network of one input; raises ValueError for a layer that has no rule here."""
    del calibration
    graph = _Graph()
    for layer in network.layers:
        rule = _RULES.get(type(layer))
        if rule is None:
            raise ValueError(f"Expected layers of {', '.join(each.__name__ for each in _RULES)}. Received: {layer}")
        rule(graph, layer)
    return graph.finished(tuple(network.input_shape[1:]), int(network.output_shape[-1]))


def onnx_int8(network: keras.Model, calibration: Float32) -> bytes:
    """Returns it with weights per channel and activations in int8, ranges by `calibration`; an LSTM stays float.

    Weights have 7 bits: without VNNI the sums of 8 saturate.
    """
    with tempfile.TemporaryDirectory(prefix="rowstream-") as folder:
        plain, prepared, int8 = (Path(folder) / f"{name}.onnx" for name in ("plain", "prepared", "int8"))
        plain.write_bytes(onnx_float(network, calibration))
        quant_pre_process(plain, prepared, skip_symbolic_shape=True)
        inputs = _Inputs(calibration)
        types = {
            "activation_type": QuantType.QInt8,
            "weight_type": QuantType.QInt8,
            "per_channel": True,
            "reduce_range": True,
        }
        quantize_static(prepared, int8, inputs, quant_format=QuantFormat.QDQ, **types)
        return int8.read_bytes()


class _Inputs(CalibrationDataReader):  # type: ignore[misc]  # ONNX Runtime has no types
    def __init__(self, calibration: Float32) -> None:
        self._left = iter(calibration)

    def get_next(self) -> dict[str, Float32] | None:
        one = next(self._left, None)
        return None if one is None else {_INPUT: one[np.newaxis]}


class _Graph:
    """Nodes one after the other; values are `[1, ...]` with channels last, as in Keras."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._last = _INPUT

    def add(self, operator: str, *constants: npt.NDArray[Any], outputs: int = 1, **attributes: Any) -> None:
        """Adds an operator over the last value and constants; its last output is the last value then."""
        inputs = [self._last, *map(self._constant, constants)]
        names = [f"{operator}_{len(self._nodes)}_{index}" for index in range(outputs)]
        self._nodes.append(helper.make_node(operator, inputs, names, **attributes))
        self._last = names[-1]

    def add_channels_first(self, rank: int, operator: str, *constants: npt.NDArray[Any], **options: Any) -> None:
        """Adds an operator that takes its channels ahead of `rank` other axes; ONNX Runtime merges transpositions."""
        axes = range(1, rank + 1)
        self.add("Transpose", perm=[0, rank + 1, *axes])
        self.add(operator, *constants, **options)
        self.add("Transpose", perm=[0, *(axis + 1 for axis in axes), 1])

    def finished(self, shape: tuple[int, ...], classes: int) -> bytes:
        """Returns the file, for an input of this shape without the batch."""
        given = helper.make_tensor_value_info(_INPUT, TensorProto.FLOAT, (1, *shape))
        answer = helper.make_tensor_value_info(self._last, TensorProto.FLOAT, (1, classes))
        graph = helper.make_graph(self._nodes, "network", [given], [answer], self._constants)
        opsets = [helper.make_opsetid("", _OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())

    def _constant(self, value: npt.NDArray[Any]) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name


def _nothing(_graph: _Graph, _layer: keras.Layer) -> None:
    pass


def _zero_padding(graph: _Graph, layer: layers.ZeroPadding2D) -> None:
    (above, below), (left, right) = layer.padding
    graph.add("Pad", np.array([0, above, left, 0, 0, below, right, 0], np.int64))


def _convolution(graph: _Graph, layer: layers.Conv1D | layers.Conv2D) -> None:
    weights = np.asarray(layer.kernel)
    rank = weights.ndim - 2
    if layer.padding == "causal":
        ahead = layer.dilation_rate[0] * (weights.shape[0] - 1)
        graph.add("Pad", np.array([0, ahead, 0, 0, 0, 0], np.int64))
    graph.add_channels_first(
        rank,
        "Conv",
        weights.transpose(rank + 1, rank, *range(rank)),
        *([np.asarray(layer.bias)] if layer.use_bias else []),
        strides=layer.strides,
        dilations=layer.dilation_rate,
        auto_pad="SAME_UPPER" if layer.padding == "same" else "VALID",
    )
    _activation(graph, layer)


def _normalisation(graph: _Graph, layer: layers.BatchNormalization) -> None:
    parts = (layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance)
    rank = len(layer.input.shape) - 2
    graph.add_channels_first(rank, "BatchNormalization", *map(np.asarray, parts), epsilon=layer.epsilon)


def _pooling(graph: _Graph, layer: layers.MaxPool1D | layers.MaxPool2D) -> None:
    padding = "SAME_UPPER" if layer.padding == "same" else "VALID"
    size, strides = layer.pool_size, layer.strides
    graph.add_channels_first(len(size), "MaxPool", kernel_shape=size, strides=strides, auto_pad=padding)


def _permutation(graph: _Graph, layer: layers.Permute) -> None:
    graph.add("Transpose", perm=[0, *layer.dims])


def _shape(graph: _Graph, layer: layers.Reshape | layers.Flatten) -> None:
    graph.add("Reshape", np.array([1, *layer.output.shape[1:]], np.int64))


def _lstm(graph: _Graph, layer: layers.LSTM) -> None:
    if layer.return_sequences or layer.go_backwards:
        raise ValueError(f"Expected an LSTM forwards whose last output is read. Received: {layer}")
    order = [layer.units * gate + unit for gate in (0, 3, 1, 2) for unit in range(layer.units)]
    kernels = (np.asarray(each)[:, order].T[np.newaxis] for each in (layer.cell.kernel, layer.cell.recurrent_kernel))
    bias = np.asarray(layer.cell.bias)[order] if layer.use_bias else np.zeros(4 * layer.units, np.float32)
    graph.add("Transpose", perm=[1, 0, 2])
    both = np.concatenate([bias, np.zeros_like(bias)])[np.newaxis]
    graph.add("LSTM", *kernels, both, outputs=2, hidden_size=layer.units)
    graph.add("Squeeze", np.array([0], np.int64))


def _dense(graph: _Graph, layer: layers.Dense) -> None:
    graph.add("MatMul", np.asarray(layer.kernel))
    if layer.use_bias:
        graph.add("Add", np.asarray(layer.bias))
    _activation(graph, layer)


def _activation(graph: _Graph, layer: keras.Layer) -> None:
    name = keras.activations.serialize(layer.activation)
    if name == "relu":
        graph.add("Relu")
    elif name != "linear":
        raise ValueError(f"Expected a ReLU or no activation. Received: {name}")


_RULES: Mapping[type, Callable[[_Graph, Any], None]] = MappingProxyType(
    {
        layers.Dropout: _nothing,
        layers.ZeroPadding2D: _zero_padding,
        layers.Conv1D: _convolution,
        layers.Conv2D: _convolution,
        layers.BatchNormalization: _normalisation,
        layers.ReLU: lambda graph, _layer: graph.add("Relu"),
        layers.MaxPool1D: _pooling,
        layers.MaxPool2D: _pooling,
        layers.Permute: _permutation,
        layers.Reshape: _shape,
        layers.Flatten: _shape,
        layers.LSTM: _lstm,
        layers.Dense: _dense,
    }
)
