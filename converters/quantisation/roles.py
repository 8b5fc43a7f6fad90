"""Finds the tensors that have the same role, in every step of an unrolled network and in every signature.

Tensors with one role get one range and so one scale: a state enters a step exactly as it left the one before, and every
step rounds the same way. Roles follow from the structure of the graphs. Two operators of one type have the same role if
they share their weights or read the same roles. An operator that only moves values keeps their role. So does a sum: on
one scale it does not round, so the first step can leave out states that are zero without changing a bit of the result.

Source: congruence closure, Downey, Sethi, Tarjan, Variations on the Common Subexpression Problem, 1980.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from functools import reduce
from operator import or_

from scipy.cluster.hierarchy import DisjointSet

from converters.quantisation.ranges import Range
from converters.tflite.graph import Graph, Operator, Tensor

KEEPS_ROLE = frozenset({
    "ADD", "CONCATENATION", "EXPAND_DIMS", "GATHER", "MAX_POOL_2D", "PACK", "PAD", "RESHAPE", "SLICE", "SPLIT",
    "SPLIT_V", "SQUEEZE", "STRIDED_SLICE", "TRANSPOSE", "UNPACK",
})  # fmt: skip
# Their kernels have one output scale: 1/128 with zero point 0, and 1/256 with zero point -128; in int16 1/32768.
_FIXED = {"LOGISTIC": Range(0.0, 255 / 256), "TANH": Range(-1.0, 127 / 128)}
_FIXED_WIDE = Range(-32767 / 32768, 32767 / 32768)
_WITHIN = {"LOGISTIC": Range(0.0, 1.0), "TANH": Range(-1.0, 1.0)}
HAS_WEIGHTS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})


class NoCounterpartError(ValueError):
    """A tensor of one signature has no counterpart in another, so the two could differ; the message names it."""


def tied_ranges(
    graphs: Sequence[Graph],
    measured: Mapping[str, Range],
    fixed: Mapping[str, Range],
    roles: DisjointSet,
    wide: Collection[str] = (),
) -> dict[str, Range]:
    """Returns the range of each activation by tensor name: the union over its role, rounded outward.

    Tensor names are unique among the `graphs`. A `fixed` range replaces the `measured` ones of its tensor's whole role.
    `roles` are those of `roles_of`, `wide` the tensors in int16. Raises NoCounterpartError if a role is missing from a
    graph.
    """
    outputs = {operator.outputs[0].name: operator.name for graph in graphs for operator in graph.operators}
    tied: dict[str, Range] = {}
    for role in roles.subsets():
        tied |= dict.fromkeys(role, _range(role, measured, fixed, outputs, wide))
        for graph in graphs:
            if role.isdisjoint(tensor.name for tensor in graph.tensors):
                expected = f"Expected a counterpart in {graph.signature}"
                raise NoCounterpartError(f"{expected}. Received: none for {sorted(role)}")
    return tied


def _range(
    role: set[str],
    measured: Mapping[str, Range],
    fixed: Mapping[str, Range],
    outputs: Mapping[str, str],
    wide: Collection[str],
) -> Range:
    given = [fixed[name] for name in role if name in fixed]
    if given:
        return reduce(or_, given)
    union = reduce(or_, (measured[name] for name in role))
    kernels = {outputs[name] for name in role if outputs.get(name) in _FIXED}
    if len(kernels) == 1 and union | _WITHIN[(kernel := kernels.pop())] == _WITHIN[kernel]:
        return _FIXED[kernel] if role.isdisjoint(wide) else _FIXED_WIDE
    return union.outward()


def roles_of(graphs: Sequence[Graph], same: Sequence[tuple[str, str]] = ()) -> DisjointSet:
    """Returns the tensors of the `graphs` by name, those of one role together.

    `same` are pairs of tensors known to share a role: a state's input and its output.
    """
    operators = [operator for graph in graphs for operator in graph.operators]
    roles = DisjointSet(name for operator in operators for name in _activations(operator.inputs + operator.outputs))
    for before, after in same:
        roles.merge(before, after)
    for operator in operators:
        if operator.name in KEEPS_ROLE:
            first, *others = _activations(operator.inputs + operator.outputs)
            for other in others:
                roles.merge(first, other)
    while _merge_alike(roles, operators):
        pass
    return roles


def _merge_alike(roles: DisjointSet, operators: Sequence[Operator]) -> bool:
    """Merges the inputs and the outputs of operators with the same role; returns whether any were merged."""
    before = roles.n_subsets
    first: dict[Hashable, str] = {}
    for operator in operators:
        for key in _keys(roles, operator):
            for slot, name in enumerate(_activations(operator.inputs + operator.outputs)):
                roles.merge(first.setdefault((key, slot), name), name)
    return bool(roles.n_subsets < before)


def _keys(roles: DisjointSet, operator: Operator) -> Iterable[Hashable]:
    key = (operator.name, tuple(tensor.constant for tensor in operator.inputs), len(operator.outputs))
    if operator.name in HAS_WEIGHTS:
        yield key
    if operator.name not in KEEPS_ROLE:
        yield (key, tuple(roles[name] for name in _activations(operator.inputs)))


def _activations(tensors: Sequence[Tensor]) -> list[str]:
    return [tensor.name for tensor in tensors if tensor.constant is None]
