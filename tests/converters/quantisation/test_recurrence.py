"""Tests of `converters.quantisation.recurrence`, on graphs of a few operators."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from converters.quantisation.recurrence import recurrent_tensors
from converters.quantisation.roles import roles_of
from converters.tflite.graph import Graph, Operator, Tensor


def tensor(name: str) -> Tensor:
    """A tensor; one whose name is in capitals is a constant, of which equal names have equal weights."""
    return Tensor(name, "FLOAT32", (1, 4), (), name.encode() if name.isupper() else None, (), ())


def operator(line: str) -> Operator:
    """An operator, written as `h = TANH x` or `a b = SPLIT x`."""
    written, read = line.split(" = ")
    kind, *inputs = read.split()
    outputs = tuple(map(tensor, written.split()))
    return Operator(kind, 1, tuple(map(tensor, inputs)), outputs, is_custom=False, refers_to_graph=False)


def graph(*lines: str, states: tuple[tuple[str, str], ...] = ()) -> Graph:
    """A graph of operators; each state is the tensor that goes in and the one that comes out."""
    operators = tuple(map(operator, lines))
    tensors = {each.name: each for node in operators for each in node.inputs + node.outputs}
    inputs = {before: tensors[before] for before, _ in states}
    outputs = {f"{before}_out": tensors[after] for before, after in states}
    signature = "step" if states else "classify"
    return Graph(0, signature, tuple(tensors.values()), operators, MappingProxyType(inputs), MappingProxyType(outputs))


def found(*graphs: Graph) -> set[str]:
    return set(recurrent_tensors(graphs, roles_of(graphs)))


STEP = ("z = FULLY_CONNECTED rows K", "p = FULLY_CONNECTED h R", "s = ADD z p", "t = TANH s")


def test_what_lies_between_a_state_and_its_next_value() -> None:
    """The recurrent product, its sum with the projection of the input, and the state; nothing ahead or behind."""
    step = graph("x = RELU rows", *STEP, "logits = FULLY_CONNECTED t W", states=(("h", "t"),))
    assert found(step) == {"z", "p", "s", "t"}


def test_what_else_reads_a_state_is_outside() -> None:
    """An operator is inside if it comes from the state and goes to it, not only one of the two."""
    lines = ("e = EXP h", "p = FULLY_CONNECTED h R", "q = COS rows", "m = MUL p q", "t = TANH m", "o = SIN t")
    assert found(graph(*lines, states=(("h", "t"),))) == {"p", "m", "t"}


def test_an_operator_may_write_several_tensors() -> None:
    """All parts of a split belong to the cell, whichever goes on."""
    lines = ("p = FULLY_CONNECTED h R", "a b = SPLIT p", "l = LOGISTIC b", "t = TANH a", "o = SIN l")
    assert found(graph(*lines, states=(("h", "t"),))) == {"p", "a", "b", "t"}


def test_a_state_that_only_moves_is_no_cell() -> None:
    """The rows that a convolution keeps are joined and cut, which rounds nothing off."""
    lines = ("c = CONCATENATION h rows", "o = CONV_2D c W", "t = STRIDED_SLICE c")
    assert found(graph(*lines, states=(("h", "t"),))) == set()


def test_a_sum_collects_errors() -> None:
    """A state to which each step adds something is that of a cell."""
    assert found(graph("x = RELU rows", "t = ADD h x", states=(("h", "t"),))) == {"x", "t"}


def test_each_state_counts_by_itself() -> None:
    """Beside a state that only moves there may be one that is computed."""
    lines = ("c = CONCATENATION k rows", "m = STRIDED_SLICE c", "x = CONV_2D c W", "p = MUL h x", "t = TANH p")
    assert found(graph(*lines, states=(("k", "m"), ("h", "t")))) == {"p", "t"}


UNROLLED = (
    "a = FULLY_CONNECTED x R",
    "b = TANH a",
    "c = FULLY_CONNECTED b R",
    "d = TANH c",
    "e = FULLY_CONNECTED d R",
    "f = LOGISTIC e",
)


def test_without_states_equal_weights_show_a_cell() -> None:
    """From one product to the next with the same weights, and what has the roles of that in the first step."""
    assert found(graph(*UNROLLED)) == {"a", "b", "c", "d", "e"}


@pytest.mark.parametrize("kind", ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"])
def test_any_product_shows_a_cell(kind: str) -> None:
    """A cell of maps multiplies by convolutions."""
    assert found(graph(*(line.replace("FULLY_CONNECTED", kind) for line in UNROLLED))) == {"a", "b", "c", "d", "e"}


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(("a = FULLY_CONNECTED x R", "b = TANH a", "c = FULLY_CONNECTED b S"), id="different weights"),
        pytest.param(("a = FULLY_CONNECTED x R", "b = FULLY_CONNECTED y R", "c = TANH b"), id="side by side"),
        pytest.param(("a = MUL x R", "b = TANH a", "c = MUL b R"), id="no products"),
        pytest.param(("a = FULLY_CONNECTED x R", "b = TANH a"), id="one product"),
    ],
)
def test_other_products_are_no_cell(lines: tuple[str, ...]) -> None:
    """Layers in a row have weights of their own, and those of each time step do not follow each other."""
    assert found(graph(*lines)) == set()


def test_where_there_are_states_weights_show_nothing() -> None:
    """A layer that is called twice, in a step whose only state is the rows of a convolution, is no cell."""
    lines = ("c = CONCATENATION h rows", "t = STRIDED_SLICE c", *UNROLLED)
    assert found(graph(*lines, states=(("h", "t"),))) == set()


def test_other_graphs_compute_in_the_same_roles() -> None:
    """A cell that one graph shows is found in another by its weights, its first step among it."""
    classify = graph("y = FULLY_CONNECTED crop K", "u = TANH y", "v = FULLY_CONNECTED u W")
    step = graph(*STEP, "logits = FULLY_CONNECTED t W", states=(("h", "t"),))
    assert found(classify, step) == {"y", "u", "z", "p", "s", "t"}


def test_inputs_and_constants_are_not_computed() -> None:
    """A state's input has the role of the state, and yet it is written by no operator."""
    step = graph(*STEP, states=(("h", "t"),))
    assert recurrent_tensors([step], roles_of([step], [("h", "t")])) == {"z", "p", "s", "t"}
