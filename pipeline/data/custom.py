"""A user's own crops in place of MNIST: a folder with one file, `crops.npz`.

Its arrays: `test_crops`, `validation_crops`, `calibration_crops` `<uint8>[n, 28, 28]` in the format of `device.pixels`;
`test_labels`, `validation_labels` `<uint8>[n]`; and `names` `<str>[classes]`, the meaning of each label. If the names
are the ten digits, the sheet of crops without a digit calibrates as well.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from device.pixels import SIDE
from pipeline.data.archive import read_archive
from pipeline.data.calibration import drawn
from pipeline.data.splits import LabelledImages, Splits
from pipeline.variants import LABELS

OWN_DATA_NAME = "crops.npz"
_ARRAYS = frozenset(
    {"test_crops", "test_labels", "validation_crops", "validation_labels", "calibration_crops", "names"}
)
# How version 0.1.0 called the test images.
_OLD_ARRAYS = frozenset({"judged_crops", "judged_labels"})


def read_own_data(folder: Path) -> Splits:
    """Returns the splits in a folder's `crops.npz`; no image may be trained on.

    Raises ValueError if the file is not a NumPy archive, or an array is missing or has another dtype or shape, and
    OSError if it cannot be read.
    """
    path = folder / OWN_DATA_NAME
    arrays = read_archive(path)
    _require_arrays(arrays, path)
    names = _names(arrays.pop("names"), path)
    for name, array in arrays.items():
        each = (SIDE, SIDE) if name.endswith("crops") else ()
        if array.dtype != np.uint8 or array.ndim != 1 + len(each) or array.shape[1:] != each or not array.size:
            expected = f"{path}: Expected {name} <uint8>{['n', *each]}"
            raise ValueError(f"{expected}. Received: shape={array.shape}, dtype={array.dtype}")
        if name.endswith("labels") and array.max() >= len(names):
            raise ValueError(f"{path}: Expected {name} below {len(names)}, one for each name. Received: {array.max()}")
    crops = arrays["calibration_crops"]
    calibration = drawn(crops, np.arange(len(crops)), OWN_DATA_NAME, seed=0)
    validation = LabelledImages(arrays["validation_crops"], arrays["validation_labels"])
    return Splits(
        source=f"{OWN_DATA_NAME} in {folder.name}/",
        training=validation[:0],
        validation=validation,
        calibration=calibration.with_negatives() if names == LABELS else calibration,
        test=LabelledImages(arrays["test_crops"], arrays["test_labels"]),
        test_source=f"test crops of {OWN_DATA_NAME}",
        names=names,
    )


def _require_arrays(arrays: dict[str, npt.NDArray[Any]], path: Path) -> None:
    if arrays.keys() == _ARRAYS:
        return
    old = ", ".join(sorted(_OLD_ARRAYS & arrays.keys()))
    hint = f". Rename {old}: the test images are now test_crops and test_labels" if old else ""
    raise ValueError(f"{path}: Expected the arrays {sorted(_ARRAYS)}. Received: {sorted(arrays)}{hint}")


def _names(array: npt.NDArray[Any], path: Path) -> tuple[str, ...]:
    if array.dtype.kind != "U" or array.ndim != 1 or len(set(array.tolist())) != array.size or not array.size:
        expected = f"{path}: Expected names <str>['classes'], all of them different"
        raise ValueError(f"{expected}. Received: shape={array.shape}, dtype={array.dtype}")
    return tuple(array.tolist())
