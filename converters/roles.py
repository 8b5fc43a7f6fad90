"""Finds the tensors that play the same role, in every step of an unrolled network and in every signature.

Tensors in one role get one range, hence one scale: so that a state enters a step as it left the one before, and so that
every step rounds alike. What shares a role follows from the structure of the graphs alone: two operators of the same
kind are in the same role if they share their weights, or read the same roles, or write the same roles; what only moves
values leaves their role as it is.

Not a range: those are measured in `converters.ranges`.

Source: congruence closure, Downey, Sethi, Tarjan, Variations on the Common Subexpression Problem, 1980.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import reduce
from operator import or_

import numpy as np
from scipy.cluster.hierarchy import DisjointSet

from converters.graph import Graph, Operator, Tensor
from converters.ranges import Range

_MOVES_VALUES = frozenset(
    {
        "CONCATENATION", "EXPAND_DIMS", "GATHER", "MAX_POOL_2D", "PACK", "PAD", "RESHAPE", "SLICE", "SPLIT",
        "SPLIT_V", "SQUEEZE", "STRIDED_SLICE", "TRANSPOSE", "UNPACK",
    }
)  # fmt: skip
_HAS_WEIGHTS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})

# A tensor that is zero whatever the input says nothing of its range; this one's scale is fit for any kernel.
ZERO_RANGE = Range(-1.0, 1.0)


def tied_ranges(graphs: Sequence[Graph], measured: Mapping[str, Range], fixed: Mapping[str, Range]) -> dict[str, Range]:
    """Returns each activation's range by tensor name: that of all tensors in its role together.

    A role that holds a tensor named in `fixed` has that range, whatever was measured.
    """
    zeros = {name for graph in graphs for name in _zeros(graph)}
    tied = dict.fromkeys(zeros, ZERO_RANGE)
    for role in _roles(graphs, zeros).subsets():
        given = [fixed[name] for name in role if name in fixed]
        tied |= dict.fromkeys(role, reduce(or_, given or [measured[name] for name in role]))
    return tied


def _roles(graphs: Sequence[Graph], zeros: set[str]) -> DisjointSet:
    operators = [operator for graph in graphs for operator in graph.operators]
    tied = [op for op in operators if not all(tensor.name in zeros for tensor in op.outputs)]
    roles = DisjointSet(name for op in tied for name in _activations(op.inputs + op.outputs, zeros))
    for op in tied:
        if op.name in _MOVES_VALUES:
            _merge(roles, _activations(op.inputs + op.outputs, zeros))
    while _merge_alike(roles, tied, zeros):
        pass
    return roles


def _merge_alike(roles: DisjointSet, operators: Sequence[Operator], zeros: set[str]) -> bool:
    """Merges inputs with inputs and outputs with outputs of operators in the same role; says whether any were new."""
    before = roles.n_subsets
    first: dict[Hashable, str] = {}
    for operator in operators:
        for key in _keys(roles, operator, zeros):
            for slot, tensor in enumerate(operator.inputs + operator.outputs):
                for name in _activations((tensor,), zeros):
                    roles.merge(first.setdefault((key, slot), name), name)
    return bool(roles.n_subsets < before)


def _keys(roles: DisjointSet, operator: Operator, zeros: set[str]) -> Iterable[Hashable]:
    constants = tuple(tensor.constant for tensor in operator.inputs)
    kind = (operator.name, constants, len(operator.outputs))
    if operator.name in _HAS_WEIGHTS:
        yield kind
    if operator.name not in _MOVES_VALUES:
        for end, tensors in (("reads", operator.inputs), ("writes", operator.outputs)):
            yield (end, kind, tuple(roles[name] for name in _activations(tensors, zeros)))


def _merge(roles: DisjointSet, names: Sequence[str]) -> None:
    for name in names[1:]:
        roles.merge(names[0], name)


def _activations(tensors: Sequence[Tensor], zeros: set[str]) -> list[str]:
    return [tensor.name for tensor in tensors if tensor.constant is None and tensor.name not in zeros]


def _zeros(graph: Graph) -> set[str]:
    """The names of tensors that are zero whatever the input: something times a constant zero, and sums of such."""
    zeros: set[str] = set()
    for operator in graph.operators:
        constant_zeros = [_is_zero(tensor) for tensor in operator.inputs]
        known_zeros = [
            zero or tensor.name in zeros for zero, tensor in zip(constant_zeros, operator.inputs, strict=True)
        ]
        if (operator.name == "MUL" and any(constant_zeros)) or (operator.name == "ADD" and all(known_zeros)):
            zeros.update(tensor.name for tensor in operator.outputs)
    return zeros


def _is_zero(tensor: Tensor) -> bool:
    return (
        tensor.type == "FLOAT32"
        and tensor.constant is not None
        and not np.frombuffer(tensor.constant, np.float32).any()
    )
