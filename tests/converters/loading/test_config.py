"""Tests of what is refused or taken out of a network's configuration."""

from __future__ import annotations

from typing import Any

import pytest

from converters.loading.config import mended, refuse_code
from converters.loading.source import LoadError


def lstm(**options: Any) -> dict[str, Any]:
    return {"class_name": "LSTM", "config": {"name": "reader", "trainable": True, "units": 3, **options}}


def sequential(*layers: dict[str, Any]) -> dict[str, Any]:
    return {"class_name": "Sequential", "config": {"name": "net", "layers": list(layers)}}


def test_dropped_options_of_no_effect_are_taken_out() -> None:
    """`time_major=False` and any `implementation` vanish, also inside a wrapper."""
    wrapper = {"class_name": "Bidirectional", "config": {"name": "both", "layer": lstm(time_major=False)}}
    config = sequential(lstm(implementation=2), wrapper)
    first, second = mended(config)["config"]["layers"]
    assert first == lstm()
    assert second["config"]["layer"] == lstm()


def test_a_dropped_option_with_an_effect_is_refused_with_the_layers_name() -> None:
    """`time_major=True` has no equal in Keras 3."""
    with pytest.raises(LoadError, match=r"reader: Expected time_major=False: Keras 3 has no other. Received: True"):
        mended(sequential(lstm(time_major=True)))


@pytest.mark.parametrize(
    ("entry", "received"),
    [
        ({"class_name": "Lambda", "config": {"name": "trick", "trainable": True}}, "a Lambda, which runs code"),
        ({"class_name": "Trick", "module": "os", "config": {"name": "trick"}}, "os.Trick, which is code elsewhere"),
        ({"class_name": "Trick", "config": {"name": "trick", "trainable": True}}, "Trick, which is code elsewhere"),
    ],
)
def test_code_is_refused_with_the_layers_name(entry: dict[str, Any], received: str) -> None:
    """A Lambda layer, a class of another module and an unknown layer are refused."""
    with pytest.raises(LoadError, match=f"trick: Expected layers of Keras. Received: {received}"):
        refuse_code(sequential(lstm(), entry))


def test_layers_of_keras_are_not_refused() -> None:
    refuse_code(sequential(lstm(kernel_initializer={"class_name": "GlorotUniform", "config": {"seed": None}})))
