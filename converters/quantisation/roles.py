"""Finds the tensors that play the same role, in every step of an unrolled network and in every signature.

Tensors in one role get one range, hence one scale: so that a state enters a step as it left the one before, and so that
every step rounds alike. What shares a role follows from the structure of the graphs alone: two operators of the same
kind are in the same role if they share their weights or read the same roles; what only moves values leaves their role
as it is. So does a sum: on one scale it does not round, and a term that is zero can be left out, as the first step
leaves out its states, without a bit of the result changing.

Not a range: those are measured in `converters.quantisation.ranges`.

Source: congruence closure, Downey, Sethi, Tarjan, Variations on the Common Subexpression Problem, 1980.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import reduce
from operator import or_

from scipy.cluster.hierarchy import DisjointSet

from converters.quantisation.ranges import Range
from converters.tflite.graph import Graph, Operator, Tensor

_KEEPS_ROLE = frozenset(
    {
        "ADD", "CONCATENATION", "EXPAND_DIMS", "GATHER", "MAX_POOL_2D", "PACK", "PAD", "RESHAPE", "SLICE", "SPLIT",
        "SPLIT_V", "SQUEEZE", "STRIDED_SLICE", "TRANSPOSE", "UNPACK",
    }
)  # fmt: skip
_HAS_WEIGHTS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})


class NoCounterpartError(ValueError):
    """A tensor of one signature has no counterpart in another, so that the two could differ; the message names it."""


def tied_ranges(
    graphs: Sequence[Graph],
    measured: Mapping[str, Range],
    fixed: Mapping[str, Range],
    same: Sequence[tuple[str, str]] = (),
) -> dict[str, Range]:
    """Returns each activation's range by tensor name: that of all tensors in its role together, rounded outward.

    Args:
        graphs: the graphs of all signatures; a tensor's name is its own among all of them.
        measured: what was seen of each activation.
        fixed: a role that holds a tensor named here has that range, whatever was measured.
        same: pairs of tensors in the same role beforehand: a state as it goes in and as it comes out.

    Raises:
        NoCounterpartError: a role does not occur in all graphs.
    """
    roles = _roles(graphs, same)
    tied: dict[str, Range] = {}
    for role in roles.subsets():
        given = [fixed[name] for name in role if name in fixed]
        tied |= dict.fromkeys(role, reduce(or_, given or [measured[name] for name in role]).outward())
    for graph in graphs:
        _refuse_missing_roles(graph, roles)
    return tied


def _refuse_missing_roles(graph: Graph, roles: DisjointSet) -> None:
    present = {roles[tensor.name] for tensor in graph.tensors if tensor.name in roles}
    for role in roles.subsets():
        if roles[next(iter(role))] not in present:
            raise NoCounterpartError(f"Expected a counterpart in {graph.signature}. Found none for {sorted(role)}")


def _roles(graphs: Sequence[Graph], same: Sequence[tuple[str, str]]) -> DisjointSet:
    operators = [operator for graph in graphs for operator in graph.operators]
    roles = DisjointSet(name for operator in operators for name in _activations(operator.inputs + operator.outputs))
    for before, after in same:
        roles.merge(before, after)
    for operator in operators:
        if operator.name in _KEEPS_ROLE:
            first, *others = _activations(operator.inputs + operator.outputs)
            for other in others:
                roles.merge(first, other)
    while _merge_alike(roles, operators):
        pass
    return roles


def _merge_alike(roles: DisjointSet, operators: Sequence[Operator]) -> bool:
    """Merges inputs with inputs and outputs with outputs of operators in the same role; says whether any were new."""
    before = roles.n_subsets
    first: dict[Hashable, str] = {}
    for operator in operators:
        for key in _keys(roles, operator):
            for slot, name in enumerate(_activations(operator.inputs + operator.outputs)):
                roles.merge(first.setdefault((key, slot), name), name)
    return bool(roles.n_subsets < before)


def _keys(roles: DisjointSet, operator: Operator) -> Iterable[Hashable]:
    kind = (operator.name, tuple(tensor.constant for tensor in operator.inputs), len(operator.outputs))
    if operator.name in _HAS_WEIGHTS:
        yield kind
    if operator.name not in _KEEPS_ROLE:
        yield (kind, tuple(roles[name] for name in _activations(operator.inputs)))


def _activations(tensors: Sequence[Tensor]) -> list[str]:
    return [tensor.name for tensor in tensors if tensor.constant is None]
