"""Checks an image file before a decoder gets it: its format, and that its size is one that its bytes can hold.

A decoder reserves the memory that a header asks for, so a file of some bytes could ask for gigabytes.

Sources: W3C, PNG Specification (Third Edition), section 5; ITU-T T.81, annex B (JPEG); Adobe, TIFF Revision 6.0,
section 2; RFC 9649 (WebP); Microsoft, BITMAPINFOHEADER; Netpbm, pbm(5) to ppm(5).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

# Enough for a photograph of 8192 x 8192 pixels.
MAX_PIXELS = 2**26
# Deflate packs up to 1032 bytes of 8 pixels each in a byte; the other formats hardly exceed that.
_MAX_PIXELS_PER_BYTE = 2**14

PNG, JPEG = "PNG", "JPEG"
CROP_FORMATS = frozenset({PNG, JPEG})
_MAGIC: Mapping[str, re.Pattern[bytes]] = MappingProxyType(
    {
        PNG: re.compile(rb"\x89PNG\r\n\x1a\n"),
        JPEG: re.compile(rb"\xff\xd8\xff"),
        "BMP": re.compile(rb"BM"),
        "PBM, PGM or PPM": re.compile(rb"P[1-6][\s#]"),
        "TIFF": re.compile(rb"II\*\0|MM\0\*"),
        "WebP": re.compile(rb"RIFF....WEBP", re.DOTALL),
    }
)
# The chunks that decide the pixels; the others can hold animations, profiles and texts of any size.
_PNG_CHUNKS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
# A chunk's length, name and checksum, without its data.
_PNG_CHUNK_BYTES = 12
_NETPBM_SPACE = rb"(?:\s|#[^\r\n]*[\r\n])+"
_NETPBM_SIZE = re.compile(rb"P[1-6]" + _NETPBM_SPACE + rb"([0-9]{1,9})" + _NETPBM_SPACE + rb"([0-9]{1,9})")
_TIFF_TYPES = MappingProxyType({3: "H", 4: "I"})
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_STRIP_ROWS, _TIFF_TILE_WIDTH, _TIFF_TILE_HEIGHT = 256, 257, 278, 322, 323
_ONE_STRIP = 2**32 - 1

Size = tuple[int, int]


def image_format(head: bytes) -> str | None:
    """Returns the format of a file that starts with these bytes (12 suffice); None if it is not one that is read."""
    return next((name for name, magic in _MAGIC.items() if magic.match(head)), None)


def checked_image(content: bytes, formats: frozenset[str] = frozenset(_MAGIC)) -> bytes:
    """Returns what a decoder may get of an image file's bytes: all of them, or of a PNG the chunks of its pixels.

    Raises ValueError if it is not in one of the formats, its header is damaged, or it claims more than `MAX_PIXELS`
    pixels, or more than its bytes can hold.
    """
    found = image_format(content)
    if found is None or found not in formats:
        raise ValueError(f"Expected an image. Received: {len(content):,} bytes in no known image format")
    try:
        width, height = _SIZES[found](content)
    except (IndexError, KeyError, StopIteration, struct.error) as error:
        raise ValueError(f"Expected an image. Received: {found} with a damaged header") from error
    limit = min(MAX_PIXELS, _MAX_PIXELS_PER_BYTE * len(content))
    if not 0 < width * height <= limit:
        expected = f"Expected an image of 1 to {limit:,} pixels in {len(content):,} bytes"
        raise ValueError(f"{expected}. Received: {width:,} x {height:,}")
    if found != PNG:
        return content
    return content[:8] + b"".join(chunk for chunk in _png_chunks(content) if chunk[4:8] in _PNG_CHUNKS)


def _png_chunks(content: bytes) -> Iterator[bytes]:
    start, chunk = 8, b""
    # What follows the last chunk belongs to no image.
    while start < len(content) and chunk[4:8] != b"IEND":
        if len(content) - start < _PNG_CHUNK_BYTES:
            raise ValueError("Expected an image. Received: PNG that ends within the start of a chunk")
        (length,) = struct.unpack_from(">I", content, start)
        end = start + _PNG_CHUNK_BYTES + length
        if end > len(content):
            there = f"{length:,} bytes, of which {len(content) - start - _PNG_CHUNK_BYTES:,} are there"
            raise ValueError(f"Expected an image. Received: PNG with a chunk of {there}")
        start, chunk = end, content[start:end]
        yield chunk


def _png_size(content: bytes) -> Size:
    length, name, width, height = struct.unpack_from(">I4sII", content, 8)
    return (width, height) if (length, name) == (13, b"IHDR") else (0, 0)


def _jpeg_size(content: bytes) -> Size:
    start = 2
    while True:
        start = content.find(b"\xff", start) + 1
        marker = content[start] if start else 0xD9
        if marker in {0xD9, 0xDA}:  # the image ends, or its pixels begin
            raise IndexError
        if marker in {0x00, 0x01, 0xFF} or 0xD0 <= marker <= 0xD8:  # these have no length
            continue
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:  # a frame's header
            height, width = struct.unpack_from(">HH", content, start + 4)
            return width, height
        start += 1 + struct.unpack_from(">H", content, start + 1)[0]


def _bmp_size(content: bytes) -> Size:
    (header_bytes,) = struct.unpack_from("<I", content, 14)
    width, height = struct.unpack_from("<HH" if header_bytes == 12 else "<ii", content, 18)
    return abs(width), abs(height)


def _netpbm_size(content: bytes) -> Size:
    found = _NETPBM_SIZE.match(content)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _tiff_size(content: bytes) -> Size:
    """Returns the size of the first image, or that of its strips or tiles where it is larger."""
    order = "<" if content.startswith(b"II") else ">"
    (start,) = struct.unpack_from(f"{order}I", content, 4)
    (count,) = struct.unpack_from(f"{order}H", content, start)
    numbers: dict[int, int] = {}
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(f"{order}HH", content, entry)
        if kind in _TIFF_TYPES:
            numbers.setdefault(tag, struct.unpack_from(f"{order}{_TIFF_TYPES[kind]}", content, entry + 8)[0])
    strip_rows = numbers.get(_TIFF_STRIP_ROWS, 0)
    width = max(numbers[_TIFF_WIDTH], numbers.get(_TIFF_TILE_WIDTH, 0))
    height = max(
        numbers[_TIFF_HEIGHT], numbers.get(_TIFF_TILE_HEIGHT, 0), strip_rows if strip_rows != _ONE_STRIP else 0
    )
    return width, height


def _webp_size(content: bytes) -> Size:
    kind = content[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(content[start : start + 3], "little") + 1 for start in (24, 27))
        return (width, height) if len(content) >= 30 else (0, 0)
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", content, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", content, 26)
    return width & 0x3FFF, height & 0x3FFF


_SIZES: Mapping[str, Callable[[bytes], Size]] = MappingProxyType(
    {
        PNG: _png_size,
        JPEG: _jpeg_size,
        "BMP": _bmp_size,
        "PBM, PGM or PPM": _netpbm_size,
        "TIFF": _tiff_size,
        "WebP": _webp_size,
    }
)
