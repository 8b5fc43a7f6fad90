"""The operators that a file may use, and the newest version of each that a TFLite runtime has.

Sources: each runtime's `BuiltinOpResolver` (tensorflow/lite/core/kernels/register.cc). The kernels of TFLite
Micro have no versions; running a file shows what it cannot run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from converters.tflite.graph import Graph, operator_versions

# The newest version of each operator in tflite-runtime and in ai-edge-litert; other operators are not allowed.
_NEWEST = {
    "ADD": (5, 6), "AVERAGE_POOL_2D": (3, 3), "CAST": (4, 7), "CONCATENATION": (4, 7), "CONV_2D": (7, 8),
    "DEPTHWISE_CONV_2D": (7, 7), "DEQUANTIZE": (5, 9), "EXPAND_DIMS": (1, 1), "FULLY_CONNECTED": (10, 14),
    "GATHER": (6, 8), "HARD_SWISH": (1, 1), "LEAKY_RELU": (2, 2), "LOGISTIC": (3, 3), "MAXIMUM": (4, 4),
    "MAX_POOL_2D": (3, 3), "MEAN": (3, 3), "MINIMUM": (4, 4), "MUL": (7, 8), "PACK": (4, 5), "PAD": (4, 6),
    "PADV2": (4, 6), "QUANTIZE": (3, 6), "RELU": (3, 3), "RELU6": (3, 3), "RESHAPE": (1, 1), "SLICE": (6, 8),
    "SOFTMAX": (3, 4), "SPLIT": (4, 5), "SPLIT_V": (2, 3), "SQUARED_DIFFERENCE": (2, 2), "SQUEEZE": (2, 2),
    "STRIDED_SLICE": (8, 8), "SUB": (5, 5), "TANH": (3, 3), "TRANSPOSE": (6, 9), "UNPACK": (4, 6),
}  # fmt: skip
NEWEST_VERSIONS: Mapping[str, Mapping[str, int]] = {
    runtime: {name: versions[column] for name, versions in _NEWEST.items()}
    for column, runtime in enumerate(("tflite-runtime", "ai-edge-litert"))
}
MICRO = "tflite-micro"


def not_allowed(graphs: Sequence[Graph]) -> tuple[str, ...]:
    """Returns the names of the operators that are not allowed, in alphabetical order."""
    names = {operator.name for graph in graphs for operator in graph.operators}
    return tuple(sorted(names - set(_NEWEST)))


def too_new(graphs: Sequence[Graph], runtime: str) -> tuple[str, ...]:
    """Returns the operators that a runtime is too old for, such as `FULLY_CONNECTED 12 (newest: 10)`."""
    newest = NEWEST_VERSIONS.get(runtime, {})
    return tuple(
        f"{name} {version} (newest: {newest[name]})"
        for name, version in operator_versions(tuple(graphs)).items()
        if version > newest.get(name, version)
    )
