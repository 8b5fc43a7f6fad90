"""Tests of `pipeline.data.custom`."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.data.custom import read_own_data

CROPS, LABELS = np.zeros((3, 28, 28), np.uint8), np.array([0, 1, 0], np.uint8)
ARRAYS: dict[str, Any] = {
    "test_crops": CROPS,
    "test_labels": LABELS,
    "validation_crops": CROPS,
    "validation_labels": LABELS,
    "calibration_crops": CROPS,
    "names": np.array(["cat", "dog"]),
}


def refusal(folder: Path) -> str:
    with pytest.raises(ValueError, match=r"crops\.npz: ") as refused:
        read_own_data(folder)
    return str(refused.value).removeprefix(f"{folder / 'crops.npz'}: ")


def test_the_arrays_become_splits_without_anything_to_train_on(tmp_path: Path) -> None:
    np.savez(tmp_path / "crops.npz", **ARRAYS)
    splits = read_own_data(tmp_path)
    assert (len(splits.test), len(splits.validation), len(splits.training)) == (3, 3, 0)
    assert (splits.names, splits.test.labels.tolist()) == (("cat", "dog"), [0, 1, 0])


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut off"], ids=["empty", "text", "cut off"])
def test_a_file_that_is_not_an_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "crops.npz").write_bytes(content)
    assert refusal(tmp_path).startswith("Expected a .npz file. ")


def test_a_single_array_under_the_name_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "crops.npz").open("wb") as file:
        np.save(file, CROPS)
    assert refusal(tmp_path) == "Expected a .npz file. File is not a zip file"


def test_members_other_than_arrays_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "crops.npz", "w") as archive:
        archive.writestr("test_crops", "text")
    assert refusal(tmp_path) == "Expected a .npz file. Expected arrays alone. Received other members: ['test_crops']"


def test_an_array_larger_than_memory_is_refused(tmp_path: Path) -> None:
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999, 28, 28), }".ljust(117) + "\n"
    with zipfile.ZipFile(tmp_path / "crops.npz", "w") as archive:
        archive.writestr("test_crops.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode())
    assert refusal(tmp_path).startswith("Expected a .npz file. ")


@pytest.mark.parametrize(
    ("names", "received"),
    [
        (np.array("cat"), "shape=(), dtype=<U3"),
        (np.array([["cat", "dog"]]), "shape=(1, 2), dtype=<U3"),
        (np.array([b"cat", b"dog"]), "shape=(2,), dtype=|S3"),
        (np.array([0, 1]), "shape=(2,), dtype=int64"),
        (np.array(["cat", "cat"]), "shape=(2,), dtype=<U3"),
        (np.array([], str), "shape=(0,), dtype=<U1"),
    ],
    ids=["one", "a matrix", "bytes", "numbers", "twice the same", "none"],
)
def test_names_of_another_type_or_shape_are_refused(tmp_path: Path, names: Any, received: str) -> None:
    np.savez(tmp_path / "crops.npz", **{**ARRAYS, "names": names})
    assert refusal(tmp_path) == f"Expected names <str>['classes'], all of them different. Received: {received}"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"test_crops": CROPS[:, :27]}, "Expected test_crops <uint8>['n', 28, 28]. Received: shape=(3, 27, 28)"),
        (
            {"test_labels": LABELS.astype(int)},
            "Expected test_labels <uint8>['n']. Received: shape=(3,), dtype=",
        ),
        ({"test_labels": np.uint8(1)}, "Expected test_labels <uint8>['n']. Received: shape=(), dtype=uint8"),
        ({"test_labels": LABELS + 1}, "Expected test_labels below 2, one for each name. Received: 2"),
        ({"labels": LABELS}, "Expected the arrays ['calibration_crops', "),
    ],
    ids=["another shape", "another type", "one label", "a label without a name", "an array too many"],
)
def test_arrays_of_another_type_or_shape_are_refused(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    np.savez(tmp_path / "crops.npz", **{**ARRAYS, **changed})
    assert refusal(tmp_path).startswith(message)


def test_the_old_names_of_the_arrays_are_explained(tmp_path: Path) -> None:
    """Version 0.1.0 called the test images judged."""
    old = {name.replace("test", "judged"): array for name, array in ARRAYS.items()}
    np.savez(tmp_path / "crops.npz", **old)
    hint = "Rename judged_crops, judged_labels: the test images are now test_crops and test_labels"
    assert refusal(tmp_path).endswith(hint)
