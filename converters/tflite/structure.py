"""Checks that an int8 flatbuffer may ship: built-in operators only, no control flow, no float, no missing data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from converters.tflite.graph import Graph, Operator, Tensor
from device.signatures import STATE_SUFFIX

_VARIABLES = frozenset({"ASSIGN_VARIABLE", "CALL_ONCE", "READ_VARIABLE", "VAR_HANDLE"})
_ITEM_BYTES = {"BOOL": 1, "INT8": 1, "UINT8": 1, "INT16": 2, "FLOAT16": 2, "INT32": 4, "FLOAT32": 4, "INT64": 8}


class Kind(Enum):
    """What a problem concerns."""

    SIGNATURE = "signature"
    EDGE = "input or output"
    OPERATOR = "operator"
    FLOAT = "float tensor"
    SHAPE = "dynamic shape"
    DATA = "missing data"
    STATE = "state"


@dataclass(frozen=True)
class Problem:
    """Something in a flatbuffer that must not ship."""

    kind: Kind
    text: str


class StructureError(ValueError):
    """A flatbuffer has parts that must not ship; the message lists all of them."""


def check_structure(graphs: Sequence[Graph]) -> None:
    """Raises StructureError, with each tensor and operator by name, if a graph has parts that must not ship."""
    problems = find_problems(graphs)
    if problems:
        found = "; ".join(problem.text for problem in problems)
        raise StructureError(f"Expected static int8 graphs of built-in operators. Received: {found}")


def find_problems(graphs: Sequence[Graph]) -> tuple[Problem, ...]:
    """Returns what must not ship in the graphs of a flatbuffer, with the names of graph and part."""
    if not graphs:
        return (Problem(Kind.SIGNATURE, "no graph"),)
    return tuple(
        Problem(kind, f"{graph.signature or graph.index}: {text}")
        for graph in graphs
        for kind, text in _problems(graph)
    )


def _problems(graph: Graph) -> Iterator[tuple[Kind, str]]:
    if not graph.signature:
        yield Kind.SIGNATURE, "the graph has no signature"
    yield from ((Kind.DATA, text) for text in _missing_data(graph))
    for operator in graph.operators:
        yield from ((Kind.OPERATOR, text) for text in _operator_problems(operator))
    edges = {tensor.name for tensor in (*graph.inputs.values(), *graph.outputs.values())}
    states = {tensor.name for pair in _state_ends(graph).values() for tensor in pair}
    for tensor in graph.tensors:
        if tensor.type.startswith(("FLOAT", "BFLOAT")):
            yield Kind.EDGE if tensor.name in edges else Kind.FLOAT, f"tensor {tensor.name} is {tensor.type}"
        elif tensor.type == "INT16" and tensor.name in edges - states:
            yield Kind.EDGE, f"tensor {tensor.name} is INT16, which only states may be"
        if not tensor.is_static:
            yield Kind.SHAPE, f"tensor {tensor.name} has the dynamic shape {tensor.shape_signature}"
    for name, (before, after) in _state_ends(graph).items():
        if before.type != after.type:
            yield Kind.STATE, f"state {name} goes in as {before.type} and comes out as {after.type}"
        elif (before.scales, before.zero_points) != (after.scales, after.zero_points):
            yield Kind.STATE, f"state {name} goes in with {before.scales} and comes out with {after.scales}"


def _state_ends(graph: Graph) -> Mapping[str, tuple[Tensor, Tensor]]:
    """Returns the input and the output of each state."""
    return {name: (graph.inputs[name], graph.outputs[name + STATE_SUFFIX]) for name in graph.states}


def _operator_problems(operator: Operator) -> Iterator[str]:
    if operator.is_custom:
        yield f"operator {operator.name} is not built in"
    if operator.refers_to_graph:
        yield f"operator {operator.name} is control flow"
    if operator.name in _VARIABLES:
        yield f"operator {operator.name} reads weights that are not in the file"


def _missing_data(graph: Graph) -> Iterator[str]:
    written = {tensor.name for operator in graph.operators for tensor in operator.outputs}
    given = written | {tensor.name for tensor in graph.inputs.values()}
    for tensor in {tensor for operator in graph.operators for tensor in operator.inputs if tensor.name not in given}:
        expected = math.prod(tensor.shape) * _ITEM_BYTES.get(tensor.type, 0)
        received = len(tensor.constant or b"")
        if received != expected:
            yield f"tensor {tensor.name} has {received:,} bytes of data, not {expected:,}"
