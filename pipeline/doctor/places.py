"""Where in the picture, or in the sequence, each value of a tensor comes from.

Each value carries the range of rows, of columns and of channels that it was computed from. Layers that only move
values are given numbered tensors, so that what they do is seen, not assumed; a convolution lays a new grid.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

from pipeline.doctor.kinds import CONV_LSTM, ELEMENTWISE, OVER_AXES, recurrent
from pipeline.doctor.recording import Call, Shape

Ranges = npt.NDArray[np.float32]

# Whole numbers that float32 holds.
_NUMBERS_MAX = 1 << 24


@dataclass(frozen=True)
class Places:
    """Half-open ranges `<float32>[axes + 1, *shape]` along each axis of positions, and of channels as the last.

    Padding comes from nowhere: its range is from infinity to minus infinity.
    """

    low: Ranges
    high: Ranges

    def __post_init__(self) -> None:
        if self.low.shape != self.high.shape or self.low.ndim < 2:
            raise ValueError(f"Expected ranges of one shape. Received: {self.low.shape} and {self.high.shape}")

    @property
    def shape(self) -> Shape:
        return self.low.shape[1:]

    @property
    def axes(self) -> int:
        """The number of axes of positions."""
        return len(self.low) - 1


@dataclass(frozen=True)
class _Steps:
    """The ranges of steps, `<float32>[axes + 1, steps]`, and how far a single value reaches, `[axes + 1]`."""

    low: Ranges
    high: Ranges
    unit: Ranges

    def follow(self, axes: tuple[int, ...]) -> bool:
        """Return whether each step comes after that before: line by line, or place by place along each line."""
        return all(self._comes_after(step, axes) for step in range(1, self.low.shape[1]))

    def _comes_after(self, step: int, axes: tuple[int, ...]) -> bool:
        for place, axis in enumerate(axes):
            # Pieces of lines are neither lines nor a scan over single places.
            single = bool(self.high[axis, step] - self.low[axis, step] <= self.unit[axis])
            if self.high[axis, step - 1] <= self.low[axis, step]:
                return place == 0 or single
            before, now = ((self.low[axis, each], self.high[axis, each]) for each in (step - 1, step))
            if before != now or not single:
                return False
        return False


def fresh(shape: Shape, *, is_input: bool) -> Places:
    """Return the places of a new grid: each axis but the last one has positions; of an input without channels, all."""
    indices = np.indices(shape, dtype=np.float32)
    if is_input and len(shape) <= 2:
        indices = np.concatenate([indices, np.zeros_like(indices[:1])])
    return Places(indices, indices + 1)


def after(call: Call, given: Sequence[Places | None]) -> Places | None:
    """Return the places of a call's first output from those of its inputs; None if each value is of everywhere."""
    shape, places = call.output_shape, given[0] if given else None
    if isinstance(call.layer, CONV_LSTM) and len(shape) > 2:
        return fresh(shape, is_input=False)
    if places is None or None in given:
        return fresh(shape, is_input=False) if len(shape) > 2 else None
    if isinstance(call.layer, ELEMENTWISE):
        return places
    if recurrent(call.layer) is not None or isinstance(call.layer, (layers.Dense, layers.EinsumDense)):
        return _kept(places, shape, len(shape) - 1)
    if isinstance(call.layer, OVER_AXES) and call.layer.data_format == "channels_last":
        return _resampled(places, shape)
    return _moved(call, given) or _by_shape(call, places, shape)


def order(places: Places) -> tuple[str, int]:
    """Return how the steps of a sequence `[steps, features]` follow each other, and along which axis of positions.

    "ordered": each step holds one range of positions, after that of the step before. "channels": each step holds one
    range of channels. "mixed": neither.
    """
    low, high = places.low.min(axis=2), places.high.max(axis=2)
    real = np.isfinite(low[0])
    steps = _Steps(low[:, real], high[:, real], (places.high - places.low).max(axis=(1, 2)))
    for axes in itertools.permutations(range(places.axes)):
        if steps.follow(axes):
            return "ordered", axes[0]
    return ("channels" if steps.follow((places.axes,)) else "mixed"), -1


def time_axis(places: Places, axis: int) -> int:
    """Return the axis of a tensor that runs along the given axis of positions; -1 if none or several do."""
    low = np.where(np.isfinite(places.low[axis]), places.low[axis], np.nan)
    with np.errstate(invalid="ignore"):
        moves = [k for k in range(low.ndim) if low.shape[k] > 1 and np.nanmax(np.abs(np.diff(low, axis=k)), initial=0)]
    return moves[0] if len(moves) == 1 else -1


def _kept(places: Places, shape: Shape, axes: int) -> Places | None:
    """Return places that are those of all values below the first `axes` axes, with new channels."""
    if axes < 1 or len(places.shape) <= axes or shape[:axes] != places.shape[:axes]:
        return None
    below = tuple(range(axes + 1, places.low.ndim))
    return _over(places.low.min(axis=below), places.high.max(axis=below), shape)


def _over(low: Ranges, high: Ranges, shape: Shape) -> Places:
    spread = (*low.shape, *(1,) * (len(shape) + 1 - low.ndim))
    low, high = (np.array(np.broadcast_to(x.reshape(spread), (len(x), *shape))) for x in (low, high))
    low[-1] = np.arange(shape[-1])
    high[-1] = low[-1] + 1
    return Places(low, high)


def _resampled(places: Places, shape: Shape) -> Places | None:
    if len(places.shape) != len(shape) or any(new > old for new, old in zip(shape[:-1], places.shape, strict=False)):
        return None
    low, high = places.low.min(axis=-1), places.high.max(axis=-1)
    for axis, size in enumerate(shape[:-1], start=1):
        cuts = np.linspace(0, low.shape[axis], size + 1)
        # Whole blocks, each value in one of them, although windows overlap: a new grid, in the same order.
        starts = np.floor(cuts[:-1]).astype(int)
        low, high = np.minimum.reduceat(low, starts, axis), np.maximum.reduceat(high, starts, axis)
    return _over(low, high, shape)


def _moved(call: Call, given: Sequence[Places | None]) -> Places | None:
    """Return the places behind a call that only moves values, from what it does to numbers; None if it computes."""
    known = [each for each in given if each is not None]
    sizes = [int(np.prod(each.shape)) for each in known]
    if getattr(call.layer, "weights", ()) or sum(sizes) >= _NUMBERS_MAX or len({each.axes for each in known}) > 1:
        return None
    numbers = np.arange(1, sum(sizes) + 1, dtype=np.float32)
    parts = np.split(numbers, np.cumsum(sizes)[:-1])
    swapped = {
        id(tensor): keras.ops.convert_to_tensor(np.broadcast_to(part.reshape(tensor.shape[1:]), tensor.shape))
        for tensor, part in zip(call.inputs, parts, strict=True)
    }
    arguments, options = keras.tree.map_structure(lambda x: swapped.get(id(x), x), (call.arguments, call.options))
    output = np.asarray(keras.tree.flatten(call.layer(*arguments, **options))[0])[0]
    if not np.all((output == np.round(output)) & (output >= 0) & (output <= len(numbers))):
        return None
    chosen = output.astype(int)
    low, high = (
        np.concatenate([np.full((known[0].axes + 1, 1), end), *flat], axis=1).astype(np.float32)
        for end, flat in (
            (np.inf, [each.low.reshape(each.axes + 1, -1) for each in known]),
            (-np.inf, [each.high.reshape(each.axes + 1, -1) for each in known]),
        )
    )
    return Places(low[:, chosen], high[:, chosen]) if chosen.ndim else None


def _by_shape(call: Call, places: Places, shape: Shape) -> Places | None:
    if shape == places.shape:
        return places
    if isinstance(call.layer, layers.TimeDistributed) and len(shape) > 1:
        return _kept(places, shape, 1)
    if shape[:-1] == places.shape:  # as Embedding
        return _over(places.low, places.high, shape)
    if shape[:-1] == places.shape[:-1]:
        return _kept(places, shape, len(shape) - 1)
    return fresh(shape, is_input=False) if len(shape) > 2 else None


def followed(calls: Sequence[Call], inputs: Sequence[Any]) -> dict[int, Places | None]:
    """Return the places of the tensors of a network, by `id`, from its inputs to its outputs."""
    known: dict[int, Places | None] = {id(each): _of_input(each) for each in inputs}
    for call in calls:
        for tensor in call.inputs:
            if id(tensor) not in known:  # converted by Keras on its way, or computed outside layers
                known[id(tensor)] = _of_input(tensor)
        places = after(call, [known[id(tensor)] for tensor in call.inputs])
        known.update({id(output): places if index == 0 else None for index, output in enumerate(call.outputs)})
    return known


def _of_input(tensor: Any) -> Places | None:
    return fresh(tuple(tensor.shape[1:]), is_input=True) if len(tensor.shape) > 1 else None
