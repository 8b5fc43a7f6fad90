"""What is wrong between a network's head and its loss, and with the scale of its inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers

from pipeline.doctor.finding import Edit, Finding
from pipeline.doctor.kinds import recurrent
from pipeline.doctor.mends import in_place_of, with_options
from pipeline.doctor.program import rendered
from pipeline.doctor.recording import Call, upstream

_CLASS_LOSSES = ("categorical_crossentropy", "sparse_categorical_crossentropy", "categorical_focal_crossentropy")
_LOSSES = (*_CLASS_LOSSES, "binary_crossentropy", "binary_focal_crossentropy")
_PROBABILITIES = ("softmax", "sigmoid")
# Beyond these, a first layer of weights has inputs that were scaled twice, or never.
_SCALED_TWICE, _NEVER_SCALED = 2 / 255, 32.0


def of_head(network: keras.Model, calls: Sequence[Call]) -> Iterator[Finding]:
    """Yield what is wrong with the last layer, by itself and with the loss that the network is compiled with."""
    if not calls or not isinstance(calls[-1].layer, (layers.Dense, layers.Softmax, layers.Activation)):
        return
    head, activation = calls[-1], _activation(calls[-1].layer)
    if activation == "softmax" and head.output_shape[-1] == 1:
        yield Finding(
            "softmax of one",
            head.name,
            "softmax over one unit",
            "it is 1 whatever the input",
            'activation="sigmoid" with the loss "binary_crossentropy", or as many units as classes',
        )
    loss, from_logits = _loss(getattr(network, "loss", None))
    if loss not in _LOSSES:
        yield from _every_step(head, calls, plain_loss=False)
        return
    yield from _probabilities(head, activation, loss, from_logits=from_logits)
    yield from _every_step(head, calls, plain_loss=loss in _CLASS_LOSSES)


def loss_code(network: keras.Model | None, head: Any) -> str:
    """Return the code of a network's loss, or of the loss that fits its head if it was not compiled."""
    loss, from_logits = _loss(getattr(network, "loss", None))
    if loss not in _LOSSES:
        loss, from_logits = "sparse_categorical_crossentropy", _activation(head) not in _PROBABILITIES
    if not from_logits:
        return f'"{loss}"'
    return f"keras.losses.{''.join(part.capitalize() for part in loss.split('_'))}(from_logits=True)"


def of_scale(calls: Sequence[Call], *, data_is_real: bool) -> Iterator[Finding]:
    """Yield what is wrong with the scale of what the first layer with weights takes, in calls over real data."""
    scales = [call for call in calls if isinstance(call.layer, layers.Rescaling)]
    first = next((call for call in calls if _has_kernel(call.layer)), None)
    twice = len(scales) > 1 and np.prod([np.max(call.layer.scale) for call in scales]) < _SCALED_TWICE / 255
    largest = float(np.abs(np.asarray(first.inputs[0])).max()) if first is not None and data_is_real else 1.0
    if twice or (scales and 0 < largest <= _SCALED_TWICE):
        yield Finding(
            "scaling",
            scales[-1].name,
            "scales a second time" if twice else f"scales what is scaled already: the largest value is {largest:.2g}",
            "pixels of 0..1 divided by 255 again are almost black",
            "take it out, or give the network pixels of 0..255",
            (Edit(scales[-1].name, remove=True),),
        )
    elif first is not None and largest > _NEVER_SCALED and not _normalised(first, calls):
        yield Finding(
            "scaling",
            first.name,
            f"takes values up to {largest:,.0f}",
            "weights start for values around 1; gates saturate, and training hardly moves",
            "layers.Rescaling(1 / 255) as the first layer, or divide the data by 255",
            (Edit(first.name, before=(layers.Rescaling(1 / 255),)),),
        )


def _probabilities(head: Call, activation: str, loss: str, *, from_logits: bool) -> Iterator[Finding]:
    if activation in _PROBABILITIES and from_logits:
        yield Finding(
            "softmax twice",
            head.name,
            f"ends in {activation}, and the loss applies it again (from_logits=True)",
            "probabilities taken for logits lie in 0..1: the loss cannot become small, and training stays slow",
            "activation=None in the last layer, or from_logits=False in the loss",
            in_place_of(head.name, _without_activation(head.layer)) if isinstance(head.layer, layers.Dense) else (),
        )
    elif activation not in _PROBABILITIES and not from_logits:
        right = "sigmoid" if loss.startswith("binary") else "softmax"
        mended = with_options(head.layer, activation=right) if isinstance(head.layer, layers.Dense) else None
        yield Finding(
            "softmax missing",
            head.name,
            f"ends in {activation}, and the loss {loss} expects probabilities (from_logits=False)",
            "the loss takes the logarithm of what is no probability: it is wrong or not a number",
            "from_logits=True in the loss" + (f", or {rendered(mended)}" if mended is not None else ""),
            in_place_of(head.name, mended) if mended is not None else (),
        )


def _every_step(head: Call, calls: Sequence[Call], *, plain_loss: bool) -> Iterator[Finding]:
    reader = next((each for each in upstream(head, calls) if recurrent(each.layer) is not None), None)
    if reader is None or len(head.output_shape) != 2 or not isinstance(head.layer, layers.Dense):
        return
    if not recurrent(reader.layer).return_sequences or head.output_shape[0] != reader.output_shape[0]:
        return
    mended = with_options(reader.layer, return_sequences=False)
    steps, classes = head.output_shape
    yield Finding(
        "return_sequences left on" if plain_loss else "every step",
        reader.name,
        f"gives all {steps} steps to {head.name}: the network answers <float32>[{steps}, {classes}]",
        "one answer for the whole picture comes from the last step alone",
        f"{rendered(mended)}; if an answer at every step is meant, layers.TimeDistributed({rendered(head.layer)})",
        in_place_of(reader.name, mended) if plain_loss else (),
    )


def _loss(loss: Any) -> tuple[str, bool]:
    """Return a loss's name in lower case with underscores, "" if it is not a single one of Keras, and `from_logits`."""
    if isinstance(loss, (list, tuple)) and len(loss) == 1:
        return _loss(loss[0])
    if isinstance(loss, keras.losses.Loss):
        return _snake(type(loss).__name__), bool(loss.get_config().get("from_logits", False))
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", "")
    return (_snake(name) if name in vars(keras.losses) or isinstance(loss, str) else ""), False


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def _activation(layer: Any) -> str:
    if isinstance(layer, layers.Softmax):
        return "softmax"
    return str(getattr(getattr(layer, "activation", None), "__name__", "a function"))


def _without_activation(layer: Any) -> Any:
    return with_options(layer, activation=None)


def _has_kernel(layer: Any) -> bool:
    return recurrent(layer) is not None or isinstance(
        layer, (layers.Conv1D, layers.Conv2D, layers.Dense, layers.TimeDistributed)
    )


def _normalised(first: Call, calls: Sequence[Call]) -> bool:
    normalising = (layers.BatchNormalization, layers.LayerNormalization, layers.Normalization, layers.Embedding)
    return any(isinstance(each.layer, normalising) for each in upstream(first, calls))
