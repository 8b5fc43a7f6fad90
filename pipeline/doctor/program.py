"""Writes a Sequential as a program."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from pipeline.doctor.recording import Shape

# What Keras writes into each configuration and no program needs.
_LEFT_OUT = ("name", "dtype", "trainable", "zero_output_for_mask", "registered_name", "build_config")
_PROGRAM = """import keras
from keras import layers


def build() -> keras.Sequential:
    network = keras.Sequential(
        [
            keras.Input({shape}),
{layers}
        ]
    )
    network.compile(
        optimizer="adam",
        loss={loss},
        metrics=["accuracy"],
    )
    return network


if __name__ == "__main__":
    build().summary()
"""


class UnwritableError(ValueError):
    """A layer has an option that has no short form as code."""


def program(network: Sequence[keras.Layer], shape: Shape, loss: str) -> str:
    """Return a runnable program of the layers, for inputs of `shape`, with the code of its loss.

    Raises UnwritableError, which names the layer, if one is not of Keras or has an option without a short form.
    """
    lines = "\n".join(f"            {rendered(layer)}," for layer in network)
    return _PROGRAM.format(shape=_value(tuple(shape)), layers=lines, loss=loss)


def rendered(layer: keras.Layer) -> str:
    """Return the code that makes a layer, with the options that differ from their defaults."""
    cls = type(layer)
    if getattr(keras.layers, cls.__name__, None) is not cls:
        raise UnwritableError(f"{layer.name}: Expected a layer of Keras. Received: {cls.__name__}")
    options = {key: value for key, value in layer.get_config().items() if key not in _LEFT_OUT}
    parameters = inspect.signature(cls.__init__).parameters.values()
    required = [p.name for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD][1:]
    plain = cls(*(_made(options[key]) for key in required)).get_config()
    written = {key: _value(_short(key, options[key])) for key in required}
    changed = (key for key in options if key not in required and _differs(key, options[key], plain))
    named = [f"{key}={_value(_short(key, options[key]))}" for key in changed]
    return f"layers.{cls.__name__}({', '.join([*written.values(), *named])})"


def _made(value: Any) -> Any:
    return keras.saving.deserialize_keras_object(value) if isinstance(value, dict) else value


def _differs(key: str, value: Any, plain: Mapping[str, Any]) -> bool:
    # Bidirectional writes a backward layer down, also one that it made itself.
    return key != "backward_layer" and value != plain.get(key)


def _short(key: str, value: Any) -> Any:
    """Return the one size of a window with the same size along each axis."""
    windows = ("dilation_rate", "kernel_size", "pool_size", "strides")
    return value[0] if key in windows and isinstance(value, (list, tuple)) and len(set(value)) == 1 else value


def _value(value: Any) -> str:
    if isinstance(value, dict) and str(value.get("module", "")).partition(".")[0] == "keras":
        if value["module"].startswith("keras.layers"):
            return rendered(keras.saving.deserialize_keras_object(value))
        options = ", ".join(f"{key}={_value(each)}" for key, each in value["config"].items() if each is not None)
        return f"{value['module']}.{value['class_name']}({options})"
    if isinstance(value, (list, tuple)):
        return f"({', '.join(map(_value, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, str):
        return json.dumps(value)
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value)
    raise UnwritableError(f"Expected an option with a short form. Received: {value!r}")
