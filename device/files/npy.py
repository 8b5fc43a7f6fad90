"""Reads the bytes of a NumPy array file, `.npy`, without reserving memory for more than they hold.

Source: NumPy, NEP 1, "A Simple File Format for NumPy Arrays". `np.load` reserves what the header asks for.
"""

from __future__ import annotations

import math
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt


def parse_npy(content: bytes) -> npt.NDArray[Any]:
    """Returns the array that the bytes of a file hold; raises ValueError if they are not such a file, or damaged."""
    try:
        return _parsed(content)
    except Exception as error:  # numpy parses the header as Python, and any exception of that comes through
        raise ValueError(f"Expected a NumPy array file. {error}") from error


def _parsed(content: bytes) -> npt.NDArray[Any]:
    file, form = BytesIO(content), np.lib.format
    if form.read_magic(file) != (1, 0):  # type: ignore[no-untyped-call]
        raise ValueError("Received: another format version than 1.0")
    shape, in_columns, dtype = form.read_array_header_1_0(file)  # type: ignore[no-untyped-call]
    if dtype.hasobject:
        raise ValueError("Received: Python objects, which may run code")
    data = content[file.tell() :]
    if math.prod(shape) * dtype.itemsize != len(data):
        raise ValueError(f"Received: {len(data):,} bytes for shape {shape}, dtype {dtype}")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if in_columns else "C")
