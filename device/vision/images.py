"""Images as everything behind a source takes them: `<uint8>[h, w, 3]`, blue, green, red, upright.

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

_DEEPEST = 65_535


# OpenCV turns the others itself; what it makes of these differs by its version and by whether there is alpha.
_NOT_TURNED = frozenset({"JPEG", "MPO", "PNG", "WEBP"})


# By Exif's orientation: what is stored as [row, column] is to be seen there.
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
    """Returns an array as a frame's image `<uint8>[h, w, 3]`, blue, green, red.

    Takes `[h, w]` or `[h, w, 1]` grey, `[h, w, 3]` BGR, and `[h, w, 4]` BGR with alpha, laid on white; an alpha of
    nought everywhere is padding, and dropped. The values are uint8, uint16 over its full range, or floats in 0..1.

    Raises:
        ValueError: another type, shape or dtype, no pixels, or floats that are no numbers or outside 0..1.
    """
    if not isinstance(array, np.ndarray):
        raise ValueError(f"Expected a frame, an array [h, w, 3]. Received: {type(array).__name__}")
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.ndim not in (2, 3) or channels not in (1, 3, 4) or not array.size:
        raise ValueError(
            f"Expected a frame [h, w], [h, w, 1], [h, w, 3] or [h, w, 4] of at least one pixel. "
            f"Received: shape={array.shape}, dtype={array.dtype}."
        )
    image = _eight_bits(np.ascontiguousarray(array))
    if channels == 1:
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
    return image if channels == 3 else _on_white(image)


def read_image(path: Path) -> Image:
    """Returns the picture in a file `<uint8>[h, w, 3]`, turned as its EXIF orientation says, alpha laid on white.

    Raises:
        ValueError: the file is no image, or a part of one.
        OSError: the file cannot be read.
    """
    return decode_image(path.read_bytes(), str(path))


def decode_image(content: bytes, name: str) -> Image:
    """Returns the picture that a file of that name holds, as `read_image` does; raises ValueError likewise."""
    encoded = np.frombuffer(content, np.uint8)
    try:
        turn = _turn(content)
        image = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED) if encoded.size else None
    except PIL.Image.DecompressionBombError as error:
        raise ValueError(f"{name}: Expected an image that fits into memory. {error}") from error
    except cv2.error as error:
        raise ValueError(f"{name}: Expected an image that OpenCV can read. {error.err}") from error
    if image is None:
        raise ValueError(f"{name}: Expected an image. Received: {len(content):,} bytes that are none")
    return np.ascontiguousarray(turn(checked_frame(image)))


def _eight_bits(array: npt.NDArray[np.generic]) -> Image:
    if array.dtype == np.uint8:
        return np.asarray(array, np.uint8)
    if array.dtype == np.uint16:
        return np.asarray(cv2.convertScaleAbs(array, alpha=255 / _DEEPEST), np.uint8).reshape(array.shape)
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


def _turn(content: bytes) -> Callable[[Image], Image]:
    """How the picture in a file is turned upright, as its Exif data says; not at all where they say nothing."""
    try:
        with PIL.Image.open(BytesIO(content)) as picture:
            exif = picture.info.get("exif", b"") if picture.format in _NOT_TURNED else b""
    except OSError:  # whether it is an image is for OpenCV to say
        exif = b""
    said = PIL.Image.Exif()
    try:
        said.load(exif)
    except SyntaxError:  # Pillow's word for data that are none
        return _TURNS[1]
    return _TURNS.get(said.get(PIL.ExifTags.Base.Orientation, 1), _TURNS[1])
