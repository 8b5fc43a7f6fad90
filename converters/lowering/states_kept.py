"""Recurrent layers that keep their states from one input to the next, Keras' `stateful=True`, and copies without."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

_OPTION = "stateful"


def keeps_states(network: keras.Model) -> bool:
    """Returns whether a recurrent layer of a network, at any depth, keeps its states from one input to the next."""
    return any(getattr(layer, _OPTION, False) for layer in network._flatten_layers())  # noqa: SLF001  # no public way


def with_states(network: keras.Model, *, kept: bool) -> keras.Model:
    """Returns a copy of a network, with its weights, whose recurrent layers all keep their states, or all do not.

    One that keeps them takes one input at a time; the first starts at states of zero.
    """
    copy = _copy(network, kept)
    copy.set_weights(network.get_weights())
    return copy


def _copy(network: keras.Model, kept: bool) -> keras.Model:
    def copied(layer: keras.Layer) -> keras.Layer:
        if isinstance(layer, keras.Model):
            return _copy(layer, kept)
        config = layer.get_config()
        # Within a time step each input starts again.
        inner = isinstance(layer, layers.TimeDistributed)
        return type(layer).from_config(config if inner else _with_option(config, kept))

    batch_size = 1 if kept else None
    given = [keras.Input(each.shape[1:], batch_size, each.dtype, name=each.name) for each in network.inputs]
    return keras.models.clone_model(network, given if len(given) > 1 else given[0], clone_function=copied)


def _with_option(config: Any, kept: bool) -> Any:
    """Returns a layer's configuration with the option set wherever it is, also within a wrapper."""
    if isinstance(config, dict):
        return {key: kept if key == _OPTION else _with_option(value, kept) for key, value in config.items()}
    return [_with_option(each, kept) for each in config] if isinstance(config, list) else config
