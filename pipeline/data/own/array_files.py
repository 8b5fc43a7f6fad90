"""Inputs and labels in NumPy arrays or IDX files. Nothing is unpickled, and no size is believed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from device.idx import read_idx
from device.npy import parse_npy
from pipeline.data.archive import read_archive
from pipeline.data.own.own_data import Strings
from pipeline.data.own.raw import PART_NAMES, Raw, numbered, part_names

_Arrays = Mapping[str, npt.NDArray[Any]]
_NAMES = {"x", "y", "names", "groups", "parts"}
# With the name of one of several outputs.
_LABELS_OF, _NAMES_OF = "y_", "names_"
_IDX_SUFFIXES = ("", ".gz", ".idx")


def read_npz(path: Path) -> Raw:
    """Return the arrays of an archive: `x`, `y`, and perhaps `names`, `groups`, `parts`; or `x_train`, `y_train`, ….

    `y_OUTPUT` has the labels of one of several outputs, and `names_OUTPUT` their names.

    Raises ValueError if it is no archive of arrays, or has others; OSError if it cannot be read.
    """
    return _raw(read_archive(path), path)


def read_npy_files(folder: Path) -> Raw:
    """Return the arrays in a folder's `x.npy`, `y.npy`, and perhaps `names.npy`, `groups.npy`, `parts.npy`.

    Raises ValueError if one is no array, or there are others; OSError if one cannot be read.
    """
    return _raw({path.stem: _read_npy(path) for path in sorted(folder.glob("*.npy"))}, folder)


def read_idx_pairs(paths: list[Path]) -> Raw:
    """Return the images and labels of IDX files; the paths are those of the images.

    The labels are beside them, with "labels" in place of "images" in the name. `train-…`, and `t10k-…` or `test-…`,
    keep their parts. Raises ValueError if a file is not an IDX file, and OSError if one is missing.
    """
    images = [read_idx(path) for path in paths]
    labels = [read_idx(_labels_of(path)) for path in paths]
    items = tuple(item for path, each in zip(paths, images, strict=True) for item in numbered(path.name, len(each)))
    parts = [_part_of(path) for path in paths]
    lengths = [len(each) for each in images]
    return Raw(
        source=f"IDX files {', '.join(path.name for path in paths)}",
        inputs=_joined(images, f"{paths[0].parent}: Expected images of one size"),
        labels=np.concatenate(labels),
        items=items,
        parts=np.repeat(np.array(parts), lengths) if all(parts) else None,
    )


def is_idx_images(path: Path) -> bool:
    """Say whether a file's name is one of images in an IDX file, such as `train-images-idx3-ubyte.gz`."""
    return "images" in path.name and (path.suffix in _IDX_SUFFIXES or "ubyte" in path.name) and path.is_file()


def _raw(arrays: _Arrays, path: Path) -> Raw:
    if any(name.startswith("x_") for name in arrays):
        arrays = _whole(arrays, path)
    labels, names = (_by_output(arrays, begin) for begin in (_LABELS_OF, _NAMES_OF))
    others = arrays.keys() - _NAMES - {_LABELS_OF + name for name in labels} - {_NAMES_OF + name for name in labels}
    if "x" not in arrays or not ("y" in arrays or labels) or others:
        known = "perhaps names, groups and parts, and y_OUTPUT and names_OUTPUT; or x_train, y_train, …"
        expected = f"{path}: Expected the arrays x and y, {known}"
        raise ValueError(f"{expected}. Received: {sorted(arrays)}")
    for name, array in arrays.items():
        if not array.ndim:
            raise ValueError(f"{path}: Expected {name} with at least one axis. Received: a single value")
    return Raw(
        source=path.resolve().name + "/" * path.is_dir(),
        inputs=arrays["x"],
        labels=arrays.get("y"),
        items=numbered("x", len(arrays["x"])),
        names=tuple(map(str, arrays["names"].tolist())) if "names" in arrays else (),
        by_output=labels,
        names_by_output={name: tuple(map(str, array.tolist())) for name, array in names.items()},
        groups=_texts(arrays["groups"]) if "groups" in arrays else None,
        parts=part_names(arrays["parts"], str(path)) if "parts" in arrays else None,
    )


def _by_output(arrays: _Arrays, begin: str) -> dict[str, npt.NDArray[Any]]:
    return {name.removeprefix(begin): array for name, array in arrays.items() if name.startswith(begin)}


def _whole(arrays: _Arrays, path: Path) -> dict[str, npt.NDArray[Any]]:
    """Return `x_train`, `x_test` and the like as one `x`, with its parts."""
    keys = [name.removeprefix("x_") for name in arrays if name.startswith("x_")]
    pairs = {f"{name}_{key}" for key in keys for name in "xy"}
    if not set(keys) <= PART_NAMES.keys() or arrays.keys() - {"names"} != pairs:
        raise ValueError(f"{path}: Expected x_ and y_ of parts such as train and test. Received: {sorted(arrays)}")
    expected = f"{path}: Expected arrays of one shape"
    whole = {name: _joined([arrays[f"{name}_{key}"] for key in keys], expected) for name in "xy"}
    parts = np.repeat(np.array([PART_NAMES[key] for key in keys]), [len(arrays[f"x_{key}"]) for key in keys])
    return {**whole, "parts": parts, **({"names": arrays["names"]} if "names" in arrays else {})}


def _joined(arrays: list[npt.NDArray[Any]], expected: str) -> npt.NDArray[Any]:
    if len({array.shape[1:] for array in arrays}) > 1 or not all(array.ndim for array in arrays):
        raise ValueError(f"{expected}. Received: shapes {', '.join(str(array.shape) for array in arrays)}")
    return np.concatenate(arrays)


def _read_npy(path: Path) -> npt.NDArray[Any]:
    try:
        return parse_npy(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _labels_of(path: Path) -> Path:
    labels = path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1"))
    if not labels.is_file():
        raise FileNotFoundError(f"{path}: Expected its labels in {labels.name} beside it. Found no such file")
    return labels


def _part_of(path: Path) -> str:
    word = path.name.partition("images")[0].strip("-_.").lower()
    return "test" if word == "t10k" else PART_NAMES.get(word, "")


def _texts(array: npt.NDArray[Any]) -> Strings:
    return array.astype(np.str_)
