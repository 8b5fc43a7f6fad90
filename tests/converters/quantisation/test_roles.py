"""Tests of `converters.quantisation.roles`, on the graphs of a small network of two convolutions and two LSTMs."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.child import named_and_ordered
from converters.quantisation.ranges import Range
from converters.quantisation.roles import NoCounterpartError, roles_of, tied_ranges
from converters.tflite.graph import Graph, Operator, Tensor, read_graphs
from tests.conftest import Converted, TfliteWriter

LOWER, UPPER = [[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]
ENDS = st.floats(-1e6, 1e6)
RANGES = st.tuples(ENDS, ENDS).map(lambda ends: Range(min(ends), max(ends)))


@dataclass(frozen=True)
class Recurrence:
    """The tensors of an unrolled LSTM, by what they are in the equations."""

    products: tuple[Tensor, ...]
    projections: tuple[Tensor, ...]
    gates: tuple[Tensor, ...]
    hidden: tuple[Tensor, ...]
    cells: tuple[Tensor, ...]


def reader(graph: Graph, tensor: Tensor, kind: str) -> Operator:
    """The one operator of a kind that reads a tensor."""
    (operator,) = (operator for operator in graph.operators if operator.name == kind and tensor in operator.inputs)
    return operator


def other(operator: Operator, tensor: Tensor) -> Tensor:
    (rest,) = (read for read in operator.inputs if read != tensor)
    return rest


def products_of_shared_weights(graph: Graph) -> list[list[Operator]]:
    """The recurrent products, those of each LSTM together and in the order of its steps."""
    products = [operator for operator in graph.operators if operator.name == "FULLY_CONNECTED"]
    uses = Counter(product.inputs[1].name for product in products)
    return [
        [product for product in products if product.inputs[1].name == name] for name, count in uses.items() if count > 1
    ]


def recurrence(graph: Graph, steps: list[Operator]) -> Recurrence:
    """Follows the equations from the recurrent product of each step to the states before it and after it."""
    rows = []
    for step in steps:
        (product,) = step.outputs
        total = reader(graph, product, "ADD")
        (summed,) = total.outputs
        _, forget, _, output = reader(graph, summed, "SPLIT").outputs
        (kept,) = reader(graph, forget, "LOGISTIC").outputs
        keeping = reader(graph, kept, "MUL")
        (remembered,) = reader(graph, keeping.outputs[0], "ADD").outputs
        (shown,) = reader(graph, output, "LOGISTIC").outputs
        (state,) = reader(graph, shown, "MUL").outputs
        rows.append((product, other(total, product), summed, step.inputs[0], state, other(keeping, kept), remembered))
    products, projections, gates, hidden_before, hidden, cells_before, cells = zip(*rows, strict=True)
    return Recurrence(products, projections, gates, (hidden_before[0], *hidden), (cells_before[0], *cells))


def recurrences(graph: Graph) -> list[Recurrence]:
    return [recurrence(graph, steps) for steps in products_of_shared_weights(graph)]


def activations(graphs: tuple[Graph, ...]) -> list[str]:
    return [tensor.name for graph in graphs for tensor in graph.tensors if tensor.constant is None]


def distinct_ranges(graphs: tuple[Graph, ...]) -> dict[str, Range]:
    """No two alike, so that tied ranges are alike only where they were tied."""
    return {name: Range(-end, end) for end, name in enumerate(activations(graphs), start=1)}


def only(graphs: tuple[Graph, ...], signature: str) -> Graph:
    (graph,) = (graph for graph in graphs if graph.signature == signature)
    return graph


@pytest.fixture(scope="module")
def graphs(converted_small: Converted) -> tuple[Graph, ...]:
    return read_graphs(converted_small.conversion.float_tflite)


@pytest.fixture(scope="module")
def classify(graphs: tuple[Graph, ...]) -> Graph:
    return only(graphs, "classify")


@pytest.fixture(scope="module")
def tied(graphs: tuple[Graph, ...]) -> dict[str, Range]:
    return tied_ranges(graphs, distinct_ranges(graphs), {}, roles_of(graphs))


@pytest.fixture(scope="module")
def int8(converted_small: Converted) -> Graph:
    return converted_small.conversion.graphs["classify"]


def test_there_are_two_recurrences(classify: Graph) -> None:
    """Each LSTM of four steps multiplies its states by its recurrent weights in all steps but the first."""
    assert [len(steps) for steps in products_of_shared_weights(classify)] == [3, 3]
    assert [recurrence.hidden[0].shape for recurrence in recurrences(classify)] == [(1, 5), (1, 6)]


@pytest.mark.parametrize("kind", ["products", "projections", "gates", "hidden", "cells"])
def test_every_step_has_the_same_roles(classify: Graph, tied: dict[str, Range], kind: str) -> None:
    """Whatever a tensor is in one step of an LSTM, its range is that of the same tensor in all other steps."""
    for layer in recurrences(classify):
        names = {tensor.name for tensor in getattr(layer, kind)}
        assert len(names) == (4 if kind in {"hidden", "cells"} else 3)
        assert len({tied[name] for name in names}) == 1


def test_hidden_and_cell_states_differ(classify: Graph, tied: dict[str, Range]) -> None:
    """Hidden state, cell state and gates are three roles, and those of one layer are not those of another."""
    roles = [
        tied[tensors[0].name] for layer in recurrences(classify) for tensors in (layer.hidden, layer.cells, layer.gates)
    ]
    assert len(set(roles)) == 6


def test_a_layer_reads_the_states_of_the_layer_below(classify: Graph, tied: dict[str, Range]) -> None:
    """The sequence of hidden states that an LSTM hands on is in the role of those states."""
    below, above = recurrences(classify)
    (projection,) = {operator for operator in classify.operators if operator.outputs[0] in sources(classify, above)}
    assert tied[projection.inputs[0].name] == tied[below.hidden[0].name]


def sources(graph: Graph, layer: Recurrence) -> list[Tensor]:
    """What the steps' parts of the projection are cut from."""
    return [operator.inputs[0] for operator in graph.operators if operator.outputs[0] in layer.projections]


def test_convolutions_differ(classify: Graph, tied: dict[str, Range]) -> None:
    """The input and the maps behind two convolutions are three roles."""
    first, second = (operator.outputs[0].name for operator in classify.operators if operator.name == "CONV_2D")
    assert len({tied[classify.inputs["crop"].name], tied[first], tied[second]}) == 3


@pytest.mark.parametrize("kind", ["CONCATENATION", "MAX_POOL_2D", "RESHAPE", "SPLIT", "STRIDED_SLICE"])
def test_moving_values_keeps_their_role(classify: Graph, tied: dict[str, Range], kind: str) -> None:
    """What only moves or picks values writes them in the role in which it read them."""
    moving = [operator for operator in classify.operators if operator.name == kind]
    assert moving
    for operator in moving:
        tensors = [tensor for tensor in operator.inputs + operator.outputs if tensor.constant is None]
        assert len({tied[tensor.name] for tensor in tensors}) == 1


def test_a_role_has_the_range_of_all_its_tensors(graphs: tuple[Graph, ...], tied: dict[str, Range]) -> None:
    """The range of a role is the range of its tensors together: here that of its widest, as they lie one in another."""
    measured = distinct_ranges(graphs)
    for range_ in set(tied.values()):
        assert range_.high == max(measured[name].high for name in tied if tied[name] == range_)
        assert range_.low == -range_.high


def test_every_activation_has_a_range(graphs: tuple[Graph, ...], tied: dict[str, Range]) -> None:
    """No tensor that is computed goes without a range, and no constant has one."""
    assert set(tied) == set(activations(graphs))


def test_fixed_range_wins(graphs: tuple[Graph, ...], classify: Graph, tied: dict[str, Range]) -> None:
    """All tensors in the input's role have the range that was given for it, whatever was measured, and no others."""
    crop = classify.inputs["crop"].name
    fixed = tied_ranges(graphs, distinct_ranges(graphs), {crop: Range(0, 0.25)}, roles_of(graphs))
    pixels = {name for name, range_ in tied.items() if range_ == tied[crop]}
    assert {name for name, range_ in fixed.items() if range_ == Range(0, 0.25)} == pixels
    assert {name: fixed[name] for name in fixed if name not in pixels} == {
        name: tied[name] for name in tied if name not in pixels
    }


@given(data=st.data())
@settings(deadline=None, max_examples=10)
def test_ranges_contain_what_was_measured(graphs: tuple[Graph, ...], data: st.DataObject) -> None:
    """Whatever was measured, no tensor's range shrinks, and ranges that are tied already stay as they are."""
    names = activations(graphs)
    drawn = data.draw(st.lists(RANGES, min_size=7, max_size=7))
    measured = {name: drawn[index % 7] for index, name in enumerate(names)}
    once = tied_ranges(graphs, measured, {}, roles_of(graphs))
    assert all(once[name] | measured[name] == once[name] for name in names)
    assert tied_ranges(graphs, once, {}, roles_of(graphs)) == once


def test_signatures_share_roles(write_tflite: TfliteWriter) -> None:
    """Signatures that read the same weights have one role for what they multiply, and one for each product."""

    def twice(crop: tf.Tensor) -> tf.Tensor:
        return tf.matmul(tf.tanh(tf.matmul(crop, tf.constant(LOWER))), tf.constant(UPPER))

    content = write_tflite(
        (1, 2), classify=twice, step=lambda crop: twice(tf.concat([crop[:, 1:], crop[:, :1]], axis=1))
    )
    graphs = read_graphs(named_and_ordered(content))
    tied = tied_ranges(graphs, distinct_ranges(graphs), {}, roles_of(graphs))
    ends = {
        graph.signature: [
            tied[tensor.name]
            for operator in graph.operators
            if operator.name == "FULLY_CONNECTED"
            for tensor in (operator.inputs[0], *operator.outputs)
        ]
        for graph in graphs
    }
    assert ends["classify"] == ends["step"]
    assert len(set(ends["classify"])) == 4


def test_refuses_a_role_that_another_signature_lacks(write_tflite: TfliteWriter) -> None:
    """A tensor that only one signature computes, so that the two could differ, is refused by its name."""
    content = write_tflite(
        (1, 2),
        classify=lambda crop: tf.matmul(crop, tf.constant(LOWER)),
        step=lambda crop: tf.matmul(tf.tanh(crop), tf.constant(LOWER)),
    )
    graphs = read_graphs(named_and_ordered(content))
    step = only(graphs, "step")
    message = re.escape(f"Expected a counterpart in classify. Received: none for ['{step.inputs['crop'].name}']")
    with pytest.raises(NoCounterpartError, match=f"^{message}$"):
        tied_ranges(graphs, distinct_ranges(graphs), {}, roles_of(graphs))


def test_same_tensors_have_one_range(graphs: tuple[Graph, ...], classify: Graph) -> None:
    """Two tensors that are called the same beforehand have one range, though no operator joins them."""
    crop, logits = classify.inputs["crop"].name, classify.outputs["logits"].name
    apart = tied_ranges(graphs, distinct_ranges(graphs), {}, roles_of(graphs))
    together = tied_ranges(graphs, distinct_ranges(graphs), {}, roles_of(graphs, [(crop, logits)]))
    assert apart[crop] != apart[logits]
    assert together[crop] == together[logits] == apart[crop] | apart[logits]


@pytest.mark.parametrize("kind", ["products", "projections", "gates", "hidden", "cells"])
def test_int8_steps_have_one_scale(int8: Graph, kind: str) -> None:
    """In the int8 file each recurrent product, gate and state has the same scale and zero point at every step."""
    assert len(recurrences(int8)) == 2
    for layer in recurrences(int8):
        quantisations = {(tensor.scales, tensor.zero_points) for tensor in getattr(layer, kind)}
        assert len(quantisations) == 1


def test_int8_sums_do_not_rescale(int8: Graph) -> None:
    """In the int8 file a sum has the scale and zero point of its terms, so that adding zero changes no bit."""
    sums = [operator for operator in int8.operators if operator.name == "ADD"]
    assert len(sums) == 12
    for operator in sums:
        tensors = operator.inputs + operator.outputs
        assert len({(tensor.scales, tensor.zero_points) for tensor in tensors}) == 1


def _activation(kind: str) -> Graph:
    """A graph of one activation function, from `given` to `found`."""
    before, after = (Tensor(name, "FLOAT32", (1, 4), (), None, (), ()) for name in ("given", "found"))
    operator = Operator(kind, 1, (before,), (after,), is_custom=False, refers_to_graph=False)
    return Graph(0, "classify", (before, after), (operator,), {"crop": before}, {"logits": after})


@pytest.mark.parametrize(
    ("kind", "wide", "expected"),
    [
        ("LOGISTIC", False, Range(0.0, 0.99609375)),
        ("TANH", False, Range(-1.0, 0.9921875)),
        ("LOGISTIC", True, Range(-0.999969482421875, 0.999969482421875)),
        ("TANH", True, Range(-0.999969482421875, 0.999969482421875)),
        ("RELU", False, Range(0.125, 0.5)),
    ],
)
def test_kernels_choose_the_scale_of_their_output(kind: str, wide: bool, expected: Range) -> None:
    """That of a sigmoid is 1/256 from 0, that of a tanh 1/128, in int16 1/32768; others are as measured."""
    graph, measured = _activation(kind), {"given": Range(-3.0, 5.0), "found": Range(0.125, 0.5)}
    tied = tied_ranges((graph,), measured, {}, roles_of((graph,)), {"found"} if wide else ())
    assert tied == {"given": Range(-3.0, 5.0), "found": expected}


@pytest.mark.parametrize("found", [Range(-0.25, 0.5), Range(0.125, 1.25)])
def test_what_a_sigmoid_cannot_return_is_as_measured(found: Range) -> None:
    """A role that holds other tensors too may be wider than the kernel's output."""
    graph = _activation("LOGISTIC")
    tied = tied_ranges((graph,), {"given": Range(0.0, 0.0), "found": found}, {}, roles_of((graph,)))
    assert tied["found"] == found
