"""Image files as a source of frames: one file, or the images in a folder or of a pattern, in the order of their names.

Not for crops that keep the pixel contract already: those are `device.crops`' business.

Sources: https://docs.opencv.org/4.x/d4/da8/group__imgcodecs.html; CIPA DC-008, Exif 2.32, section 4.6.4 (orientation).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
import PIL.ExifTags
import PIL.Image

from .frames import Frame, Image, Source, checked_frame, elapsed_ms

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})

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

log = logging.getLogger(__name__)


class Stills(Source):
    """Reads image files one after another; one that cannot be read is logged and counted as failed."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Takes the files; they are opened when their turn comes."""
        self.paths = tuple(paths)

    def __iter__(self) -> Iterator[Frame]:
        """Yields a frame for each file that can be read."""
        for number, path in enumerate(self.paths):
            started = time.perf_counter()
            try:
                image = read_image(path)
            except (OSError, ValueError) as error:
                self.failed += 1
                log.error(f"error: {error}")  # noqa: TRY400  # a bad file is told in a line
                continue
            yield Frame(image, number, str(path), capture_ms=elapsed_ms(started))


def images_in(folder: Path) -> Sequence[Path]:
    """Returns the image files in a folder by name, known by their suffixes; raises ValueError where there are none."""
    images = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file())
    if not images:
        raise ValueError(f"{folder}: Expected a folder with images, {', '.join(sorted(IMAGE_SUFFIXES))}. Found none")
    return images


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
