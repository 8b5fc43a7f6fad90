"""Tests of `pipeline.data.archive`."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import numpy as np

from pipeline.data.archive import read_archive
from tests.support.bounded import answers


def vast() -> bytes:
    """An array file whose header claims 784 MB, and which holds 784 bytes."""
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': (1000000, 28, 28)}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + bytes(784)


def test_arrays_come_back_by_name(tmp_path: Path) -> None:
    """What `np.savez` and `np.savez_compressed` write is read: numbers, texts and single values."""
    arrays = {"crops": np.arange(6, dtype=np.uint8).reshape(2, 3), "names": np.array(["é", "bb"]), "one": np.array("x")}
    for number, save in enumerate((np.savez, np.savez_compressed)):
        save(tmp_path / f"{number}.npz", **arrays)
        read = read_archive(tmp_path / f"{number}.npz")
        assert list(read) == ["crops", "names", "one"]
        for name, array in arrays.items():
            np.testing.assert_array_equal(read[name], array, strict=True)


def test_reserves_no_memory_for_what_is_not_there(tmp_path: Path) -> None:
    """In a process with little memory, an archive that claims more than it holds is refused, not read."""
    with zipfile.ZipFile(tmp_path / "array.npz", "w") as archive:
        archive.writestr("crops.npy", vast())
    with zipfile.ZipFile(tmp_path / "member.npz", "w") as archive:
        archive.writestr("crops.npy", vast())
    content = bytearray((tmp_path / "member.npz").read_bytes())
    entry = content.index(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = struct.pack("<I", 2**31)
    (tmp_path / "member.npz").write_bytes(content)
    paths = [tmp_path / "array.npz", tmp_path / "member.npz"]
    said = answers("from pipeline.data.archive import read_archive", "read_archive(Path(name))", paths, 64)
    assert said[0] == (
        f"{paths[0]}: Expected a .npz file. Expected a NumPy array file. "
        "Received: 784 bytes for shape (1000000, 28, 28), dtype uint8"
    )
    assert said[1].startswith(f"{paths[1]}: Expected a .npz file. Expected at most ")
