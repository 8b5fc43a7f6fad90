"""The CNN-LSTMs, as Keras models that return logits.

Convolutions pad causally along time, above a row and never below, so that a row's features do not depend on later
rows (van den Oord et al., WaveNet, 2016, section 2.1). Batch normalisation follows each convolution and folds into it
(Jacob et al., Quantization and Training of Neural Networks, 2018, section 3.2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from device.pixels import SIDE
from pipeline.folders import ModelFolder
from pipeline.variants import LABELS, VARIANTS, Variant

_DROPOUT = 0.3
# A network of few weights has none to spare.
_SMALL_DROPOUT = 0.1


@keras.saving.register_keras_serializable("rowstream")
class NoisyCell(layers.LSTMCell):  # type: ignore[misc]  # Keras has no types
    """An LSTM cell that adds normal noise to the cell state it reads, in training only, for int8's rounding of it.

    Source: Fan et al., Training with Quantization Noise for Extreme Model Compression, 2021, section 4.
    """

    def __init__(self, units: int, deviation: float, **options: Any) -> None:
        super().__init__(units, **options)
        self.deviation = deviation

    def call(self, inputs: Any, states: Sequence[Any], training: bool = False) -> Any:
        hidden, cell = states
        if training and self.deviation:
            noise = keras.random.normal(keras.ops.shape(cell), stddev=self.deviation, seed=self.seed_generator)
            cell = cell + noise
        return super().call(inputs, [hidden, cell], training=training)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "deviation": self.deviation}


def build(variant: Variant) -> keras.Sequential:
    """Returns the untrained network: crops `<float32>[n, 28, 28, 1]` in 0..1 → logits `<float32>[n, 10]`."""
    return _built(variant, layers.LSTM(_NETWORKS[variant.name].units))


def build_for_training(variant: Variant, cell_noise: float) -> keras.Sequential:
    """Returns the network with logits after each time step, `<float32>[n, steps, 10]`, and noise on the cell states.

    Its weights have the same order as those of `build`.
    """
    cell = NoisyCell(_NETWORKS[variant.name].units, cell_noise)
    return _built(variant, layers.RNN(cell, return_sequences=True))


def _built(variant: Variant, lstm: keras.Layer) -> keras.Sequential:
    network = _NETWORKS[variant.name]
    return keras.Sequential(
        [
            layers.Input((SIDE, SIDE, 1), name="crop"),
            *network.front(),
            lstm,
            *([layers.Dropout(network.dropout)] if network.dropout else []),
            layers.Dense(len(LABELS), name="logits"),
        ],
        name=variant.name,
    )


def load_network(name: str, model: ModelFolder) -> keras.Sequential:
    """Returns the float network of a model's folder: `float.keras`, or a variant with `float.weights.h5`.

    Raises ValueError if the file is of another network, OSError if it cannot be read.
    """
    if not model.float_model.is_file():
        raise FileNotFoundError(f"{model.float_model}: Expected the float weights of {name}: make train")
    whole = model.float_model == model.network
    if not whole and name not in VARIANTS:
        expected = f"{model.network}: Expected this file or a variant: {', '.join(VARIANTS)}"
        raise ValueError(f"{expected}. Received: {name} without it")
    try:
        if whole:
            return keras.models.load_model(model.network)
        network = build(VARIANTS[name])
        network.load_weights(model.weights)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{model.float_model}: Expected the float network {name}. {error}") from error
    return network


def _conv2d_rows() -> list[keras.Layer]:
    blocks = (*_conv2d(32), layers.MaxPool2D(2), *_conv2d(64), layers.MaxPool2D(2))
    return [*blocks, layers.Reshape((7, 7 * 64)), layers.Dropout(_DROPOUT)]


def _conv2d_on_blocks() -> list[keras.Layer]:
    """Each block of 2 x 2 pixels becomes four channels: the windows of a kernel of 6 x 6 pixels, two apart."""
    half = SIDE // 2
    blocks = (layers.Reshape((half, 2, half, 2)), layers.Permute((1, 3, 2, 4)), layers.Reshape((half, half, 4)))
    convolutions = (*_conv2d(32), layers.MaxPool2D(2), *_conv2d(64), *_normalised(layers.Conv2D(48, 1, use_bias=False)))
    return [*blocks, *convolutions, layers.Reshape((7, 7 * 48)), layers.Dropout(_SMALL_DROPOUT)]


def _conv2d_on_pairs() -> list[keras.Layer]:
    """Each pair of pixels becomes two channels. Columns are not padded, so that what the LSTM reads is narrow."""
    pairs = layers.Reshape((SIDE, SIDE // 2, 2))
    first, second = (*_conv2d(14, margin=0), layers.MaxPool2D(2)), (*_conv2d(20, margin=0), layers.MaxPool2D((2, 1)))
    return [pairs, *first, *second, *_conv2d(20, margin=0), layers.Reshape((7, 2 * 20))]


def _conv2d(filters: int, margin: int = 1) -> list[keras.Layer]:
    causal_rows = (2, 0)
    return [
        layers.ZeroPadding2D((causal_rows, (margin, margin))),
        *_normalised(layers.Conv2D(filters, 3, use_bias=False)),
    ]


def _normalised(convolution: keras.Layer) -> list[keras.Layer]:
    return [convolution, layers.BatchNormalization(), layers.ReLU()]


def _conv1d_rows() -> list[keras.Layer]:
    return [layers.Reshape((SIDE, SIDE)), *_conv1d_block(32), *_conv1d_block(64)]


def _conv1d_block(filters: int) -> list[keras.Layer]:
    convolution = layers.Conv1D(filters, 3, padding="causal", use_bias=False)
    return [*_normalised(convolution), layers.MaxPool1D(2)]


@dataclass(frozen=True)
class _Network:
    """What makes the features of each time step, and the units of the LSTM that reads them."""

    front: Callable[[], list[keras.Layer]]
    units: int = 128
    dropout: float = _DROPOUT


_NETWORKS: Mapping[str, _Network] = {
    "rows2d": _Network(_conv2d_rows),
    "cols2d": _Network(lambda: [layers.Permute((2, 1, 3)), *_conv2d_rows()]),
    "conv1d": _Network(_conv1d_rows, dropout=_SMALL_DROPOUT),
    "rows": _Network(lambda: [layers.Reshape((SIDE, SIDE))]),
    "fast": _Network(_conv2d_on_blocks, units=64, dropout=_SMALL_DROPOUT),
    "tiny": _Network(_conv2d_on_pairs, units=16, dropout=0.0),
}
