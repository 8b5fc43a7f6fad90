"""Which operators a file may use, and how new each may be for the TFLite runtimes it is meant for.

Not a trial: that a runtime really runs a file is seen by running it.

Sources: each runtime's `BuiltinOpResolver` (tensorflow/lite/core/kernels/register.cc), asked operator by operator as
`tests/test_runtimes.py` does. TFLite Micro's kernels have no versions: what it cannot run shows when it is run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from converters.tflite.graph import Graph, operator_versions

# The newest version of each operator. One that is not named is not on the list of those allowed.
NEWEST_VERSIONS: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "tflite-runtime": MappingProxyType(
            {
                "ADD": 5, "AVERAGE_POOL_2D": 3, "CONCATENATION": 4, "CONV_2D": 7, "DEPTHWISE_CONV_2D": 7,
                "DEQUANTIZE": 5, "EXPAND_DIMS": 1, "FULLY_CONNECTED": 10, "GATHER": 6, "HARD_SWISH": 1, "LEAKY_RELU": 2,
                "LOGISTIC": 3, "MAX_POOL_2D": 3, "MAXIMUM": 4, "MEAN": 3, "MINIMUM": 4, "MUL": 7, "PACK": 4, "PAD": 4,
                "PADV2": 4, "QUANTIZE": 3, "RELU": 3, "RELU6": 3, "RESHAPE": 1, "SLICE": 6, "SOFTMAX": 3, "SPLIT": 4,
                "SPLIT_V": 2, "SQUEEZE": 2, "STRIDED_SLICE": 8, "SUB": 5, "TANH": 3, "TRANSPOSE": 6, "UNPACK": 4,
            }
        ),
        "ai-edge-litert": MappingProxyType(
            {
                "ADD": 6, "AVERAGE_POOL_2D": 3, "CONCATENATION": 7, "CONV_2D": 8, "DEPTHWISE_CONV_2D": 7,
                "DEQUANTIZE": 9, "EXPAND_DIMS": 1, "FULLY_CONNECTED": 14, "GATHER": 8, "HARD_SWISH": 1, "LEAKY_RELU": 2,
                "LOGISTIC": 3, "MAX_POOL_2D": 3, "MAXIMUM": 4, "MEAN": 3, "MINIMUM": 4, "MUL": 8, "PACK": 5, "PAD": 6,
                "PADV2": 6, "QUANTIZE": 6, "RELU": 3, "RELU6": 3, "RESHAPE": 1, "SLICE": 8, "SOFTMAX": 4, "SPLIT": 5,
                "SPLIT_V": 3, "SQUEEZE": 2, "STRIDED_SLICE": 8, "SUB": 5, "TANH": 3, "TRANSPOSE": 9, "UNPACK": 6,
            }
        ),
    }
)  # fmt: skip
MICRO = "tflite-micro"


def not_allowed(graphs: Sequence[Graph]) -> tuple[str, ...]:
    """Returns the names of the operators that some runtime is not known to have, in alphabetical order."""
    names = {operator.name for graph in graphs for operator in graph.operators}
    return tuple(sorted(name for name in names if any(name not in newest for newest in NEWEST_VERSIONS.values())))


def too_new(graphs: Sequence[Graph], runtime: str) -> tuple[str, ...]:
    """Returns what a runtime is too old for, such as `FULLY_CONNECTED 12 (newest: 10)`; nothing for TFLite Micro."""
    newest = NEWEST_VERSIONS.get(runtime, {})
    return tuple(
        f"{name} {version} (newest: {newest[name]})"
        for name, version in operator_versions(tuple(graphs)).items()
        if version > newest.get(name, version)
    )
