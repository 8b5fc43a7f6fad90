"""Decodes images and converts arrays to the one form that sources give: upright `<uint8>[h, w, 3]`, BGR.

Sources: https://docs.opencv.org/4.x/d4/da8/group__imgcodecs.html; CIPA DC-008, Exif 2.32, section 4.6.4 (orientation).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
import numpy.typing as npt
import PIL.ExifTags
import PIL.Image

from ..arrays import Image
from ..files.image_header import checked_image

_MAX_UINT16 = 65_535

# The brands of HEIC and HEIF files. Source: ISO/IEC 23008-12, annex B.
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})

# OpenCV turns other formats itself; for these its versions differ, and alpha makes a difference.
_FORMATS_TO_TURN = ("JPEG", "PNG", "WEBP")

# From the stored pixels to the upright image, by Exif orientation.
_TURNS: Mapping[int, Callable[[Image], Image]] = MappingProxyType(
    {
        1: lambda image: image,
        2: lambda image: image[:, ::-1],
        3: lambda image: image[::-1, ::-1],
        4: lambda image: image[::-1],
        5: lambda image: image.swapaxes(0, 1),
        6: lambda image: image.swapaxes(0, 1)[:, ::-1],
        7: lambda image: image.swapaxes(0, 1)[::-1, ::-1],
        8: lambda image: image.swapaxes(0, 1)[::-1],
    }
)


def checked_frame(array: object) -> Image:
    """Returns an array as an image `<uint8>[h, w, 3]`, BGR.

    Takes `[h, w]` or `[h, w, 1]` grey, `[h, w, 3]` BGR, and `[h, w, 4]` BGR with alpha, which is blended with white;
    an alpha of 0 everywhere is padding and is dropped. Values are uint8, uint16 over its full range, or floats in 0..1.
    Raises ValueError for anything else, for an array without pixels, and for floats that are NaN or outside 0..1.
    """
    if not isinstance(array, np.ndarray):
        raise ValueError(f"Expected a frame, an array [h, w, 3]. Received: {type(array).__name__}")
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.ndim not in (2, 3) or channels not in (1, 3, 4) or not array.size:
        expected = "a frame [h, w], [h, w, 1], [h, w, 3] or [h, w, 4] of at least one pixel"
        raise ValueError(f"Expected {expected}. Received: shape={array.shape}, dtype={array.dtype}.")
    image = _eight_bits(np.ascontiguousarray(array))
    if channels == 1:
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
    return image if channels == 3 else _on_white(image)


def read_image(path: Path) -> Image:
    """Returns the image in a file `<uint8>[h, w, 3]`, turned upright by its Exif orientation, alpha blended with white.

    Raises OSError if the file cannot be read, and ValueError if it is not an image, is incomplete, is HEIC, or claims
    more pixels than `image_header` allows.
    """
    return decode_image(path.read_bytes(), str(path))


def decode_image(content: bytes, name: str) -> Image:
    """Returns the image that the bytes of a file hold; like `read_image`, with `name` for the error messages."""
    if is_heif(content):
        received = "HEIC/HEIF. Convert it to JPEG or PNG first."
        raise ValueError(f"{name}: Expected an image that OpenCV can read. Received: {received}")
    try:
        encoded = np.frombuffer(checked_image(content), np.uint8)
        turn = _turn_of(content)
        image = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED)
    except (ValueError, PIL.Image.DecompressionBombError) as error:
        raise ValueError(f"{name}: {error}") from error
    except cv2.error as error:
        raise ValueError(f"{name}: Expected an image that OpenCV can read. {error.err}") from error
    if image is None:
        raise ValueError(f"{name}: Expected an image. Received: {len(content):,} bytes that cannot be decoded")
    return np.ascontiguousarray(turn(checked_frame(image)))


def is_heif(head: bytes) -> bool:
    """Returns whether a file that starts with these bytes (12 suffice) is HEIC or HEIF."""
    return head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS


def _eight_bits(array: npt.NDArray[np.generic]) -> Image:
    if array.dtype == np.uint8:
        return np.asarray(array, np.uint8)
    if array.dtype == np.uint16:
        return np.asarray(cv2.convertScaleAbs(array, alpha=255 / _MAX_UINT16), np.uint8).reshape(array.shape)
    if not np.issubdtype(array.dtype, np.floating):
        raise ValueError(f"Expected a frame of uint8, uint16, or floats in 0..1. Received: dtype={array.dtype}.")
    lowest, highest = array.min(), array.max()  # either is NaN where any value is
    if not (lowest >= 0 and highest <= 1):
        raise ValueError(f"Expected a frame's floats in 0..1. Received: {lowest:g}..{highest:g}")
    return np.asarray(np.rint(array.astype(np.float32) * 255), np.uint8)


def _on_white(image: Image) -> Image:
    colours, alpha = image[..., :3], image[..., 3:]
    if not alpha.any():
        return np.ascontiguousarray(colours)
    weight = alpha.astype(np.uint16)
    return np.asarray((colours * weight + 255 * (255 - weight) + 127) // 255, np.uint8)


def _turn_of(content: bytes) -> Callable[[Image], Image]:
    """Returns what turns the image in a file upright; nothing is turned without a valid Exif orientation."""
    try:
        with PIL.Image.open(BytesIO(content), formats=_FORMATS_TO_TURN) as image:
            raw = image.info.get("exif", b"")
    except OSError:  # OpenCV decides whether it is an image
        raw = b""
    exif = PIL.Image.Exif()
    try:
        exif.load(raw)
    except SyntaxError:  # raised by Pillow for malformed Exif data
        return _TURNS[1]
    return _TURNS.get(exif.get(PIL.ExifTags.Base.Orientation, 1), _TURNS[1])
