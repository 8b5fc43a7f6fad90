"""Tests of `device.files.npy`. More of what it refuses is in `test_input_files`."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from device.files.npy import parse_npy


def saved(array: npt.NDArray[np.generic]) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@given(
    hnp.arrays(
        st.sampled_from([np.dtype(name) for name in ("u1", "i1", "<f4", ">f4", "<i8", "?")]),
        hnp.array_shapes(min_dims=0, min_side=0, max_side=4),
    ),
    st.booleans(),
)
def test_parses_what_numpy_saves(array: npt.NDArray[np.generic], in_columns: bool) -> None:
    """Any numbers in any shape, by rows or by columns."""
    given_array = np.array(array, order="F" if in_columns else "C")
    np.testing.assert_array_equal(parse_npy(saved(given_array)), array, strict=True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "Expected a NumPy array file. "),
        (saved(np.zeros(3, np.uint8))[:-1], "Received: 2 bytes for shape (3,), dtype uint8"),
        (saved(np.zeros(3, np.uint8)) + b"\0", "Received: 4 bytes for shape (3,), dtype uint8"),
        (saved(np.zeros(2, np.float32))[:-4], "Received: 4 bytes for shape (2,), dtype float32"),
        (saved(np.array([None])), "Received: Python objects, which may run code"),
        (b"\x93NUMPY\x02\x00" + saved(np.zeros(3))[8:], "Received: another format version than 1.0"),
    ],
)
def test_refuses_what_is_damaged_or_no_array(content: bytes, message: str) -> None:
    """Each has its reason."""
    with pytest.raises(ValueError, match="Expected a NumPy array file") as refused:
        parse_npy(content)
    assert message in str(refused.value)
