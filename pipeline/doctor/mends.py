"""The mends that several findings share: a map cut into steps, an option of a recurrent layer, a layer taken out."""

from __future__ import annotations

from typing import Any

from keras import layers

from pipeline.doctor.finding import Edit
from pipeline.doctor.program import rendered
from pipeline.doctor.recording import Shape


def rows_as_steps(shape: Shape) -> layers.Reshape:
    """Return the layer that makes each row of a map `[rows, columns, channels]` a time step."""
    rows, columns, channels = shape
    return layers.Reshape((rows, columns * channels))


def line(*mended: Any) -> str:
    """Return the code of layers, as in a Sequential's list."""
    return ", ".join(map(rendered, mended))


def in_place_of(name: str, *new: Any) -> tuple[Edit, ...]:
    """Return the edit that puts layers in place of one."""
    return (Edit(name, before=new, remove=True),)


def with_options(layer: Any, **options: Any) -> Any:
    """Return a copy of a recurrent layer, or of Bidirectional around one, with other options, without weights."""
    if isinstance(layer, layers.Bidirectional):
        inner = with_options(layer.forward_layer, **options)
        return layers.Bidirectional(inner, merge_mode=layer.merge_mode)
    return type(layer).from_config({**layer.get_config(), **options})
