"""Labels as targets: what they mean is the task, which is given, or seen from them if they leave no doubt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.data.own.own_data import Int64, Targets, Task, some

_Labels = npt.NDArray[Any]
_MAX_CLASSES = 2**16


@dataclass(frozen=True)
class Meaning:
    """Targets as in `OwnData`, with their task and names, and what was converted."""

    targets: Targets
    task: Task
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()


def meaning(labels: _Labels, names: tuple[str, ...], task: Task | None, steps: int) -> Meaning:
    """Return what labels `<number or str>[n, ...]` mean for inputs of so many `steps`.

    Texts are classes, without `names` in the order of the alphabet, as in Keras's `image_dataset_from_directory`.
    Integers are indices of classes, or of one class for each step; zeros and ones with several in a row are one-hot
    classes or labels that do not exclude each other; other numbers are values to predict. Raises ValueError if they do
    not fit the task, or if it has to be named.
    """
    are_texts = labels.dtype.kind == "U"
    if are_texts:
        labels, names = _indices(labels, names)
    if labels.dtype.kind not in "biuf":
        raise ValueError(f"Expected labels that are numbers or texts. Received: dtype={labels.dtype}")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    task = task or ("steps" if are_texts and labels.ndim == 2 else _seen_task(labels, steps))
    if task == "regression":
        return Meaning(_values(labels), task, names)
    if task == "multilabel":
        return Meaning(_flags(labels), task, names or _numbers(labels.shape[1]))
    one_hot = labels.ndim == (2 if task == "classes" else 3)
    targets = _classes(labels, axes=1 if task == "classes" else 2)
    count = labels.shape[-1] if one_hot else int(targets.max()) + 1
    notes = (f"one-hot labels of {count} classes read as their indices",) if one_hot else ()
    return Meaning(targets, task, names or _numbers(count), notes)


def _seen_task(labels: _Labels, steps: int) -> Task:
    is_real = labels.dtype.kind == "f"
    if labels.ndim == 1:
        return "regression" if is_real else "classes"
    if labels.ndim == 3:
        return "steps"
    if labels.ndim != 2:
        raise ValueError(f"Expected labels of one to three axes. Received: shape={labels.shape}")
    if not _is_zero_one(labels):
        return "regression" if is_real else "steps"
    if not is_real and labels.shape[1] == steps:
        expected = "Expected the task, --task steps or multilabel: 0 and 1 may be classes of steps or labels"
        raise ValueError(f"{expected}. Received: labels of shape {labels.shape} for {steps} steps")
    return "classes" if (labels.sum(axis=1) == 1).all() else "multilabel"


def _indices(labels: _Labels, names: tuple[str, ...]) -> tuple[Int64, tuple[str, ...]]:
    found = np.unique(labels).tolist()
    names = names or tuple(found)
    if others := [name for name in found if name not in names]:
        raise ValueError(f"Expected classes of {some(list(names))}. Received: {some(others)}")
    index = {name: position for position, name in enumerate(names)}
    return np.array([index[name] for name in labels.ravel().tolist()], np.int64).reshape(labels.shape), names


def _classes(labels: _Labels, axes: int) -> Int64:
    if labels.ndim == axes + 1:
        if not _is_zero_one(labels) or not (labels.sum(axis=-1) == 1).all():
            raise ValueError(f"Expected one-hot labels: a single 1 among zeros. Received: shape={labels.shape}")
        return np.asarray(labels.argmax(axis=-1), np.int64)
    if labels.ndim != axes or not labels.size:
        raise ValueError(f"Expected class indices of {axes} axes. Received: shape={labels.shape}")
    if not (labels == np.floor(labels)).all() or labels.min() < 0 or labels.max() >= _MAX_CLASSES:
        received = f"{labels.min():g} to {labels.max():g}"
        expected = f"Expected class indices: whole numbers from 0 to below {_MAX_CLASSES:,}"
        raise ValueError(f"{expected}. Received: {received}. Values to predict are the task regression")
    return labels.astype(np.int64)


def _flags(labels: _Labels) -> Targets:
    if labels.ndim != 2 or not _is_zero_one(labels):
        raise ValueError(f"Expected labels of 0 and 1, [n, names]. Received: shape={labels.shape}")
    return labels.astype(np.float32)


def _values(labels: _Labels) -> Targets:
    if labels.ndim > 2:
        raise ValueError(f"Expected values [n] or [n, values]. Received: shape={labels.shape}")
    return labels.astype(np.float32).reshape(len(labels), -1)


def _is_zero_one(labels: _Labels) -> bool:
    return bool(np.isin(labels, (0, 1)).all())


def _numbers(count: int) -> tuple[str, ...]:
    return tuple(map(str, range(count)))
