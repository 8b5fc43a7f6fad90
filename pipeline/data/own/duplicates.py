"""Finds the same input twice: with another label, or on both sides of a split."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from device.arrays import Bools, Indices
from pipeline.data.own.own_data import PARTS, Inputs, OwnData, Strings, some


@dataclass(frozen=True)
class Kept:
    """Which inputs to keep, `<bool>[n]`, so that none is in two parts; and what is to be said of duplicates."""

    which: Bools
    notes: tuple[str, ...]


def same_inputs(inputs: Inputs) -> Indices:
    """Return for each input the index of the first one with the same bytes, by their SHA-256, `<intp>[n]`."""
    first: dict[bytes, int] = {}
    digests = (hashlib.sha256(each.tobytes()).digest() for each in inputs)
    return np.array([first.setdefault(digest, index) for index, digest in enumerate(digests)], np.intp)


def require_one_label(data: OwnData, first: Indices) -> None:
    """Raise ValueError that names both if an input has two labels; measured values may differ.

    `first` is what `same_inputs` returned.
    """
    if data.task == "regression":
        return
    different = (data.targets != data.targets[first]).reshape(len(data), -1).any(axis=1)
    received = [
        f"{data.items[first[index]]} is {data.label(first[index])}, {data.items[index]} is {data.label(index)}"
        for index in np.flatnonzero(different)
    ]
    if received:
        raise ValueError(f"{data.source}: Expected one label for the same input. Received: {some(received)}")


def kept(data: OwnData, parts: Strings, first: Indices, *, drop: bool) -> Kept:
    """Return all inputs but those that are also in a later part: after training validation, after that test.

    `first` is what `same_inputs` returned. Raises ValueError that names them if there are any and `drop` is false.
    """
    order = np.array([PARTS.index(part) for part in parts.tolist()], np.intp)
    last = np.zeros(len(data), np.intp)
    np.maximum.at(last, first, order)
    earlier = order < last[first]
    named = some([f"{data.items[index]} ({parts[index]})" for index in np.flatnonzero(earlier)])
    count = int(earlier.sum())
    if count and not drop:
        expected = f"{data.source}: Expected each input in one part; --drop-duplicates keeps the latest part's alone"
        raise ValueError(f"{expected}. Received {count:,} that are also in a later part: {named}")
    again = len(data) - len(np.unique(first)) - count
    notes = [f"inputs left out that are also in a later part: {count:,}: {named}"] if count else []
    notes += [f"inputs that occur again in the same part: {again:,}"] if again else []
    return Kept(~earlier, tuple(notes))
