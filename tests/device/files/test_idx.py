"""Tests of `device.files.idx`."""

from __future__ import annotations

import gzip
import re
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from device.files.idx import read_idx, unpacked

TWO_BY_THREE = bytes.fromhex("00000802 00000002 00000003 010203040506")
ARRAYS = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5))


def idx(array: npt.NDArray[np.uint8]) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def refusal(path: Path) -> str:
    with pytest.raises(ValueError, match=re.escape(str(path))) as error:
        read_idx(path)
    return str(error.value).removeprefix(f"{path}: ")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("idx")


@pytest.mark.parametrize("content", [TWO_BY_THREE, gzip.compress(TWO_BY_THREE)], ids=["plain", "gzipped"])
def test_reads_plain_and_gzipped(tmp_path: Path, content: bytes) -> None:
    """The bytes after the header come back in the header's shape, whether the file is gzipped or not."""
    path = tmp_path / "images"
    path.write_bytes(content)
    array = read_idx(path)
    assert array.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert array.dtype == np.uint8


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "Expected an IDX file of unsigned bytes, magic number 0x000008nn. Received: 0x"),
        (b"\0\0\x08", "Expected an IDX file of unsigned bytes, magic number 0x000008nn. Received: 0x000008"),
        (b"\x89PNG\r\n", "Expected an IDX file of unsigned bytes, magic number 0x000008nn. Received: 0x89504e47"),
        (
            bytes.fromhex("00000d01 00000001 00000000"),
            "Expected an IDX file of unsigned bytes, magic number 0x000008nn. Received: 0x00000d01",
        ),
        (
            bytes.fromhex("00000800 07"),
            "Expected an IDX file of unsigned bytes, magic number 0x000008nn. Received: 0x00000800",
        ),
        (TWO_BY_THREE[:6], "truncated IDX header. Expected 12 bytes. Received: 6"),
        (TWO_BY_THREE[:-1], "expected 18 bytes for shape (2, 3). Received: 17"),
        (TWO_BY_THREE + b"\0", "expected 18 bytes for shape (2, 3). Received: 19"),
    ],
    ids=["empty", "shorter than a magic number", "PNG", "floats", "no axes", "header", "data", "trailing byte"],
)
def test_refuses_what_is_no_idx_file(tmp_path: Path, content: bytes, message: str) -> None:
    """A file that is not an IDX file of unsigned bytes, whole and no longer, is refused with what came instead."""
    path = tmp_path / "images"
    path.write_bytes(content)
    assert refusal(path) == message


@pytest.mark.parametrize(
    "content",
    [
        bytes.fromhex("00000841") + 65 * bytes.fromhex("00000001") + b"\x07",
        bytes.fromhex("00000804 00000000 ffffffff ffffffff ffffffff"),
    ],
    ids=["65 axes", "more elements than can be counted"],
)
def test_refuses_shapes_that_no_array_has(tmp_path: Path, content: bytes) -> None:
    """A header whose shape numpy cannot hold is refused by the file's name, though the length is the header's."""
    path = tmp_path / "images"
    path.write_bytes(content)
    refusal(path)


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(TWO_BY_THREE)[:-1],
        gzip.compress(TWO_BY_THREE)[:4],
        gzip.compress(TWO_BY_THREE) + b"more",
        gzip.compress(TWO_BY_THREE)[:10] + 20 * b"\xff",
        b"\x1f\x8b\xff",
    ],
    ids=["last byte gone", "header cut", "something behind", "packed data overwritten", "unknown method"],
)
def test_refuses_broken_gzip(tmp_path: Path, content: bytes) -> None:
    """Broken packing is refused as such, not read as far as it goes."""
    path = tmp_path / "images.gz"
    path.write_bytes(content)
    assert refusal(path).startswith("broken or truncated gzip: ")


def test_missing_file(tmp_path: Path) -> None:
    """A file that is not there is an OSError that names it."""
    with pytest.raises(FileNotFoundError, match="no-such-images"):
        read_idx(tmp_path / "no-such-images")


@given(array=ARRAYS, packed=st.booleans())
def test_round_trip(folder: Path, array: npt.NDArray[np.uint8], packed: bool) -> None:
    """An array of any shape, axes without elements among them, comes back as it was written."""
    path = folder / "round-trip"
    path.write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    np.testing.assert_array_equal(read_idx(path), array, strict=True)


@given(data=st.data(), array=ARRAYS, packed=st.booleans())
def test_truncated_anywhere(folder: Path, data: st.DataObject, array: npt.NDArray[np.uint8], packed: bool) -> None:
    """A file cut at any byte, packed or not, is refused by its name."""
    path = folder / "truncated"
    whole = gzip.compress(idx(array)) if packed else idx(array)
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1), label="bytes kept")])
    refusal(path)


def test_no_more_is_decompressed_than_the_header_announces(tmp_path: Path) -> None:
    """Of a megabyte behind a header for 2,000 bytes one byte more is read, which is enough to refuse the file."""
    path = tmp_path / "more.gz"
    path.write_bytes(gzip.compress(idx(np.zeros(2_000, np.uint8)) + bytes(1_000_000)))
    assert len(unpacked(path)) == 8 + 2_000 + 1
