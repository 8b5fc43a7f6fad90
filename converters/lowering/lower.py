"""Lowers a trained Keras network to what inference computes, on one crop of fixed shape.

Batch normalisation folds into the convolution before it, dropout vanishes, each LSTM is unrolled, and weights become
constants. The result is float.

Source: Jacob et al., Quantization and Training of Neural Networks, 2018, section 3.2 (folding).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from converters.lowering.convolution import kernel_and_bias, lower_convolution, scale_and_shift
from converters.lowering.lstm import unroll
from converters.lowering.operations import BothWays, Dense, Operation, Pointwise, Pooling, Recurrence, Reordering
from converters.lowering.step_form import NotStreamableError, StepForm, step_form
from device.signatures import CLASSIFY, CROP, LINES, LOGITS, STATE_SUFFIX, STEP

_CONVOLUTIONS = (layers.Conv1D, layers.Conv2D)
_POOLING = (layers.AveragePooling1D, layers.AveragePooling2D, layers.MaxPooling1D, layers.MaxPooling2D)
_VANISH = (layers.InputLayer, layers.Dropout, layers.SpatialDropout1D, layers.SpatialDropout2D, layers.GaussianNoise)
_EDGES = (layers.Cropping2D, layers.ZeroPadding1D, layers.ZeroPadding2D)


class InferenceNetwork(tf.Module):  # type: ignore[misc]  # tensorflow has no types
    """A network as inference computes it, whole and, if possible, step by step.

    `classify(crop <float32>[1, 28, 28, 1]) → logits <float32>[1, 10]`; `step(rows, NAME…) → logits, NAME_out…`. If the
    network does not stream, `step` is None and `reason` says why.
    """

    def __init__(self, network: keras.Sequential) -> None:
        """Lowers `network`; raises ValueError with the layer and the reason if a layer cannot be lowered."""
        super().__init__()
        if not isinstance(network, keras.Sequential):
            raise TypeError(f"Expected a keras.Sequential. Received: {type(network).__name__}")
        _refuse_probabilities(network)
        operations = lowered(network.layers)
        crop = (1, *network.input_shape[1:])
        self.classify = _classify(operations, crop)
        self.step_form: StepForm | None = None
        self.step, self.reason = None, ""
        try:
            self.step_form = step_form(operations, crop)
            self.step = _step(self.step_form)
        except NotStreamableError as error:
            self.reason = str(error)

    @property
    def signatures(self) -> Mapping[str, tf.types.experimental.GenericFunction]:
        """The functions of the file's signatures, by name."""
        return {CLASSIFY: self.classify} | ({STEP: self.step} if self.step is not None else {})


def _classify(operations: Sequence[Operation], crop: tuple[int, ...]) -> tf.types.experimental.GenericFunction:
    def classify(crop: tf.Tensor) -> dict[str, tf.Tensor]:
        return {LOGITS: applied(operations, crop)}

    return tf.function(classify, input_signature=[tf.TensorSpec(crop, tf.float32, name=CROP)], autograph=False)


def _step(form: StepForm) -> tf.types.experimental.GenericFunction:
    def step(rows: tf.Tensor, *states: tf.Tensor) -> dict[str, tf.Tensor]:
        logits, after = form(rows, states)
        return {LOGITS: logits} | {name + STATE_SUFFIX: state for name, state in zip(form.states, after, strict=True)}

    shapes = {LINES: form.lines, **form.states}
    specs = [tf.TensorSpec(shape, tf.float32, name=name) for name, shape in shapes.items()]
    return tf.function(step, input_signature=specs, autograph=False)


def lowered(network: Sequence[keras.Layer]) -> Sequence[Operation]:
    """Returns what the layers of a built network compute, one after another.

    Raises ValueError if a layer cannot be lowered; the message names it and the reason.
    """
    waiting = deque(layer for layer in network if not isinstance(layer, _VANISH))
    operations: list[Operation] = []
    while waiting:
        margin = _taken(waiting, layers.ZeroPadding2D) if _is_padded_convolution(waiting) else None
        layer = waiting.popleft()
        if isinstance(layer, _CONVOLUTIONS):
            linear = layer.activation is keras.activations.linear
            normalisation = _taken(waiting, layers.BatchNormalization) if linear else None
            operations.append(lower_convolution(layer, margin, normalisation))
        else:
            operations.append(_lower(layer))
    return operations


def applied(operations: Sequence[Operation], x: tf.Tensor) -> tf.Tensor:
    """Returns what the operations compute of `x`, one after another."""
    for operation in operations:
        x = operation(x)
    return x


def _is_padded_convolution(waiting: Sequence[keras.Layer]) -> bool:
    return len(waiting) > 1 and isinstance(waiting[0], layers.ZeroPadding2D) and isinstance(waiting[1], layers.Conv2D)


def _taken(waiting: deque[keras.Layer], cls: type[keras.Layer]) -> keras.Layer | None:
    return waiting.popleft() if waiting and isinstance(waiting[0], cls) else None


def _lower(layer: keras.Layer) -> Operation:  # noqa: PLR0911  # one return for each kind of layer
    # `layer.call`, not the layer: Keras numbers layers, and the numbers would end up in the names of tensors.
    if isinstance(layer, layers.LSTM):
        return Recurrence(layer.name, unroll(layer))
    if isinstance(layer, layers.Bidirectional):
        return _both_ways(layer)
    if isinstance(layer, layers.Dense):
        return Dense(layer.name, *kernel_and_bias(layer), layer.activation)
    if isinstance(layer, layers.BatchNormalization):
        scale, shift = scale_and_shift(layer)
        return Pointwise(layer.name, lambda x: x * scale + shift)
    if isinstance(layer, (layers.Activation, layers.ReLU)):
        return Pointwise(layer.name, layer.call)
    if isinstance(layer, _POOLING):
        tiles = layer.padding == "valid" and layer.pool_size[0] == layer.strides[0]
        return Pooling(layer.name, layer.call, layer.pool_size[0], tiles)
    if isinstance(layer, layers.Permute):
        if layer.dims[0] == 1:
            return Pointwise(layer.name, layer.call)
        return Reordering(layer.name, layer.call, moves_time=True, swaps_rows_and_columns=layer.dims == (2, 1, 3))
    if isinstance(layer, (layers.Flatten, layers.Reshape, *_EDGES)):
        return Reordering(layer.name, layer.call, moves_time=isinstance(layer, _EDGES))
    raise ValueError(f"{layer.name}: a {type(layer).__name__} cannot be lowered")


def _both_ways(layer: layers.Bidirectional) -> BothWays:
    if layer.merge_mode != "concat" or not isinstance(layer.forward_layer, layers.LSTM):
        received = f"{type(layer.forward_layer).__name__}, {layer.merge_mode}"
        raise ValueError(f"{layer.name}: Expected LSTMs merged by concat. Received: {received}")
    return BothWays(layer.name, unroll(layer.forward_layer), unroll(layer.backward_layer))


def _refuse_probabilities(network: keras.Sequential) -> None:
    kept = (layer for layer in reversed(network.layers) if not isinstance(layer, _VANISH))
    head: Any = next(kept, None)
    if isinstance(head, layers.Softmax) or getattr(head, "activation", None) is keras.activations.softmax:
        raise ValueError(f"{head.name}: Expected a network that returns logits. Received: one that ends in a softmax")
