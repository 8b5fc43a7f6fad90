"""How the networks of the zoo are built, and what is expected of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

Build = Callable[[], keras.Model]


@dataclass(frozen=True)
class Example:
    """A network as users write it; `refused` is a part of the reason, empty if it converts."""

    build: Build
    refused: str = ""


def sequential(shape: tuple[int | None, ...], *parts: keras.Layer) -> keras.Model:
    """Returns a network of layers, one after another."""
    return keras.Sequential([keras.Input(shape), *parts])


def functional(shape: tuple[int | None, ...], body: Callable[[Any], Any]) -> keras.Model:
    """Returns a network of the Functional API, of a function of its input."""
    inputs = keras.Input(shape)
    return keras.Model(inputs, body(inputs))
