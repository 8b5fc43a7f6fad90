"""Tests of `device.files.input_files`."""

from __future__ import annotations

import gzip
import re
import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from device.advice import pip_install
from device.contract.inputs import InputForm
from device.contract.manifest import read_manifest
from device.files.input_files import read_inputs
from tests.conftest import MODELS, ROOT, run_python
from tests.support.bounded import READS, answers

DIGITS = InputForm(read_manifest(MODELS / "rows2d"))
STACKS = hnp.arrays(np.uint8, st.tuples(st.integers(0, 3), st.just(28), st.just(28)))


def npy(header: str, data: bytes = b"") -> bytes:
    padded = header.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded.encode() + data


def refusal(path: Path) -> str:
    with pytest.raises(ValueError, match=re.escape(str(path))) as error:
        read_inputs(path, DIGITS)
    return str(error.value).removeprefix(f"{path}: ")


@pytest.fixture
def crop() -> npt.NDArray[np.uint8]:
    """A crop in which no two rows or columns are alike."""
    return np.arange(784, dtype=np.uint16).reshape(28, 28).astype(np.uint8)


def test_npy_crop(tmp_path: Path, crop: npt.NDArray[np.uint8]) -> None:
    """A single crop in a NumPy file is a stack of one."""
    np.save(tmp_path / "crop.npy", crop)
    np.testing.assert_array_equal(read_inputs(tmp_path / "crop.npy", DIGITS), crop[np.newaxis], strict=True)


def test_npy_in_columns(tmp_path: Path, crop: npt.NDArray[np.uint8]) -> None:
    """A NumPy file written column by column holds the same crop."""
    np.save(tmp_path / "crop.npy", np.asfortranarray(crop))
    np.testing.assert_array_equal(read_inputs(tmp_path / "crop.npy", DIGITS), crop[np.newaxis], strict=True)


@settings(max_examples=30)
@given(stack=STACKS)
def test_npy_stack(tmp_path_factory: pytest.TempPathFactory, stack: npt.NDArray[np.uint8]) -> None:
    """A stack in a NumPy file comes back as it is, an empty one too."""
    path = tmp_path_factory.getbasetemp() / "stack.npy"
    np.save(path, stack)
    np.testing.assert_array_equal(read_inputs(path, DIGITS), stack, strict=True)


@settings(max_examples=30)
@given(stack=STACKS, packed=st.booleans())
def test_idx_stack(tmp_path_factory: pytest.TempPathFactory, stack: npt.NDArray[np.uint8], packed: bool) -> None:
    """Any suffix but those of arrays and images is read as IDX, gzipped or plain."""
    path = tmp_path_factory.getbasetemp() / "t10k-images-idx3-ubyte"
    content = bytes([0, 0, 8, 3]) + struct.pack(">3I", *stack.shape) + stack.tobytes()
    path.write_bytes(gzip.compress(content) if packed else content)
    np.testing.assert_array_equal(read_inputs(path, DIGITS), stack, strict=True)


@pytest.mark.parametrize("name", ["crop.png", "CROP.PNG"])
def test_png(tmp_path: Path, crop: npt.NDArray[np.uint8], name: str) -> None:
    """A PNG file is one crop, pixel by pixel, whatever the case of its suffix."""
    assert cv2.imwrite(str(tmp_path / name), crop)
    np.testing.assert_array_equal(read_inputs(tmp_path / name, DIGITS), crop[np.newaxis], strict=True)


@pytest.mark.parametrize("name", ["crop.jpg", "crop.jpeg"])
def test_jpeg(tmp_path: Path, name: str) -> None:
    """A JPEG file is one crop."""
    assert cv2.imwrite(str(tmp_path / name), np.full((28, 28), 255, np.uint8))
    assert read_inputs(tmp_path / name, DIGITS).tolist() == [[[255] * 28] * 28]


def test_refuses_a_folder(tmp_path: Path) -> None:
    """A folder is named as one, with what is read instead."""
    with pytest.raises(ValueError, match=r"Expected a file: \.npy, IDX, PNG or JPEG\. Received: a folder"):
        read_inputs(tmp_path, DIGITS)


def test_coloured_png(tmp_path: Path) -> None:
    """A coloured image is read in grey."""
    assert cv2.imwrite(str(tmp_path / "crop.png"), np.full((28, 28, 3), 200, np.uint8))
    assert read_inputs(tmp_path / "crop.png", DIGITS).tolist() == [[[200] * 28] * 28]


@pytest.mark.parametrize(
    ("array", "received"),
    [
        (np.zeros((28, 28), np.float32), "shape=(28, 28), dtype=float32."),
        (np.zeros((2, 28, 27), np.uint8), "shape=(2, 28, 27), dtype=uint8."),
        (np.zeros((28, 28, 3), np.uint8), "shape=(28, 28, 3), dtype=uint8."),
        (np.zeros((1, 1, 28, 28), np.uint8), "shape=(1, 1, 28, 28), dtype=uint8."),
        (np.zeros(784, np.uint8), "shape=(784,), dtype=uint8."),
        (np.uint8(7), "shape=(), dtype=uint8."),
    ],
)
def test_refuses_other_arrays(tmp_path: Path, array: npt.NDArray[np.generic], received: str) -> None:
    """An array of another shape or dtype is refused with what was expected and what came."""
    np.save(tmp_path / "crops.npy", array)
    message = f"Expected crops <uint8>[28, 28] or <uint8>[n, 28, 28]. Received: {received}"
    assert refusal(tmp_path / "crops.npy") == message


def test_refuses_other_idx_files(tmp_path: Path) -> None:
    """The labels' IDX file holds no crops."""
    (tmp_path / "labels").write_bytes(bytes.fromhex("00000801 00000002 0709"))
    message = "Expected crops <uint8>[28, 28] or <uint8>[n, 28, 28]. Received: shape=(2,), dtype=uint8."
    assert refusal(tmp_path / "labels") == message


def test_refuses_images_of_another_size(tmp_path: Path) -> None:
    """An image is not scaled, since that is not how crops are normalised."""
    assert cv2.imwrite(str(tmp_path / "photo.png"), np.zeros((480, 640), np.uint8))
    message = "Expected crops <uint8>[28, 28] or <uint8>[n, 28, 28]. Received: shape=(480, 640), dtype=uint8."
    assert refusal(tmp_path / "photo.png") == message


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"crop",
        b"PK\x03\x04 no archive",
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (28, 28)}", bytes(783)),
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (28, 28"),
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (28, 28)}}"),
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (28, 28), b'shape': 1}", bytes(784)),
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000, 28, 28)}"),
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999, 28, 28)}"),
    ],
    ids=["empty", "text", "zip", "data cut", "header cut", "brackets", "key", "beyond memory", "beyond count"],
)
@pytest.mark.filterwarnings("ignore:Reading `.npy` or `.npz` file required additional header parsing")
def test_refuses_damaged_npy(tmp_path: Path, content: bytes) -> None:
    """A damaged NumPy file is refused by its name, wherever the damage lies."""
    (tmp_path / "crops.npy").write_bytes(content)
    assert refusal(tmp_path / "crops.npy").startswith("Expected a NumPy array file. ")


def test_refuses_archives(tmp_path: Path, crop: npt.NDArray[np.uint8]) -> None:
    """An archive of arrays is refused, since it does not say which array is meant."""
    np.savez(tmp_path / "crops.npz", crop=crop)
    (tmp_path / "crops.npz").rename(tmp_path / "crops.npy")
    assert refusal(tmp_path / "crops.npy").startswith("Expected a NumPy array file. ")


@pytest.mark.thorough
def test_reserves_no_memory_for_what_is_not_there(tmp_path: Path) -> None:
    """In a process with little memory, a file that claims more than it holds is refused, not read."""
    idx = bytes([0, 0, 8, 3]) + struct.pack(">3I", 2**20, 28, 28)
    contents = {
        "vast.npy": npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1000000, 28, 28)}", bytes(784)),
        "header.npy": b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1) + b"{}",
        "vast.idx": idx + bytes(784),
        "vast.gz": gzip.compress(idx + bytes(784)),
        "bomb.gz": gzip.compress(bytes([0, 0, 8, 1]) + struct.pack(">I", 99) + bytes(2**28)),
        "no-idx.gz": gzip.compress(bytes(2**28)),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    paths = [tmp_path / name for name in contents]
    said = answers(READS, "read_inputs(Path(name), FORM)", paths, 64)
    assert [line.partition(": ")[0] for line in said] == [str(path) for path in paths]


def test_does_not_unpickle(tmp_path: Path) -> None:
    """A NumPy file that would run code when it is read is refused."""
    np.save(tmp_path / "crops.npy", np.array([{"a": 1}], object), allow_pickle=True)
    message = "Expected a NumPy array file. Received: Python objects, which may run code"
    assert refusal(tmp_path / "crops.npy") == message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "Expected an image. Received: 0 bytes in no known image format"),
        (b"no image at all", "Expected an image. Received: 15 bytes in no known image format"),
    ],
)
def test_refuses_an_image_that_cannot_be_decoded(tmp_path: Path, content: bytes, message: str) -> None:
    """A file with an image's name and other content is refused with its size."""
    (tmp_path / "crop.png").write_bytes(content)
    assert refusal(tmp_path / "crop.png") == message


@pytest.mark.parametrize("name", ["photo.heic", "photo.HEIF"])
def test_refuses_heic(tmp_path: Path, name: str) -> None:
    """A HEIC picture is named as such, with what to do about it."""
    (tmp_path / name).write_bytes(b"\0\0\0\x18ftypheic")
    message = "Expected .npy, IDX, PNG or JPEG. Received: HEIC. Convert it to PNG or JPEG first"
    assert refusal(tmp_path / name) == message


@pytest.mark.parametrize("name", ["crop.npy", "crop.png", "crop"])
def test_missing_file(tmp_path: Path, name: str) -> None:
    """A file that is not there is an OSError that names it."""
    with pytest.raises(FileNotFoundError, match=f"/{re.escape(name)}'"):
        read_inputs(tmp_path / name, DIGITS)


def test_without_opencv(tmp_path: Path, bare_site: Callable[..., Path]) -> None:
    """Where OpenCV is not installed, an image says what to install and arrays are read all the same."""
    np.save(tmp_path / "crop.npy", np.zeros((28, 28), np.uint8))
    (tmp_path / "crop.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    code = """
from pathlib import Path
from device.files.input_files import read_inputs
from device.contract.inputs import InputForm
from device.contract.manifest import read_manifest
form = InputForm(read_manifest(Path("models/rows2d")))
print(read_inputs(Path("{0}/crop.npy"), form).shape)
try:
    read_inputs(Path("{0}/crop.png"), form)
except ImportError as error:
    print(error)
"""
    child = run_python("-c", code.format(tmp_path), folder=ROOT, site=bare_site("numpy"))
    assert child.stderr == ""
    assert child.stdout.splitlines() == [
        "(1, 28, 28)",
        f"{tmp_path}/crop.png: reading images needs OpenCV: {pip_install('opencv-python-headless', 'pillow')}",
    ]
