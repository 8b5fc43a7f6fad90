"""Decodes an upload: the bytes of an input, or a PNG image whose size is checked before it is decoded.

Source: W3C, Portable Network Graphics (PNG) Specification (Third Edition), sections 5.2 and 11.2.1 (IHDR).
"""

from __future__ import annotations

import struct

import numpy as np

from ..arrays import Crop, Image
from ..contract.inputs import Input, InputForm
from ..pixels import SIDE
from ..vision.images import decode_image, is_heif
from ..vision.whole_image import as_input

PNG, RAW = "image/png", "application/octet-stream"

# Enough for a photograph of 3264 x 2448 pixels.
MAX_BYTES = 2**23
MAX_PIXELS = 2**23

_HEADER = struct.Struct(">8s4s4sIIBB")
_START, _HEADER_LENGTH, _HEADER_NAME = b"\x89PNG\r\n\x1a\n", b"\0\0\0\x0d", b"IHDR"
_GREY_OF_8_BITS = (8, 0)


class TooLargeError(ValueError):
    """The upload has too many pixels."""


def read_crop(content: bytes, kind: str) -> Crop | None:
    """Returns a crop `<uint8>[28, 28]`: of its 784 bytes, row by row, or of a grey PNG of that size, 8 bits a pixel.

    None for another PNG. Raises ValueError for another number of bytes, or what is not a PNG file.
    """
    if kind == PNG:
        is_crop = _header(content) == (SIDE, SIDE, *_GREY_OF_8_BITS)
        return np.ascontiguousarray(read_image(content)[..., 0]) if is_crop else None
    if len(content) != SIDE * SIDE:
        raise ValueError(f"Expected a crop of {SIDE * SIDE} bytes. Received: {len(content):,}")
    return np.frombuffer(content, np.uint8).reshape(SIDE, SIDE)


def read_image(content: bytes) -> Image:
    """Returns the image `<uint8>[h, w, 3]` of a PNG file.

    Raises TooLargeError for more than `MAX_PIXELS`, and ValueError if it is not a PNG file or cannot be decoded.
    """
    width, height, _, _ = _header(content)
    if width * height > MAX_PIXELS:
        raise TooLargeError(f"Expected an image of at most {MAX_PIXELS:,} pixels. Received: {width:,} x {height:,}")
    return decode_image(content, "PNG")


def read_input(content: bytes, kind: str, form: InputForm) -> Input:
    """Returns an input of a model that is not one of digits, from a PNG image, scaled to it, or from its bytes.

    Raises as `read_image` does, and ValueError for another number of bytes, NaN, or a PNG image that is no input.
    """
    if kind == PNG:
        if not form.is_image:
            raise ValueError(f"Expected {form.one} as {RAW}. Received: {kind}")
        return as_input(read_image(content), form.shape)
    numbers = np.dtype((form.dtype.newbyteorder("<"), form.shape))
    if len(content) != numbers.itemsize:
        expected = f"{form.one} of {numbers.itemsize:,} bytes, <{form.dtype}>{[*form.shape]}"
        raise ValueError(f"Expected {expected}. Received: {len(content):,}")
    return form.checked(np.frombuffer(content, numbers)[0].astype(form.dtype))


def _header(content: bytes) -> tuple[int, int, int, int]:
    """Returns width, height, bit depth and colour type."""
    if len(content) < _HEADER.size:
        raise ValueError(f"Expected a PNG file. Received: {len(content):,} bytes")
    start, length, name, width, height, depth, colour = _HEADER.unpack_from(content)
    if (start, length, name) != (_START, _HEADER_LENGTH, _HEADER_NAME) or not (width and height):
        received = "HEIC. Convert it to PNG first" if is_heif(content) else "another format"
        raise ValueError(f"Expected a PNG file. Received: {received}")
    return width, height, depth, colour
