"""Anybody's labelled inputs: images or sequences, and what a network is to answer for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from device.arrays import Bools, Float32, Indices, UInt8

Int64 = npt.NDArray[np.int64]
Strings = npt.NDArray[np.str_]
Inputs = UInt8 | Float32
Targets = Int64 | Float32
Shape = tuple[int | None, ...]
Task = Literal["classes", "steps", "multilabel", "regression"]
Part = Literal["training", "validation", "test"]

TASKS: tuple[Task, ...] = get_args(Task)
PARTS: tuple[Part, ...] = get_args(Part)
# The element type and the axes of the targets of each task.
_TARGETS: dict[Task, tuple[type[np.generic], int]] = {
    "classes": (np.int64, 1),
    "steps": (np.int64, 2),
    "multilabel": (np.float32, 2),
    "regression": (np.float32, 2),
}


@dataclass(frozen=True)
class Labels:
    """What one output is to answer for each of n inputs; `targets` and `names` are as in `OwnData`, by the `task`."""

    targets: Targets
    task: Task
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        dtype, axes = _TARGETS[self.task]
        if self.targets.dtype != dtype or self.targets.ndim != axes:
            received = f"shape={self.targets.shape}, dtype={self.targets.dtype}"
            expected = f"Expected targets <{dtype.__name__}> of {axes} axes for {self.task}"
            raise ValueError(f"{expected}. Received: {received}")

    def __getitem__(self, which: slice | Indices) -> Labels:
        return replace(self, targets=self.targets[which])


@dataclass(frozen=True)
class OwnData:
    """Inputs, their targets, and where they are from.

    `inputs` are `<uint8>[n, height, width, channels]` grey levels, with an axis of frames before these of a video,
    `<uint8>[n, height, width]` if the network takes an image line by line, or `<float32>` of the network's shape.
    `targets` are, by `task`:

    - "classes": `<int64>[n]`, indices into `names`;
    - "steps": `<int64>[n, steps]`, the same for each time step;
    - "multilabel": `<float32>[n, names]`, 0 or 1 for each name;
    - "regression": `<float32>[n, values]`; `names` may be empty.

    `items` names each input in messages. Inputs of one of `groups` `<str>[n]` belong together, such as those of one
    person. `parts` `<str>[n]` says what each is for, if the source does. `notes` say what was changed or left out.
    `targets` are those of the network's first output, or of `output`, and `others` the labels of further ones by name.
    """

    inputs: Inputs
    targets: Targets
    task: Task
    names: tuple[str, ...]
    items: tuple[str, ...]
    source: str
    groups: Strings | None = None
    parts: Strings | None = None
    notes: tuple[str, ...] = ()
    output: str = ""
    others: Mapping[str, Labels] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _require_kinds(self)
        _require_lengths(self)
        _require_values(self)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, which: Indices) -> OwnData:
        return replace(
            self,
            inputs=self.inputs[which],
            targets=self.targets[which],
            items=tuple(self.items[index] for index in which),
            groups=None if self.groups is None else self.groups[which],
            parts=None if self.parts is None else self.parts[which],
            others={name: labels[which] for name, labels in self.others.items()},
        )

    def for_outputs(self, outputs: tuple[str, ...]) -> OwnData:
        """Return the data with targets of the first of a network's outputs; raise ValueError for labels of others."""
        given = {self.output or outputs[0]: Labels(self.targets, self.task, self.names), **self.others}
        if outputs[0] not in given or given.keys() - outputs:
            expected = f"{self.source}: Expected labels of the outputs {', '.join(outputs)}, at least of the first"
            raise ValueError(f"{expected}. Received: {', '.join(given)}")
        first = given.pop(outputs[0])
        return replace(self, targets=first.targets, task=first.task, names=first.names, output=outputs[0], others=given)

    def label(self, index: int) -> str:
        """Return the target of an input as a text."""
        target = self.targets[index]
        if self.task == "classes":
            return self.names[int(target)]
        if self.task == "steps":
            return " ".join(self.names[each] for each in target)
        if self.task == "multilabel":
            return " ".join(name for name, given in zip(self.names, target, strict=True) if given) or "no label"
        return " ".join(f"{value:g}" for value in target)


def not_finite(values: npt.NDArray[Any]) -> Bools:
    """Return which of `<number>[n, ...]` have a NaN or an infinity in them, `<bool>[n]`."""
    return np.asarray(~np.isfinite(values).all(axis=tuple(range(1, values.ndim))))


def some(names: list[str], shown: int = 5) -> str:
    """Return the first of many names, and how many others there are."""
    others = f" and {len(names) - shown:,} others" if len(names) > shown else ""
    return ", ".join(names[:shown]) + others


def _require_kinds(data: OwnData) -> None:
    if data.task not in TASKS:
        raise ValueError(f"Expected a task of {', '.join(TASKS)}. Received: {data.task}")
    if data.inputs.dtype not in (np.uint8, np.float32) or data.inputs.ndim < 3:
        received = f"shape={data.inputs.shape}, dtype={data.inputs.dtype}"
        raise ValueError(f"Expected inputs <uint8> or <float32> with three axes or more. Received: {received}")
    Labels(data.targets, data.task, data.names)


def _require_lengths(data: OwnData) -> None:
    lengths = {"inputs": len(data.inputs), "targets": len(data.targets), "items": len(data.items)}
    lengths |= {f"labels of {name}": len(labels.targets) for name, labels in data.others.items()}
    lengths |= {"groups": len(data.groups)} if data.groups is not None else {}
    lengths |= {"parts": len(data.parts)} if data.parts is not None else {}
    if len(set(lengths.values())) > 1:
        received = ", ".join(f"{name} {length:,}" for name, length in lengths.items())
        raise ValueError(f"{data.source}: Expected the same number of each. Received: {received}")


def _require_values(data: OwnData) -> None:
    further = [(f"labels of {name}", labels.targets) for name, labels in data.others.items()]
    for name, values in (("inputs", data.inputs), ("targets", data.targets), *further):
        bad = np.flatnonzero(not_finite(values))
        if bad.size:
            received = some([data.items[index] for index in bad])
            raise ValueError(f"{data.source}: Expected finite {name}. Received: NaN or infinity in {received}")
    if data.parts is not None and (others := sorted(set(data.parts.tolist()) - set(PARTS))):
        raise ValueError(f"{data.source}: Expected parts of {', '.join(PARTS)}. Received: {others}")
    if len(set(data.names)) != len(data.names):
        raise ValueError(f"{data.source}: Expected names, all of them different. Received: {data.names}")
    if data.task == "multilabel" and data.targets.shape[1] != len(data.names):
        expected = f"{data.source}: Expected a name for each of {data.targets.shape[1]} labels"
        raise ValueError(f"{expected}. Received: {len(data.names)}")
    is_index = data.task in ("classes", "steps")
    if is_index and data.targets.size and not 0 <= data.targets.min() <= data.targets.max() < len(data.names):
        expected = f"{data.source}: Expected labels from 0 to {len(data.names) - 1}, one for each name"
        raise ValueError(f"{expected}. Received: {data.targets.min()} to {data.targets.max()}")
