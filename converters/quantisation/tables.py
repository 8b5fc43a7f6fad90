"""Gives int8 every elementwise function of one tensor, as a table of its 256 values.

Kernels compute few functions in int8. For the others, `set_aside` puts one placeholder in the place of all operators
that together compute the function, so that the quantiser gives its input and its output a scale. `write_tables` then
puts a lookup there: cast to int32, add 128, gather. The table's values come from the operators themselves.

Source: Jacob et al., Quantization and Training of Neural Networks, 2018, appendix A.1 (functions in int8).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from converters.tflite.editing import (
    append,
    builtin,
    code_of,
    drop_unread_constants,
    drop_unread_tensors,
    int8_tensor,
    is_constant,
    new_buffer,
    operator_of,
    tensor_of,
)
from converters.tflite.flatbuffer import dump, load
from device.arrays import Int8, UInt8

_Op = schema.BuiltinOperator
_INT8_KERNELS = frozenset({_Op.ADD, _Op.LOGISTIC, _Op.MAXIMUM, _Op.MUL, _Op.RELU, _Op.SUB, _Op.TANH})
_ELEMENTWISE = _INT8_KERNELS | {
    _Op.ABS, _Op.CAST, _Op.CEIL, _Op.COS, _Op.DIV, _Op.ELU, _Op.EQUAL, _Op.EXP, _Op.FLOOR, _Op.GELU, _Op.GREATER,
    _Op.GREATER_EQUAL, _Op.HARD_SWISH, _Op.LEAKY_RELU, _Op.LESS, _Op.LESS_EQUAL, _Op.LOG, _Op.LOGICAL_AND,
    _Op.LOGICAL_NOT, _Op.LOGICAL_OR, _Op.MINIMUM, _Op.NEG, _Op.NOT_EQUAL, _Op.POW, _Op.RELU6, _Op.RELU_0_TO_1,
    _Op.RELU_N1_TO_1, _Op.ROUND, _Op.RSQRT, _Op.SELECT, _Op.SELECT_V2, _Op.SIGN, _Op.SIN, _Op.SQRT, _Op.SQUARE,
    _Op.SQUARED_DIFFERENCE,
}  # fmt: skip
# The quantiser scales its input and output freely, and nothing else here has it: GELU itself becomes a table as well.
_PLACEHOLDER = _Op.GELU
_VALUES = 256
_ITEM_BYTES = {schema.TensorType.BOOL: 1, schema.TensorType.FLOAT32: 4, schema.TensorType.INT32: 4}


@dataclass(frozen=True)
class FunctionsSetAside:
    """A float flatbuffer with placeholders; and for each one's output tensor, a flatbuffer that computes it.

    That one takes and returns `<float32>[256]`.
    """

    float_tflite: bytes
    functions: Mapping[bytes, bytes]


def set_aside(float_tflite: bytes) -> FunctionsSetAside:
    """Returns a float flatbuffer in which functions that int8 has no kernel for are placeholders."""
    model = load(float_tflite)
    functions: dict[bytes, bytes] = {}
    for graph in model.subgraphs:
        found = tuple(_Regions(model, graph).functions())
        for function in found:
            functions[graph.tensors[function.output].name] = _alone(model, graph, function)
        if found:
            _put_placeholders(model, graph, found)
    if not functions:
        return FunctionsSetAside(float_tflite, {})
    drop_unread_tensors(model)
    return FunctionsSetAside(dump(model), functions)


def write_tables(int8_tflite: bytes, functions: Mapping[bytes, bytes]) -> bytes:
    """Returns the int8 flatbuffer with a lookup in the place of each placeholder."""
    if not functions:
        return int8_tflite
    model = load(int8_tflite)
    for graph in model.subgraphs:
        operators = []
        for operator in graph.operators:
            name = graph.tensors[operator.outputs[0]].name
            operators += _lookup(model, graph, operator, functions[name]) if name in functions else [operator]
        graph.operators = operators
    drop_unread_constants(model)
    return dump(model)


@dataclass(frozen=True)
class _Function:
    """The operators, in order, that compute one tensor from another."""

    operators: tuple[schema.OperatorT, ...]
    input: int
    output: int


class _Regions:
    """Finds in a graph, for each tensor, the one tensor that it is an elementwise function of."""

    def __init__(self, model: schema.ModelT, graph: schema.SubGraphT) -> None:
        self._model, self._graph = model, graph
        self._producer: dict[int, schema.OperatorT] = {}
        self._root: dict[int, int] = {}
        for operator in graph.operators:
            for output in operator.outputs:
                self._root[int(output)] = self._root_of(operator, int(output))
                self._producer[int(output)] = operator

    def functions(self) -> Iterator[_Function]:
        """Yields the functions that int8 has no kernels for, each as long as possible."""
        for output in self._seen_outside():
            operators = tuple(self._operators(output, self._root[output]))
            if any(builtin(self._model, operator) not in _INT8_KERNELS for operator in operators):
                yield _Function(operators, self._root[output], output)

    def _root_of(self, operator: schema.OperatorT, output: int) -> int:
        if builtin(self._model, operator) not in _ELEMENTWISE or len(operator.outputs) != 1:
            return output
        variables = [int(index) for index in operator.inputs if not self._is_scalar(index)]
        roots = {self._root.get(index, index) for index in variables}
        if len(roots) != 1:
            return output
        (root,) = roots
        return root if self._shape(root) == self._shape(output) else output

    def _seen_outside(self) -> Iterator[int]:
        """Yields the tensors with a root that something else than a function of this root reads."""
        readers: dict[int, list[int]] = {}
        for operator in self._graph.operators:
            for index in operator.inputs:
                readers.setdefault(int(index), []).extend(map(int, operator.outputs))
        outputs = set(map(int, self._graph.outputs))
        for index, root in self._root.items():
            if root != index and (
                index in outputs or any(self._root[reader] != root for reader in readers.get(index, []))
            ):
                yield index

    def _operators(self, output: int, root: int) -> Iterator[schema.OperatorT]:
        wanted, kept = [output], []
        while wanted:
            index = wanted.pop()
            operator = self._producer.get(index)
            if index != root and operator is not None and operator not in kept:
                kept.append(operator)
                wanted.extend(map(int, operator.inputs))
        yield from (operator for operator in self._graph.operators if operator in kept)

    def _is_scalar(self, index: int) -> bool:
        return _scalar(self._model, self._graph.tensors[index]) is not None

    def _shape(self, index: int) -> tuple[int, ...]:
        return tuple(map(int, self._graph.tensors[index].shape))


def _scalar(model: schema.ModelT, tensor: schema.TensorT) -> UInt8 | None:
    """Returns the bytes of the one value of a constant; None if it has several values, or is none."""
    if not is_constant(model, tensor) or tensor.type not in _ITEM_BYTES:
        return None
    values = np.asarray(model.buffers[tensor.buffer].data).reshape(-1, _ITEM_BYTES[tensor.type])
    return values[0] if (values == values[0]).all() else None


def _put_placeholders(model: schema.ModelT, graph: schema.SubGraphT, functions: Sequence[_Function]) -> None:
    code = code_of(model, _PLACEHOLDER)
    at = {id(function.operators[-1]): function for function in functions}
    operators = []
    for operator in graph.operators:
        function = at.get(id(operator))
        if function is None:
            operators.append(operator)
        else:
            ends = [function.input], [function.output]
            operators.append(operator_of(code, *ends, schema.GeluOptionsT()))
    graph.operators = _read(graph, operators)


def _read(graph: schema.SubGraphT, operators: Sequence[schema.OperatorT]) -> list[schema.OperatorT]:
    """Returns the operators whose outputs something reads."""
    wanted, kept = set(map(int, graph.outputs)), []
    for operator in reversed(operators):
        if wanted.intersection(map(int, operator.outputs)):
            wanted.update(map(int, operator.inputs))
            kept.append(operator)
    return kept[::-1]


def _alone(model: schema.ModelT, graph: schema.SubGraphT, function: _Function) -> bytes:
    """Returns a flatbuffer with a function's operators alone."""
    alone, part = schema.ModelT(), schema.SubGraphT()
    alone.version, alone.operatorCodes, alone.buffers = model.version, model.operatorCodes, [schema.BufferT()]
    part.tensors, part.operators = [], []
    renumbered: dict[int, int] = {}

    def number(index: int) -> int:
        if index not in renumbered:
            old = graph.tensors[index]
            constant = _scalar(model, old)
            tensor = tensor_of(b"%d" % len(renumbered), old.type, (1,) if constant is not None else (_VALUES,))
            if constant is not None:
                tensor.buffer = new_buffer(alone, constant)
            renumbered[index] = append(part, tensor)
        return int(renumbered[index])

    for operator in function.operators:
        copied = deepcopy(operator)
        copied.inputs = np.array([number(int(index)) for index in operator.inputs], np.int32)
        copied.outputs = np.array([number(int(index)) for index in operator.outputs], np.int32)
        part.operators.append(copied)
    part.inputs, part.outputs = (np.array([number(end)], np.int32) for end in (function.input, function.output))
    alone.subgraphs = [part]
    return dump(alone)


def _lookup(
    model: schema.ModelT, graph: schema.SubGraphT, placeholder: schema.OperatorT, function: bytes
) -> list[schema.OperatorT]:
    before, after = (graph.tensors[index[0]] for index in (placeholder.inputs, placeholder.outputs))
    (scale_in, zero_in), (scale_out, zero_out) = _scale(before), _scale(after)
    table = int8_tensor(after.name + b"/table", (_VALUES,), scale_out, zero_out)
    table.buffer = new_buffer(model, _table(function, (scale_in, zero_in), (scale_out, zero_out)))
    shift = tensor_of(after.name + b"/shift", schema.TensorType.INT32, (1,))
    shift.buffer = new_buffer(model, np.array([_VALUES // 2], np.int32))
    wide, index = (
        tensor_of(after.name + b"/" + part, schema.TensorType.INT32, after.shape) for part in (b"wide", b"index")
    )
    numbers = {each: append(graph, tensor) for each, tensor in zip("wsit", (wide, shift, index, table), strict=True)}
    cast, gather = schema.CastOptionsT(), schema.GatherOptionsT()
    cast.inDataType, cast.outDataType = schema.TensorType.INT8, schema.TensorType.INT32
    return [
        operator_of(code_of(model, _Op.CAST), placeholder.inputs, [numbers["w"]], cast),
        operator_of(code_of(model, _Op.ADD), [numbers["w"], numbers["s"]], [numbers["i"]], schema.AddOptionsT()),
        operator_of(code_of(model, _Op.GATHER, 2), [numbers["t"], numbers["i"]], placeholder.outputs, gather),
    ]


def _scale(tensor: schema.TensorT) -> tuple[float, int]:
    return float(tensor.quantization.scale[0]), int(tensor.quantization.zeroPoint[0])


@cache
def _table(function: bytes, before: tuple[float, int], after: tuple[float, int]) -> Int8:
    interpreter: Any = Interpreter(model_content=function)
    interpreter.allocate_tensors()
    real = (np.arange(-128, 128) - before[1]) * np.float32(before[0])
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], real.astype(np.float32))
    interpreter.invoke()
    values = interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).reshape(-1)
    # Outside of its domain, as the logarithm of a negative number, the function has no value that is asked for.
    quantised = np.clip(np.round(np.nan_to_num(values).astype(np.float64) / after[0]) + after[1], -128, 127)
    return np.asarray(quantised, np.int8)
