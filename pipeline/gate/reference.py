"""The float network's outputs, as Keras computes them, without the softmax or sigmoid at the end.

The device applies those to the logits of the int8 file, so logits are what is compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import layers, tree

from device.arrays import Float32

_BATCH = 500
_HEADS = (keras.activations.softmax, keras.activations.sigmoid)


def float_outputs(network: keras.Model, inputs: Float32, *, keep_head: bool) -> Mapping[str, Float32]:
    """Returns the outputs `<float32>[n, ...]` for inputs `<float32>[n, ...]` by name, a single one as `logits`.

    With `keep_head` they are the network's own.
    """
    if keep_head:
        return _named(network, _predicted(network, inputs))
    with _without_heads(network) as softmaxes:
        outputs = _predicted(network, inputs)
    # A logarithm of probabilities differs from their logits by one number for each answer, which no softmax sees.
    probabilities = [
        np.log(np.maximum(each, 1e-30)) if last else each for each, last in zip(outputs, softmaxes, strict=True)
    ]
    return _named(network, probabilities)


def _named(network: keras.Model, outputs: list[Float32]) -> Mapping[str, Float32]:
    names = ["logits"] if len(outputs) == 1 else list(network.output_names)
    return dict(zip(names, outputs, strict=True))


def _predicted(network: keras.Model, inputs: Float32) -> list[Float32]:
    # Not through `predict`: it compiles the network once, with the activations that it had then.
    batches = [tree.flatten(network(inputs[begin : begin + _BATCH], training=False))
               for begin in range(0, len(inputs), _BATCH)]  # fmt: skip
    return [
        np.concatenate([np.asarray(batch, np.float32) for batch in output]) for output in zip(*batches, strict=True)
    ]


@contextmanager
def _without_heads(network: keras.Model) -> Iterator[list[bool]]:
    """Takes the last activations off for a while; gives, for each output, whether a Softmax layer is left there."""
    lasts = [_last(network, index) for index in range(len(network.outputs))]
    # The activation of a recurrent layer is inside of its step.
    heads = [layer for layer in lasts if not isinstance(layer, layers.RNN)]
    taken = [(layer, layer.activation) for layer in heads if getattr(layer, "activation", None) in _HEADS]
    try:
        for layer, _ in taken:
            layer.activation = keras.activations.linear
        yield [isinstance(layer, layers.Softmax) for layer in lasts]
    finally:
        for layer, activation in taken:
            layer.activation = activation


def _last(network: keras.Model, index: int) -> Any:
    """Returns the layer that gives an output, behind dropout and inside of wrappers."""
    tensor = network.outputs[index]
    layer, _, place = tensor._keras_history  # noqa: SLF001  # no public way
    while isinstance(layer, (layers.Dropout, layers.Identity)):
        tensor = layer.input
        layer, _, place = tensor._keras_history  # noqa: SLF001
    if isinstance(layer, keras.Model):
        return _last(layer, place)
    return layer.layer if isinstance(layer, layers.TimeDistributed) else layer
