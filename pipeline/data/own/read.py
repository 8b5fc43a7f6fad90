"""Reads anybody's data for a network: folders of images, arrays, IDX files, CSV files, or a function's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.data.own.array_files import is_idx_images, read_idx_pairs, read_npy_files, read_npz
from pipeline.data.own.class_folders import read_class_folders, subfolders
from pipeline.data.own.functions import is_function, read_function
from pipeline.data.own.labels import meaning
from pipeline.data.own.own_data import Inputs, Labels, OwnData, Shape, Task
from pipeline.data.own.raw import Raw
from pipeline.data.own.tables import read_table


def read_data(
    source: str, shape: Shape, *, names: Sequence[str] = (), task: Task | None = None, trust: bool = False
) -> OwnData:
    """Return the data of a source for a network whose input has a shape.

    `shape` is (height, width, channels), (steps, features), (height, width) of an image that is read by line, or has
    more axes, as (frames, height, width, channels) of a video; a size that may vary is None. `names` are the classes in
    the order of the network's outputs, and `task` is what all labels mean, where the source leaves it open
    (`labels.meaning`). A source may have labels of several outputs. `source` is one of:

    - a folder with a folder of images for each class, or with `train/`, `test/` and the like that have those;
    - a `.npz` file, a folder with one, or a folder with `x.npy` and `y.npy` (`array_files`);
    - a folder with IDX files of images and labels, or the file of the images;
    - a `.csv` file, or a folder with one, of paths to images or of windows of time steps (`tables`);
    - `package.module:function`, with `trust`, because its code is run (`functions`).

    Raises ValueError if the source has another form or does not fit the shape or the task, OSError if it cannot be
    read.
    """
    if len(shape) < 2:
        raise ValueError(f"Expected a network whose input has two axes or more. Received: input shape {shape}")
    raw = _raw(source, shape, task, trust=trust)
    if not len(raw.items) or not raw.inputs.size:
        raise ValueError(f"{raw.source}: Expected at least one input. Received: shape={raw.inputs.shape}")
    try:
        inputs, notes = _fitted(raw.inputs, shape)
        steps, (first, labels), *others = inputs.shape[1], *_labels(raw)
        means = meaning(labels, tuple(names) or raw.names or raw.names_by_output.get(first, ()), task, steps)
        meant = {name: meaning(each, raw.names_by_output.get(name, ()), task, steps) for name, each in others}
    except ValueError as error:
        raise ValueError(f"{raw.source}: {error}") from error
    if raw.parts is not None and len(set(raw.parts.tolist())) == 1:
        notes = (*notes, f"all inputs are of one part, {raw.parts[0]}, so parts are drawn")
        raw = replace(raw, parts=None)
    return OwnData(
        inputs=inputs,
        targets=means.targets,
        task=means.task,
        names=means.names,
        items=raw.items,
        source=raw.source,
        groups=raw.groups,
        parts=raw.parts,
        notes=(*raw.notes, *notes, *means.notes, *(note for each in meant.values() for note in each.notes)),
        output=first,
        others={name: Labels(each.targets, each.task, each.names) for name, each in meant.items()},
    )


def _labels(raw: Raw) -> list[tuple[str, npt.NDArray[Any]]]:
    """Return the labels by the outputs' names; "" is the network's first."""
    return [*([("", raw.labels)] if raw.labels is not None else []), *raw.by_output.items()]


def _raw(source: str, shape: Shape, task: Task | None, *, trust: bool) -> Raw:
    path = Path(source)
    if is_function(source) and not path.exists():
        return read_function(source, shape, trust=trust)
    if path.is_dir():
        return _folder_reader(path, shape, task)()
    if not path.exists():
        raise FileNotFoundError(f"{source}: Expected a folder, a file or package.module:function. Found nothing there")
    reader = _file_reader(path, shape, task)
    if reader is None:
        raise ValueError(f"{source}: Expected a .npz or .csv file, or IDX images. Received: another name")
    return reader()


def _file_reader(path: Path, shape: Shape, task: Task | None) -> Callable[[], Raw] | None:
    if path.suffix == ".npz":
        return lambda: read_npz(path)
    if path.suffix == ".csv":
        return lambda: read_table(path, shape, task)
    return (lambda: read_idx_pairs([path])) if is_idx_images(path) else None


def _folder_reader(folder: Path, shape: Shape, task: Task | None) -> Callable[[], Raw]:
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    images = [path for path in files if is_idx_images(path)]
    readers = {path.name: _file_reader(path, shape, task) for path in files if path not in images}
    found = {name: reader for name, reader in readers.items() if reader is not None}
    if images:
        found["IDX images"] = lambda: read_idx_pairs(images)
    if (folder / "x.npy").is_file():
        found["x.npy"] = lambda: read_npy_files(folder)
    if subfolders(folder):
        found["folders"] = lambda: read_class_folders(folder, shape)
    if len(found) != 1:
        expected = f"{folder}: Expected one of: class folders, a .npz file, x.npy and y.npy, IDX images, a .csv file"
        hint = ". Name one of them" if found else ""
        raise ValueError(f"{expected}. Received: {', '.join(found) or 'none of them'}{hint}")
    return next(iter(found.values()))


def _fitted(inputs: npt.NDArray[Any], shape: Shape) -> tuple[Inputs, tuple[str, ...]]:
    """Return inputs in the network's axes, as grey levels if they are, else as float32; and what was converted."""
    if inputs.dtype.kind not in "biuf":
        raise ValueError(f"Expected inputs that are numbers. Received: dtype={inputs.dtype}")
    fitted = inputs
    if inputs.ndim == len(shape) and shape[-1] == 1:
        fitted = inputs[..., np.newaxis]
    elif inputs.ndim == len(shape) + 2 and inputs.shape[-1] == 1:
        fitted = inputs[..., 0]
    sizes = fitted.shape[1:]
    if len(sizes) != len(shape) or any(want not in (None, size) for want, size in zip(shape, sizes, strict=True)):
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        raise ValueError(f"Expected inputs [n, {wanted}]. Received: shape={inputs.shape}")
    return _typed(fitted, is_image=len(shape) > 2)


def _typed(inputs: npt.NDArray[Any], *, is_image: bool) -> tuple[Inputs, tuple[str, ...]]:
    if inputs.dtype in (np.uint8, np.float32):
        return np.ascontiguousarray(inputs), ()
    are_levels = is_image and inputs.dtype.kind in "iu" and 0 <= inputs.min() <= inputs.max() <= 255
    # A value beyond float32 becomes an infinity, which is refused.
    with np.errstate(over="ignore"):
        converted: Inputs = inputs.astype(np.uint8) if are_levels else inputs.astype(np.float32)
    return converted, (f"inputs converted from {inputs.dtype} to {converted.dtype}",)
