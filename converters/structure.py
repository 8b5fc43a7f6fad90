"""Refuses an int8 flatbuffer that is not what ships: built-in operators only, no control flow, no float, no loose ends.

Reads the file alone and runs nothing; whether the numbers are right is for the accuracy gate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from converters.graph import STATE_SUFFIX, Graph, Operator, Tensor

_VARIABLES = frozenset({"ASSIGN_VARIABLE", "CALL_ONCE", "READ_VARIABLE", "VAR_HANDLE"})
_KERNEL_INPUT = {"CONV_2D": 1, "DEPTHWISE_CONV_2D": 1, "FULLY_CONNECTED": 1}


class StructureError(ValueError):
    """A flatbuffer has parts that do not ship; the message lists all of them."""


def check_structure(graphs: Sequence[Graph]) -> None:
    """Raises StructureError where a graph holds what does not ship, naming each tensor and operator."""
    problems = [f"{graph.signature}: {problem}" for graph in graphs for problem in _problems(graph)]
    if problems:
        raise StructureError("Expected static int8 graphs of built-in operators. Found: " + "; ".join(problems))


def _problems(graph: Graph) -> Iterator[str]:
    for operator in graph.operators:
        yield from _operator_problems(operator)
    for tensor in graph.tensors:
        yield from _tensor_problems(tensor)
    for name in graph.states:
        before, after = graph.inputs[name], graph.outputs[name + STATE_SUFFIX]
        if (before.scales, before.zero_points) != (after.scales, after.zero_points):
            yield f"state {name} goes in with {before.scales} and comes out with {after.scales}"


def _operator_problems(operator: Operator) -> Iterator[str]:
    if operator.is_custom:
        yield f"operator {operator.name} is not built in"
    if operator.refers_to_graph:
        yield f"operator {operator.name} is control flow"
    if operator.name in _VARIABLES:
        yield f"operator {operator.name} reads weights that are not in the file"
    kernel = _KERNEL_INPUT.get(operator.name)
    if kernel is not None and not operator.inputs[kernel].constant:
        yield f"operator {operator.name} has no weights in {operator.inputs[kernel].name}"


def _tensor_problems(tensor: Tensor) -> Iterator[str]:
    if tensor.type.startswith(("FLOAT", "BFLOAT")):
        yield f"tensor {tensor.name} is {tensor.type}"
    if not tensor.is_static:
        yield f"tensor {tensor.name} has the dynamic shape {tensor.shape_signature}"
