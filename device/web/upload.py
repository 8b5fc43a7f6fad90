"""What was sent to be read: a crop as it is, or a picture of one digit that becomes a crop.

Not the network's business: bytes go in, whoever they come from; nothing is unpacked before its size is known.

Source: W3C, Portable Network Graphics (PNG) Specification (Third Edition), sections 5.2 and 11.2.1 (IHDR).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from ..arrays import Crop
from ..pixels import SIDE, checked_crop
from ..vision.boxes import Box
from ..vision.finder import Finder
from ..vision.images import decode_image

# Eight million pixels are a photograph of 3264 x 2448.
MAX_BYTES = 2**23
MAX_PIXELS = 2**23

_HEADER = struct.Struct(">8s4s4sIIBB")
_START, _HEADER_LENGTH, _HEADER_NAME = b"\x89PNG\r\n\x1a\n", b"\0\0\0\x0d", b"IHDR"
_GREY_OF_8_BITS = (8, 0)


class TooLargeError(ValueError):
    """What was sent is larger than what is taken."""


@dataclass(frozen=True, eq=False)
class Upload:
    """A crop, and where in the picture it stands; both are None where the picture shows nothing like a digit."""

    crop: Crop | None
    box: Box | None = None


def read_raw(content: bytes) -> Upload:
    """Returns the crop whose 784 pixels were sent, row by row; raises ValueError where there are more or fewer."""
    if len(content) != SIDE * SIDE:
        raise ValueError(f"Expected a crop of {SIDE * SIDE} bytes. Received: {len(content):,}")
    return Upload(np.frombuffer(content, np.uint8).reshape(SIDE, SIDE))


def read_png(content: bytes, finder: Finder) -> Upload:
    """Returns the digit in a PNG file; a grey one of 28 x 28 pixels and 8 bits is a crop already.

    Raises:
        TooLargeError: the picture has too many pixels.
        ValueError: the content is no PNG file that can be read.
    """
    width, height, depth, colour = _header(content)
    if width * height > MAX_PIXELS:
        raise TooLargeError(f"Expected a picture of at most {MAX_PIXELS:,} pixels. Received: {width:,} x {height:,}")
    image = decode_image(content, "PNG")
    if (width, height) == (SIDE, SIDE) and (depth, colour) == _GREY_OF_8_BITS:
        return Upload(checked_crop(np.ascontiguousarray(image[..., 0])))
    found = finder.find_one(image)
    if found is None:
        # Written small into a corner, it is still the only thing there.
        candidates = finder.find(image)
        found = max(candidates, key=lambda candidate: candidate.box.width * candidate.box.height, default=None)
    return Upload(None) if found is None else Upload(found.crop, found.box)


def _header(content: bytes) -> tuple[int, int, int, int]:
    """Width, height, bits a sample, and the kind of colour."""
    if len(content) < _HEADER.size:
        raise ValueError(f"Expected a PNG file. Received: {len(content):,} bytes")
    start, length, name, width, height, depth, colour = _HEADER.unpack_from(content)
    if (start, length, name) != (_START, _HEADER_LENGTH, _HEADER_NAME) or not (width and height):
        raise ValueError("Expected a PNG file. Received something else")
    return width, height, depth, colour
