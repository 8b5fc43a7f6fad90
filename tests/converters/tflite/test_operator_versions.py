"""Tests of `converters.tflite.operator_versions`."""

from __future__ import annotations

import pytest

from converters.tflite.graph import Graph, Operator
from converters.tflite.operator_versions import MICRO, NEWEST_VERSIONS, not_allowed, too_new


def graph_of(**versions: int) -> Graph:
    """A graph of operators that read and write nothing."""
    operators = (
        Operator(name, version, (), (), is_custom=False, refers_to_graph=False) for name, version in versions.items()
    )
    return Graph(0, "classify", (), tuple(operators), {}, {})


def test_not_allowed_operators_are_listed_by_name() -> None:
    """Operators outside the table are named once each, in alphabetical order, whatever graph they are in."""
    graphs = (graph_of(ADD=1, WHILE=1, Betainc=1), graph_of(WHILE=1, CALL=1))
    assert not_allowed(graphs) == ("Betainc", "CALL", "WHILE")
    assert not_allowed((graph_of(ADD=99, UNPACK=1),)) == ()


@pytest.mark.parametrize(
    ("runtime", "refused"),
    [
        ("tflite-runtime", ("ADD 7 (newest: 5)", "FULLY_CONNECTED 12 (newest: 10)")),
        ("ai-edge-litert", ("ADD 7 (newest: 6)",)),
        (MICRO, ()),
    ],
)
def test_too_new_operators_are_listed_with_both_versions(runtime: str, refused: tuple[str, ...]) -> None:
    """Each runtime has newest versions of its own; TFLite Micro has none."""
    assert too_new((graph_of(TANH=3), graph_of(FULLY_CONNECTED=12, ADD=7)), runtime) == refused


@pytest.mark.parametrize(("runtime", "newest"), [("tflite-runtime", 10), ("ai-edge-litert", 14)])
def test_the_newest_version_is_allowed(runtime: str, newest: int) -> None:
    """A version is too new only above the newest one."""
    assert too_new((graph_of(FULLY_CONNECTED=newest),), runtime) == ()
    assert too_new((graph_of(FULLY_CONNECTED=newest + 1),), runtime) == (
        f"FULLY_CONNECTED {newest + 1} (newest: {newest})",
    )


def test_newest_versions_of_both_runtimes() -> None:
    """The table holds what each runtime's resolver registers."""
    assert dict(NEWEST_VERSIONS["tflite-runtime"]) == {
        "ADD": 5, "AVERAGE_POOL_2D": 3, "CONCATENATION": 4, "CONV_2D": 7, "DEPTHWISE_CONV_2D": 7, "DEQUANTIZE": 5,
        "EXPAND_DIMS": 1, "FULLY_CONNECTED": 10, "GATHER": 6, "HARD_SWISH": 1, "LEAKY_RELU": 2, "LOGISTIC": 3,
        "MAX_POOL_2D": 3, "MAXIMUM": 4, "MEAN": 3, "MINIMUM": 4, "MUL": 7, "PACK": 4, "PAD": 4, "PADV2": 4,
        "QUANTIZE": 3, "RELU": 3, "RELU6": 3, "RESHAPE": 1, "SLICE": 6, "SOFTMAX": 3, "SPLIT": 4, "SPLIT_V": 2,
        "CAST": 4,
        "SQUARED_DIFFERENCE": 2, "SQUEEZE": 2, "STRIDED_SLICE": 8, "SUB": 5, "TANH": 3, "TRANSPOSE": 6, "UNPACK": 4,
    }  # fmt: skip
    assert dict(NEWEST_VERSIONS["ai-edge-litert"]) == {
        "ADD": 6, "AVERAGE_POOL_2D": 3, "CONCATENATION": 7, "CONV_2D": 8, "DEPTHWISE_CONV_2D": 7, "DEQUANTIZE": 9,
        "EXPAND_DIMS": 1, "FULLY_CONNECTED": 14, "GATHER": 8, "HARD_SWISH": 1, "LEAKY_RELU": 2, "LOGISTIC": 3,
        "MAX_POOL_2D": 3, "MAXIMUM": 4, "MEAN": 3, "MINIMUM": 4, "MUL": 8, "PACK": 5, "PAD": 6, "PADV2": 6,
        "QUANTIZE": 6, "RELU": 3, "RELU6": 3, "RESHAPE": 1, "SLICE": 8, "SOFTMAX": 4, "SPLIT": 5, "SPLIT_V": 3,
        "CAST": 7,
        "SQUARED_DIFFERENCE": 2, "SQUEEZE": 2, "STRIDED_SLICE": 8, "SUB": 5, "TANH": 3, "TRANSPOSE": 9, "UNPACK": 6,
    }  # fmt: skip
