"""Names the layers that TensorFlow Lite or its int8 kernels cannot compute, once a network is known to have some.

Tensors of a flatbuffer do not say which layer they come from, so each operation is written alone.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from converters.lowering.lower import Lowered, Node, called
from converters.lowering.refusal import NetworkRefusedError

Written = Callable[[tf.types.experimental.GenericFunction], bytes]


def refuse_unsupported(network: Lowered, write: Written, missing: Callable[[bytes], tuple[str, ...]]) -> None:
    """Raises NetworkRefusedError with every layer that cannot be written, or has operators that int8 lacks.

    `write` returns the float flatbuffer of a function, and `missing` the names of its operators without int8 kernels.
    """
    reasons = [(node.operation.name, _reason(network, node, write, missing)) for node in network.nodes]
    refused = [f"{name}: {reason}. Use a layer that does the same" for name, reason in reasons if reason]
    if refused:
        raise NetworkRefusedError("\n".join(refused))


def _reason(network: Lowered, node: Node, write: Written, missing: Callable[[bytes], tuple[str, ...]]) -> str:
    specs = [tf.TensorSpec(network.shapes[number], tf.float32) for number in node.inputs]
    named = [f"output{number}" for number in node.outputs]

    def alone(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return dict(zip(named, called(node, inputs), strict=True))

    try:
        absent = missing(write(tf.function(alone, input_signature=specs, autograph=False)))
    except Exception as error:  # noqa: BLE001  # TensorFlow's converter raises many kinds; all of them are the layer's
        first, *_ = str(error).strip().splitlines() or [type(error).__name__]
        return f"TensorFlow Lite cannot compute it: {first[:200]}"
    return f"int8 has no kernel for {', '.join(absent)}" if absent else ""
