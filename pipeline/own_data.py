"""One's own crops instead of MNIST's: a folder with one file, `crops.npz`.

Its arrays: `judged_crops`, `validation_crops`, `calibration_crops` `<uint8>[n, 28, 28]`, which keep the pixel contract;
`judged_labels`, `validation_labels` `<uint8>[n]`; and `names` `<str>[classes]`, what each label stands for. Where the
names are the digits', crops that show none calibrate too.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from device.pixels import SIDE
from pipeline.calibration import drawn
from pipeline.splits import Labelled, Splits
from pipeline.variants import LABELS

OWN_DATA_NAME = "crops.npz"
_ARRAYS = frozenset(
    {"judged_crops", "judged_labels", "validation_crops", "validation_labels", "calibration_crops", "names"}
)


def read_own_data(folder: Path) -> Splits:
    """Returns the splits in a folder's `crops.npz`, of which none may be trained on.

    Raises:
        ValueError: it is no such file, or an array is missing or of another dtype or shape; the message names it.
        OSError: the file cannot be read.
    """
    path = folder / OWN_DATA_NAME
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: Expected a .npz file. {error}") from error
    if arrays.keys() != _ARRAYS:
        raise ValueError(f"{path}: Expected the arrays {sorted(_ARRAYS)}. Received: {sorted(arrays)}")
    names = tuple(str(name) for name in arrays.pop("names"))
    for name, array in arrays.items():
        each = (SIDE, SIDE) if name.endswith("crops") else ()
        if array.dtype != np.uint8 or array.shape[1:] != each or not array.size:
            raise ValueError(
                f"{path}: Expected {name} <uint8>{['n', *each]}. Received: shape={array.shape}, dtype={array.dtype}"
            )
        if name.endswith("labels") and array.max() >= len(names):
            raise ValueError(f"{path}: Expected {name} below {len(names)}, one for each name. Received: {array.max()}")
    crops = arrays["calibration_crops"]
    calibration = drawn(crops, np.arange(len(crops)), OWN_DATA_NAME, seed=0)
    validation = Labelled(arrays["validation_crops"], arrays["validation_labels"])
    return Splits(
        source=f"{OWN_DATA_NAME} in {folder.name}/",
        training=validation[:0],
        validation=validation,
        calibration=calibration.with_negatives() if names == LABELS else calibration,
        judged=Labelled(arrays["judged_crops"], arrays["judged_labels"]),
        judged_source=f"judged crops of {OWN_DATA_NAME}",
        names=names,
    )
