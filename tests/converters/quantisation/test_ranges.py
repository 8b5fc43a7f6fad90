"""Tests of `converters.quantisation.ranges`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from converters.quantisation.ranges import Range, measured_ranges
from converters.tflite.graph import Graph, read_graphs
from tests.conftest import Converted, TfliteWriter

FINITE = st.floats(-1e30, 1e30)
RANGES = st.tuples(FINITE, FINITE).map(lambda ends: Range(min(ends), max(ends)))
PAIRS = hnp.arrays(np.float32, (1, 2), elements=st.floats(-1e6, 1e6, width=32))


@dataclass(frozen=True)
class Tiny:
    """A model of two operators: `doubled = 2 * crop`, `logits = abs(doubled)`."""

    content: bytes
    graph: Graph

    def ranges(self, crops: Iterable[npt.NDArray[np.float32]]) -> list[tuple[float, float]]:
        """The ranges of crop, doubled and logits."""
        measured = measured_ranges(self.content, self.graph, ({"crop": crop} for crop in crops))
        double, magnitude = self.graph.operators
        tensors = (double.inputs[0], double.outputs[0], magnitude.outputs[0])
        assert set(measured) == {tensor.name for tensor in tensors}
        return [(measured[tensor.name].low, measured[tensor.name].high) for tensor in tensors]


@pytest.fixture(scope="module")
def tiny(write_tflite: TfliteWriter) -> Tiny:
    content = write_tflite((1, 2), classify=lambda crop: tf.abs(crop * 2.0))
    (graph,) = read_graphs(content)
    return Tiny(content, graph)


def crop(*values: float) -> npt.NDArray[np.float32]:
    return np.array([values], np.float32)


def test_literal_ranges(tiny: Tiny) -> None:
    """Every activation, inner ones included, has its minimum and maximum over all inputs."""
    assert tiny.ranges([crop(0, 1), crop(-3, 0.5)]) == [(-3.0, 1.0), (-6.0, 2.0), (0.0, 6.0)]


def test_inner_ranges_are_those_of_keras(converted_small: Converted) -> None:
    """The range of an inner tensor, the map behind the first convolution, is that of its values in Keras."""
    content, network, crops = converted_small.conversion.float_tflite, converted_small.network, converted_small.crops
    (graph,) = (graph for graph in read_graphs(content) if graph.signature == "classify")
    measured = measured_ranges(content, graph, ({"crop": crop[np.newaxis]} for crop in crops))
    convolution = next(operator for operator in graph.operators if operator.name == "CONV_2D")
    relu = next(layer for layer in network.layers if isinstance(layer, keras.layers.ReLU))
    expected = np.asarray(keras.Model(network.inputs[0], relu.output)(crops, training=False))
    map_range = measured[convolution.outputs[0].name]
    assert map_range.low == 0
    assert map_range.high == pytest.approx(expected.max(), abs=1e-5)
    assert map_range.high > 0.1


def test_one_input(tiny: Tiny) -> None:
    """A single input is enough, and its values are the range as they are, whether zero lies in it or not."""
    assert tiny.ranges([crop(1, 2)]) == [(1.0, 2.0), (2.0, 4.0), (2.0, 4.0)]


@given(crops=st.lists(PAIRS, min_size=1, max_size=6))
@settings(deadline=None, max_examples=25)
def test_ranges_are_the_extremes(tiny: Tiny, crops: list[npt.NDArray[np.float32]]) -> None:
    """A range ends at the extremes of all inputs; nothing is averaged."""
    everything = np.concatenate(crops)
    low, high = float(everything.min()), float(everything.max())
    assert tiny.ranges(crops)[:2] == [(low, high), (2 * low, 2 * high)]


@given(crops=st.lists(PAIRS, min_size=1, max_size=6), data=st.data())
@settings(deadline=None, max_examples=25)
def test_order_does_not_matter(tiny: Tiny, crops: list[npt.NDArray[np.float32]], data: st.DataObject) -> None:
    """The same inputs in another order give the same ranges."""
    assert tiny.ranges(data.draw(st.permutations(crops))) == tiny.ranges(crops)


def test_a_rare_extreme_counts(tiny: Tiny) -> None:
    """One extreme among a thousand ordinary inputs is where the range ends."""
    assert tiny.ranges([crop(0, 1)] * 500 + [crop(-100, 0)] + [crop(0, 1)] * 500)[0] == (-100.0, 1.0)


def test_refuses_no_inputs(tiny: Tiny) -> None:
    """Without inputs there are no ranges."""
    with pytest.raises(ValueError, match=r"^Expected at least one calibration input\. Received: none$"):
        tiny.ranges([])


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_refuses_inputs_that_are_not_finite(tiny: Tiny, odd: float) -> None:
    """One value that is not finite stops the measurement."""
    with pytest.raises(ValueError, match=r"^Expected finite low <= high\. Received: low="):
        tiny.ranges([crop(0, 1), crop(0, odd), crop(0, 1)])


def test_refuses_an_overflow_inside(write_tflite: TfliteWriter) -> None:
    """An inner tensor that overflows is refused, although input and output are finite."""
    content = write_tflite((1, 2), classify=lambda crop: tf.tanh(tf.exp(crop)))
    (graph,) = read_graphs(content)
    with pytest.raises(ValueError, match=r"Received: low=1\.0, high=inf$"):
        measured_ranges(content, graph, [{"crop": crop(0, 100)}])


@pytest.mark.parametrize(
    ("low", "high"), [(1.0, 0.0), (math.nan, 1.0), (0.0, math.nan), (-math.inf, 0.0), (0.0, math.inf)]
)
def test_range_refuses(low: float, high: float) -> None:
    """A range that is empty or endless is refused with both its ends."""
    with pytest.raises(ValueError, match=rf"^Expected finite low <= high\. Received: low={low}, high={high}$"):
        Range(low, high)


def test_range_of_one_value() -> None:
    """A tensor that never changes has a range of one value."""
    assert Range(0.5, 0.5) == Range(low=0.5, high=0.5)


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (Range(0, 1), Range(2, 3), Range(0, 3)),
        (Range(-1, 5), Range(0, 1), Range(-1, 5)),
        (Range(-2, 0), Range(-1, 4), Range(-2, 4)),
    ],
)
def test_union(one: Range, other: Range, both: Range) -> None:
    """Two ranges together reach from the lower end to the higher, what lies between them included."""
    assert one | other == both


@given(one=RANGES, other=RANGES, third=RANGES)
def test_union_has_no_order(one: Range, other: Range, third: Range) -> None:
    """In whatever order ranges are joined, and however often each, the result is the same."""
    assert one | other == other | one
    assert (one | other) | third == one | (other | third)
    assert one | other | one == one | other


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        (Range(0.0, 1.0), Range(0.0, 1.0)),
        (Range(-1.0, 3.0), Range(-1.0, 3.0)),
        (Range(-0.70000001, 0.1), Range(-0.7001953125, 0.10009765625)),
        (Range(-0.70000002, 0.10000001), Range(-0.7001953125, 0.10009765625)),
        (Range(-1000.5, -5.0), Range(-1001.0, -5.0)),
    ],
)
def test_outward_has_ten_significant_bits(narrow: Range, wide: Range) -> None:
    """Ranges that differ in their last bits become one range; ends of few bits do not change."""
    assert narrow.outward() == wide


@given(RANGES)
def test_outward_is_close_and_contains_the_range(seen: Range) -> None:
    wide = seen.outward()
    assert wide.low <= seen.low
    assert seen.high <= wide.high
    assert wide.outward() == wide
    assert abs(wide.low - seen.low) <= abs(seen.low) / 512
    assert abs(wide.high - seen.high) <= abs(seen.high) / 512
