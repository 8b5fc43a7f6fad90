"""Data that a function of the user's own code returns. Reading them runs that code."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.data.own.own_data import Shape
from pipeline.data.own.raw import Raw, numbered

_Array = npt.NDArray[Any]
_NAME = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def is_function(source: str) -> bool:
    """Say whether a text has the form `package.module:function`."""
    return _NAME.fullmatch(source) is not None


def read_function(source: str, shape: Shape, *, trust: bool) -> Raw:
    """Return what `package.module:function` returns: two arrays, x and y, or pairs of them, one input or a batch each.

    Two tuples of two arrays are training and test inputs, as of `keras.datasets.mnist:load_data`.

    Raises ValueError without `trust`, if the function cannot be found or fails, or if it returns anything else.
    """
    if not trust:
        raise ValueError(f"{source}: Expected trust in this code, because it is run: --trust")
    module, _, name = source.partition(":")
    try:
        given = getattr(importlib.import_module(module), name)()
        batches = [given] if _is_batch(given, shape) else list(given)
        are_parts = isinstance(given, tuple) and [_is_batch(each, shape) for each in given] == [True, True]
    except Exception as error:  # the user's code may raise anything
        raise ValueError(f"{source}: Expected a function that returns data. {type(error).__name__}: {error}") from error
    inputs, labels = _joined(batches, shape, source)
    parts = np.repeat(np.array(["training", "test"]), [len(x) for x, _ in batches]) if are_parts else None
    return Raw(source=source, inputs=inputs, labels=labels, items=numbered("x", len(inputs)), parts=parts)


def _is_batch(given: object, shape: Shape) -> bool:
    if not isinstance(given, tuple) or len(given) != 2:
        return False
    return not isinstance(given[0], tuple) and not _is_one(np.asarray(given[0]), shape)


def _is_one(inputs: _Array, shape: Shape) -> bool:
    """Say whether an array has the network's shape, perhaps without its last axis of one."""
    shapes = [shape, shape[:-1]] if shape[-1] == 1 else [shape]
    return any(
        len(each) == inputs.ndim and all(size in (None, axis) for size, axis in zip(each, inputs.shape, strict=True))
        for each in shapes
    )


def _joined(batches: Iterable[object], shape: Shape, source: str) -> tuple[_Array, _Array]:
    inputs, labels = [], []
    for batch in batches:
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            raise ValueError(f"{source}: Expected pairs (x, y). Received: {type(batch).__name__}")
        x, y = (np.asarray(each) for each in batch)
        one = _is_one(x, shape)
        inputs.append(x[np.newaxis] if one else x)
        labels.append(y[np.newaxis] if one else y)
    try:
        return np.concatenate(inputs), np.concatenate(labels)
    except ValueError as error:
        raise ValueError(f"{source}: Expected pairs (x, y) of one shape. {error}") from error
