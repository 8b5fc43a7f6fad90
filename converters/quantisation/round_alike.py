"""Makes products that the signatures compute over different numbers of rows round alike on every kernel.

A runtime may take one kernel for a product over one row, and another for several rows. Both sum exactly, in int32; but
kernels disagree on how to round a negative number that lies halfway between two integers. tflite-runtime on Arm does.
So such a product is moved up until its least int8 value, -128, stands for zero: a negative number is then clipped,
whichever way it was rounded. The addition behind it moves it back, and does not round, since all its scales are equal.

tflite-runtime on Arm also ends the process in a product without a bias, unless its kernel for one row takes it. So the
others get a bias of zeros.

Sources: TensorFlow Lite, cpu_backend_gemm_custom_gemv.h (the kernel for one row); Jacob et al., Quantization and
Training of Neural Networks, 2018, appendix B (rounding on Arm).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from converters.tflite.editing import (
    append,
    builtin,
    code_of,
    drop_unread_constants,
    int8_tensor,
    new_buffer,
    operator_of,
)
from converters.tflite.flatbuffer import dump, load

_PRODUCTS = frozenset({
    schema.BuiltinOperator.CONV_2D,
    schema.BuiltinOperator.DEPTHWISE_CONV_2D,
    schema.BuiltinOperator.FULLY_CONNECTED,
})  # fmt: skip
# These clip at zero by themselves.
_CLIPS = frozenset({schema.ActivationFunctionType.RELU, schema.ActivationFunctionType.RELU6})
_LEAST, _GREATEST = -128, 127
# From so many inputs and outputs on, the kernel for one row takes a product.
_MIN_INPUTS, _MIN_OUTPUTS = 16, 4
_INT32 = np.iinfo(np.int32)


@dataclass(frozen=True)
class _Product:
    graph: schema.SubGraphT
    operator: schema.OperatorT

    @property
    def output(self) -> schema.TensorT:
        return self.graph.tensors[self.operator.outputs[0]]

    @property
    def has_bias(self) -> bool:
        return len(self.operator.inputs) > 2 and bool(self.operator.inputs[2] >= 0)

    @property
    def bias(self) -> schema.TensorT:
        return self.graph.tensors[self.operator.inputs[2]]

    @property
    def needs_bias(self) -> bool:
        """Whether it has none, and no kernel on Arm that bears that."""
        *rows, outputs = self.output.shape
        inputs = self.graph.tensors[self.operator.inputs[1]].shape[-1]
        bears = math.prod(rows) == 1 and inputs >= _MIN_INPUTS and outputs >= _MIN_OUTPUTS
        return not self.has_bias and not bears

    @property
    def accumulator_scales(self) -> Any:
        """The scale of the int32 sum of each output channel."""
        rows, weights = (self.graph.tensors[index].quantization.scale for index in self.operator.inputs[:2])
        return np.broadcast_to(rows * weights, self.output.shape[-1:]).astype(np.float32)

    @property
    def distance(self) -> int:
        """How far to move it up, in int8 values of its output."""
        clips = self.operator.builtinOptions.fusedActivationFunction in _CLIPS
        return 0 if clips else int(self.output.quantization.zeroPoint[0]) - _LEAST


def round_alike(int8_tflite: bytes) -> bytes:
    """Returns the int8 flatbuffer, with each product that occurs over different numbers of rows moved up and back.

    Products that need a bias have one.

    Raises ValueError if a moved bias does not fit into int32.
    """
    model = load(int8_tflite)
    for products in _products_of_same_weights(model):
        for product in products:
            if product.needs_bias:
                _give_bias(model, product)
        if len({tuple(product.output.shape) for product in products}) > 1:
            moved = [product for product in products if product.distance]
            for product in moved:
                _give_bias(model, product)
            # Products of one graph may share a bias.
            for product in {id(product.bias): product for product in moved}.values():
                _move_bias(model, product)
            for product in moved:
                _add_way_back(model, product)
    drop_unread_constants(model)
    return dump(model)


def _products_of_same_weights(model: schema.ModelT) -> Collection[Sequence[_Product]]:
    products: dict[bytes, list[_Product]] = defaultdict(list)
    for graph in model.subgraphs:
        for operator in graph.operators:
            # In int16 there is one kernel, for any number of rows.
            is_int8 = graph.tensors[operator.outputs[0]].type == schema.TensorType.INT8
            if is_int8 and builtin(model, operator) in _PRODUCTS:
                data = model.buffers[graph.tensors[operator.inputs[1]].buffer].data
                products[b"" if data is None else data.tobytes()].append(_Product(graph, operator))
    products.pop(b"", None)
    return products.values()


def _give_bias(model: schema.ModelT, product: _Product) -> None:
    if not product.has_bias:
        scales = product.accumulator_scales
        bias = int8_tensor(product.output.name + b"/bias", scales.shape, scales, 0)
        bias.type = schema.TensorType.INT32
        bias.buffer = new_buffer(model, np.zeros(scales.shape, np.int32))
        product.operator.inputs = np.array([*product.operator.inputs[:2], append(product.graph, bias)], np.int32)


def _move_bias(model: schema.ModelT, product: _Product) -> None:
    distance = product.distance * product.output.quantization.scale[0] / product.accumulator_scales
    moved = np.frombuffer(model.buffers[product.bias.buffer].data, np.int32) + np.round(distance)
    if not (moved.min() >= _INT32.min and moved.max() <= _INT32.max):
        raise ValueError(
            f"{product.output.name.decode()}: Expected a bias within int32. Received: {moved.min()}..{moved.max()}"
        )
    product.bias.buffer = new_buffer(model, moved.astype(np.int32))


def _add_way_back(model: schema.ModelT, product: _Product) -> None:
    output, graph, operator = product.output, product.graph, product.operator
    scale, written = output.quantization.scale[0], int(operator.outputs[0])
    above = append(graph, int8_tensor(output.name + b"/moved_up", output.shape, scale, _LEAST))
    constant = int8_tensor(output.name + b"/way_back", (1,), scale, _GREATEST)
    constant.buffer = new_buffer(model, np.array([_GREATEST - product.distance], np.int8))
    inputs = (above, append(graph, constant))
    addition = operator_of(code_of(model, schema.BuiltinOperator.ADD), inputs, [written], schema.AddOptionsT())
    operator.outputs = np.array([above], np.int32)
    graph.operators.insert(graph.operators.index(operator) + 1, addition)
