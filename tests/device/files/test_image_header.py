"""Tests of `device.files.image_header`: no file makes a decoder reserve memory that its bytes cannot fill."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest

from device.files.image_header import checked_image, image_format
from device.vision.images import decode_image
from tests.support.bounded import READS, answers

SPARE_MIB = 96
PNG_START = b"\x89PNG\r\n\x1a\n"


def chunk(name: bytes, data: bytes, length: int | None = None) -> bytes:
    """A PNG chunk, which may claim another length than it has."""
    claimed = len(data) if length is None else length
    return struct.pack(">I", claimed) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_header(width: int, height: int) -> bytes:
    return PNG_START + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))


def encoded(suffix: str) -> bytes:
    """A grey image 40 wide and 30 high as a file."""
    return bytes(cv2.imencode(suffix, np.full((30, 40), 200, np.uint8))[1])


def tiff(width: int, strip_rows: int) -> bytes:
    """A TIFF file of 4 rows whose one strip claims a number of rows."""
    fields = (256, width), (257, 4), (258, 8), (259, 1), (262, 1), (273, 200), (277, 1), (278, strip_rows), (279, 4)
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in fields)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(fields)) + entries + bytes(200)


ANIMATION = chunk(b"acTL", struct.pack(">II", 2, 0)) + chunk(
    b"fcTL", struct.pack(">IIIIIHHBB", 0, 30_000, 30_000, 0, 0, 1, 1, 0, 0)
)
PIXELS = chunk(b"IDAT", zlib.compress(bytes(29 * 28))) + chunk(b"IEND", b"")
REFUSED = {
    "chunk-of-4-GB.png": png_header(28, 28) + struct.pack(">I", 2**32 - 16) + b"IDATpart",
    "text-of-2-GB.png": png_header(28, 28) + struct.pack(">I", 2**31 - 1) + b"tEXtpart",
    "cut-in-a-length.png": png_header(28, 28) + chunk(b"IDAT", b"part") + b"\0\0",
    "vast.png": png_header(60_000, 60_000) + PIXELS,
    "more-than-its-bytes.png": png_header(8_000, 8_000) + PIXELS,
    "no-header.png": PNG_START + PIXELS,
    "vast.jpg": encoded(".jpg").replace(b"\x08\0\x1e\0\x28", b"\x08\xff\xff\xff\xff"),
    "no-frame.jpg": b"\xff\xd8\xff\xe0\0\x10" + bytes(99),
    "vast.bmp": b"BM" + bytes(12) + struct.pack("<IiiHH", 40, 30_000, -30_000, 1, 24) + bytes(64),
    "vast.pgm": b"P5 # a comment\n60000 60000\n255\n" + bytes(99),
    "vast.tiff": tiff(2**30, 4),
    "tall-strip.tiff": tiff(4, 2**28),
    "cut.tiff": tiff(4, 4)[:20],
    "vast.webp": b"RIFF\xff\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\xff\xff" * 2 + bytes(99),
    "vast-lossless.webp": b"RIFF\xff\0\0\0WEBPVP8L\xff\0\0\0\x2f\xff\xff\xff\x0f" + bytes(99),
    "vast-lossy.webp": b"RIFF\xff\0\0\0WEBPVP8 \xff\0\0\0\0\0\0\x9d\x01\x2a\xff\x3f\xff\x3f" + bytes(99),
    "other.gif": b"GIF89a\xff\xff\xff\xff" + bytes(99),
    "other.jp2": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(99),
    "other.hdr": b"#?RADIANCE\n\n-Y 60000 +X 60000\n" + bytes(99),
}


def test_a_file_that_claims_too_much_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    """In a process with little memory, every file that claims too much is refused with what was expected."""
    for name, content in REFUSED.items():
        (tmp_path / name).write_bytes(content)
    paths = [tmp_path / name for name in REFUSED]
    imports = "from device.vision.images import read_image"
    said = answers(imports, "read_image(Path(name))", paths, SPARE_MIB)
    assert [line.partition(": ")[0] for line in said] == [str(path) for path in paths]
    assert {line.partition(": ")[2][:17] for line in said} == {"Expected an image"}


@pytest.mark.parametrize("name", ["chunk-of-4-GB.png", "vast.png", "vast.jpg"])
def test_a_crop_that_claims_too_much_is_refused_before_it_is_decoded(tmp_path: Path, name: str) -> None:
    """The command line's crops are checked in the same way."""
    (tmp_path / name).write_bytes(REFUSED[name])
    imports = f"import cv2\n{READS}"
    said = answers(imports, "read_inputs(Path(name), FORM)", [tmp_path / name], SPARE_MIB)
    assert [line.startswith(f"{tmp_path / name}: Expected an image") for line in said] == [True]


def test_an_animation_in_a_png_never_reaches_the_decoder() -> None:
    """Chunks that decide no pixel are left out, such as the frames of an animation, whose sizes may be anything."""
    whole = png_header(28, 28) + ANIMATION + PIXELS
    assert checked_image(whole) == png_header(28, 28) + PIXELS
    assert decode_image(whole, "a.png").shape == (28, 28, 3)


@pytest.mark.parametrize("length", [1, 3, 4, 12, 100])
def test_what_follows_the_last_chunk_of_a_png_is_left_out(length: int) -> None:
    """A camera or an editor may append to a file what is no part of its image."""
    whole = png_header(28, 28) + PIXELS
    assert checked_image(whole + b"\xff" * length) == whole


def test_a_strip_that_says_no_number_of_rows_has_all() -> None:
    """In TIFF 2**32 - 1 rows a strip are the default, and mean one strip; one row fewer is a claim."""
    assert checked_image(tiff(4, 2**32 - 1)) == tiff(4, 2**32 - 1)
    with pytest.raises(ValueError, match="Expected an image of 1 to"):
        checked_image(tiff(4, 2**32 - 2))


@pytest.mark.parametrize(
    ("suffix", "expected"),
    [
        (".png", "PNG"),
        (".jpg", "JPEG"),
        (".bmp", "BMP"),
        (".tiff", "TIFF"),
        (".webp", "WebP"),
        (".pgm", "PBM, PGM or PPM"),
    ],
)
def test_a_whole_file_passes_as_it_is(suffix: str, expected: str) -> None:
    """What OpenCV writes in each format is recognised by its first bytes and reaches the decoder."""
    content = encoded(suffix)
    assert image_format(content[:12]) == expected
    assert checked_image(content) == content
    assert decode_image(content, "a").shape == (30, 40, 3)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("jpeg", {"progressive": True, "comment": b"\xff\xc0 no frame"}),
        ("webp", {"lossless": True}),
        ("webp", {"quality": 50, "exif": b"Exif\0\0"}),
        ("bmp", {}),
        ("ppm", {}),
        ("tiff", {"compression": "tiff_lzw"}),
        ("png", {"optimize": True}),
    ],
)
def test_what_pillow_writes_passes(kind: str, options: dict[str, object]) -> None:
    """Progressive, lossless and compressed files, and those with extra segments, are read with their size."""
    file = BytesIO()
    PIL.Image.new("RGB", (300, 200), "white").save(file, kind, **options)
    assert decode_image(file.getvalue(), "a").shape == (200, 300, 3)


@pytest.mark.parametrize("width", [0, 2**31])
def test_an_image_without_pixels_is_refused(width: int) -> None:
    """A size of 0, or one beyond the format's, is refused with the size."""
    with pytest.raises(
        ValueError, match=rf"Expected an image of 1 to [0-9,]+ pixels in [0-9,]+ bytes\. Received: {width:,} x 9"
    ):
        checked_image(png_header(width, 9) + PIXELS)
