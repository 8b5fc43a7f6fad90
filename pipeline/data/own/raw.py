"""What a source holds, before a network's input and task give it a meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.data.own.own_data import Part, Strings

# What folders and columns call the parts.
PART_NAMES: dict[str, Part] = {
    "train": "training",
    "training": "training",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True)
class Raw:
    """Inputs `<number>[n, ...]` and labels `<number or str>[n, ...]` as the source has them.

    `names` are those of the label indices, if the source has them; for the rest see `OwnData`. `by_output` has labels
    of outputs by their names, and `names_by_output` the names of theirs; `labels` are None if there are only these.
    """

    source: str
    inputs: npt.NDArray[Any]
    labels: npt.NDArray[Any] | None
    items: tuple[str, ...]
    names: tuple[str, ...] = ()
    groups: Strings | None = None
    parts: Strings | None = None
    notes: tuple[str, ...] = ()
    by_output: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    names_by_output: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def part_names(texts: npt.NDArray[Any], source: str) -> Strings:
    """Return the parts that texts such as "train" or "val" name, `<str>[n]`; raise ValueError for any other text."""
    given = [str(text).lower() for text in texts.tolist()]
    if others := sorted(set(given) - PART_NAMES.keys()):
        raise ValueError(f"{source}: Expected parts of {', '.join(PART_NAMES)}. Received: {others}")
    return np.array([PART_NAMES[text] for text in given])


def numbered(name: str, count: int) -> tuple[str, ...]:
    """Return names for the inputs of an array: `x[0]`, `x[1]` and so on."""
    return tuple(f"{name}[{index}]" for index in range(count))
