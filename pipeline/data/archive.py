"""Reads archives of NumPy arrays, `.npz`, without reserving memory for more than the file can hold."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy.typing as npt

from device.files.npy import parse_npy

_SUFFIX = ".npy"
# Deflate packs at most that many bytes in one.
_MAX_UNPACKED = 1032


def read_archive(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Returns the arrays in an archive by name; raises ValueError for any other file, OSError if it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _arrays(archive, _MAX_UNPACKED * path.stat().st_size)
    except (ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path}: Expected a .npz file. {error}") from error


def _arrays(archive: zipfile.ZipFile, max_bytes: int) -> dict[str, npt.NDArray[Any]]:
    members = archive.infolist()
    if (unpacked := sum(member.file_size for member in members)) > max_bytes:
        raise ValueError(f"Expected at most {max_bytes:,} bytes of arrays. Received: {unpacked:,}")
    if others := sorted(name for name in archive.namelist() if not name.endswith(_SUFFIX)):
        raise ValueError(f"Expected arrays alone. Received other members: {others}")
    return {member.filename.removesuffix(_SUFFIX): parse_npy(archive.read(member)) for member in members}
