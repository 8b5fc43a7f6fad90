"""Finds what recurrent cells compute: what is rounded off there comes back in every later step.

Their operators lie between a state's input and its output; in a graph without states, between two products with the
same weights. Tensors of the same roles belong to them wherever they are: in a cell's first step, and in other graphs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from scipy.cluster.hierarchy import DisjointSet

from converters.quantisation.roles import HAS_WEIGHTS, KEEPS_ROLE
from converters.tflite.graph import Graph, Operator
from device.signatures import STATE_SUFFIX

_MOVES = KEEPS_ROLE - {"ADD"}


def recurrent_tensors(graphs: Sequence[Graph], roles: DisjointSet) -> frozenset[str]:
    """Returns the names of the tensors that recurrent cells compute, with the projections that go into them.

    `roles` are those of the `graphs` (`converters.quantisation.roles`).
    """
    inside = [operator for graph in graphs for operator in _inside(graph)]
    found = {name for operator in inside for tensor in operator.outputs for name in roles.subset(tensor.name)}
    written = {tensor.name for graph in graphs for operator in graph.operators for tensor in operator.outputs}
    return frozenset(found & written)


def _inside(graph: Graph) -> Iterator[Operator]:
    ends = [(graph.inputs[name].name, graph.outputs[name + STATE_SUFFIX].name) for name in graph.states]
    for before, after in ends or _same_weights(graph):
        between = _between(graph, before, after)
        # A state that only moves, such as the last rows before a convolution, collects no error.
        if any(operator.name not in _MOVES for operator in between):
            yield from between


def _same_weights(graph: Graph) -> Iterator[tuple[str, str]]:
    """Yields the outputs of products that follow each other with the same weights."""
    products: dict[bytes | None, list[str]] = {}
    for operator in graph.operators:
        if operator.name in HAS_WEIGHTS:
            products.setdefault(operator.inputs[1].constant, []).append(operator.outputs[0].name)
    for outputs in products.values():
        yield from pairwise(outputs)


def _between(graph: Graph, before: str, after: str) -> Sequence[Operator]:
    """Returns the operators on the ways from one tensor to another."""
    reached, ahead = {before}, []
    for operator in graph.operators:
        if any(tensor.name in reached for tensor in operator.inputs):
            reached.update(tensor.name for tensor in operator.outputs)
            ahead.append(operator)
    wanted, between = {after}, []
    for operator in reversed(ahead):
        if any(tensor.name in wanted for tensor in operator.outputs):
            wanted.update(tensor.name for tensor in operator.inputs)
            between.append(operator)
    return between
