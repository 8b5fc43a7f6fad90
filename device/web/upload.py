"""Decodes an upload: the bytes of an input, or a PNG image whose size is checked before it is decoded.

Source: W3C, Portable Network Graphics (PNG) Specification (Third Edition), sections 5.2 and 11.2.1 (IHDR).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from ..arrays import Crop, Image
from ..contract.inputs import Input, InputForm
from ..pixels import SIDE
from ..vision.boxes import Box
from ..vision.finder import Finder
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


@dataclass(frozen=True, eq=False)
class Upload:
    """A crop, and its box in the image; both are None if the image has no candidate."""

    crop: Crop | None
    box: Box | None = None


def read_raw(content: bytes) -> Upload:
    """Returns the crop of 784 pixels, row by row; raises ValueError for another number of bytes."""
    if len(content) != SIDE * SIDE:
        raise ValueError(f"Expected a crop of {SIDE * SIDE} bytes. Received: {len(content):,}")
    return Upload(np.frombuffer(content, np.uint8).reshape(SIDE, SIDE))


def read_png(content: bytes, finder: Finder) -> Upload:
    """Returns the digit in a PNG file; a grey image of 28 x 28 pixels of 8 bits is taken as a crop.

    Raises TooLargeError for more than `MAX_PIXELS`, and ValueError if it is not a PNG file or cannot be decoded.
    """
    image = _decoded(content)
    width, height, depth, colour = _header(content)
    if (width, height) == (SIDE, SIDE) and (depth, colour) == _GREY_OF_8_BITS:
        return Upload(np.ascontiguousarray(image[..., 0]))
    found = finder.find_one(image)
    if found is None:
        # `find_one` misses a small digit in a corner.
        candidates = finder.find(image)
        found = max(candidates, key=lambda candidate: candidate.box.area, default=None)
    return Upload(None) if found is None else Upload(found.crop, found.box)


def read_input(content: bytes, kind: str, form: InputForm) -> Input:
    """Returns an input of a model that is not one of digits, from a PNG image, scaled to it, or from its bytes.

    Raises as `read_png` does, and ValueError for another number of bytes, NaN, or a PNG image that is no input.
    """
    if kind == PNG:
        if not form.is_image:
            raise ValueError(f"Expected {form.one} as {RAW}. Received: {kind}")
        return as_input(_decoded(content), form.shape)
    numbers = np.dtype((form.dtype.newbyteorder("<"), form.shape))
    if len(content) != numbers.itemsize:
        expected = f"{form.one} of {numbers.itemsize:,} bytes, <{form.dtype}>{[*form.shape]}"
        raise ValueError(f"Expected {expected}. Received: {len(content):,}")
    return form.checked(np.frombuffer(content, numbers)[0].astype(form.dtype))


def _decoded(content: bytes) -> Image:
    width, height, _, _ = _header(content)
    if width * height > MAX_PIXELS:
        raise TooLargeError(f"Expected an image of at most {MAX_PIXELS:,} pixels. Received: {width:,} x {height:,}")
    return decode_image(content, "PNG")


def _header(content: bytes) -> tuple[int, int, int, int]:
    """Returns width, height, bit depth and colour type."""
    if len(content) < _HEADER.size:
        raise ValueError(f"Expected a PNG file. Received: {len(content):,} bytes")
    start, length, name, width, height, depth, colour = _HEADER.unpack_from(content)
    if (start, length, name) != (_START, _HEADER_LENGTH, _HEADER_NAME) or not (width and height):
        received = "HEIC. Convert it to PNG first" if is_heif(content) else "another format"
        raise ValueError(f"Expected a PNG file. Received: {received}")
    return width, height, depth, colour
