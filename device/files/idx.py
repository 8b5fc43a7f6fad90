"""Reads IDX files, plain or gzipped: the format in which MNIST is published.

Source: "THE IDX FILE FORMAT", Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np

from ..arrays import UInt8

_UNSIGNED_BYTE = 0x08
_MAGIC = bytes([0, 0, _UNSIGNED_BYTE])
# The longest header: 255 axes.
_HEAD_BYTES = 4 + 4 * 255
_MAX_BYTES = 2**30
# Deflate packs at most that many bytes in one.
_MAX_UNPACKED = 1032
_GZIP_MAGIC = b"\x1f\x8b"


def read_idx(path: Path) -> UInt8:
    """Returns the array in an IDX file of unsigned bytes, `<uint8>[n, ...]`.

    Raises OSError if the file cannot be read, and ValueError if it is not such a file, has another length, or more than
    1 GiB.
    """
    return parse_idx(unpacked(path), path)


def unpacked(path: Path) -> bytes:
    """Returns a file's bytes, decompressed if it is gzipped; raises ValueError if the gzip data is broken or vast."""
    content = path.read_bytes()
    if not content.startswith(_GZIP_MAGIC):
        return content
    try:
        with gzip.GzipFile(fileobj=BytesIO(content)) as file:
            head = file.read(_HEAD_BYTES)
            # One byte more than the header announces, by which `parse_idx` sees that there is more.
            limit = min(_announced_bytes(head), _MAX_BYTES, _MAX_UNPACKED * len(content)) + 1
            return head + file.read(max(0, limit - len(head)))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path}: broken or truncated gzip: {error}") from error


def _announced_bytes(head: bytes) -> int:
    """Returns how long an IDX file is that starts with these bytes; as long as they are if it is not one."""
    data_start = 4 + 4 * head[3] if len(head) > 3 and head[:3] == _MAGIC else 0
    if not 4 < data_start <= len(head):
        return len(head)
    shape: tuple[int, ...] = struct.unpack(f">{head[3]}I", head[4:data_start])
    return data_start + math.prod(shape)


def parse_idx(content: bytes, path: Path) -> UInt8:
    """Returns the array `<uint8>[n, ...]` in the unpacked bytes of an IDX file; `path` names it in errors."""
    if len(content) < 4 or content[:3] != _MAGIC or content[3] == 0:
        raise ValueError(
            f"{path}: Expected an IDX file of unsigned bytes, magic number 0x000008nn. Received: 0x{content[:4].hex()}"
        )
    axes = content[3]
    data_start = 4 + 4 * axes
    if len(content) < data_start:
        raise ValueError(f"{path}: truncated IDX header. Expected {data_start} bytes. Received: {len(content)}")
    shape = struct.unpack(f">{axes}I", content[4:data_start])
    expected = data_start + math.prod(shape)
    if len(content) != expected:
        raise ValueError(f"{path}: expected {expected:,} bytes for shape {shape}. Received: {len(content):,}")
    try:
        return np.frombuffer(content, np.uint8, offset=data_start).reshape(shape)
    except ValueError as error:
        raise ValueError(f"{path}: Expected a shape that numpy can hold. {error}") from error
