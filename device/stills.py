"""Image files as a source of frames: one file, or the images in a folder or of a pattern, in the order of their names.

Not for crops that keep the pixel contract already: those are `device.crops`' business.

Source: https://docs.opencv.org/4.x/d4/da8/group__imgcodecs.html.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from .frames import Frame, Image, Source, checked_frame, elapsed_ms

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})

_JPEG_START = b"\xff\xd8"

log = logging.getLogger(__name__)


class Stills(Source):
    """Reads image files one after another; one that cannot be read is logged and counted as failed."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Takes the files; they are opened when their turn comes."""
        self._paths = tuple(paths)

    def __iter__(self) -> Iterator[Frame]:
        """Yields a frame for each file that can be read."""
        for number, path in enumerate(self._paths):
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
        image = _decoded(encoded) if encoded.size else None
    except cv2.error as error:
        raise ValueError(f"{name}: Expected an image that OpenCV can read. {error.err}") from error
    if image is None:
        raise ValueError(f"{name}: Expected an image. Received: {len(content):,} bytes that are none")
    return checked_frame(image)


def _decoded(encoded: Image) -> Image | None:
    image: Image | None = cv2.imdecode(encoded, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    if image is None or encoded[:2].tobytes() == _JPEG_START:
        return image
    # Only IMREAD_UNCHANGED keeps alpha, and it forgets the orientation: it is for what has alpha alone.
    unchanged: Image | None = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED)
    has_alpha = unchanged is not None and unchanged.ndim == 3 and unchanged.shape[2] == 4
    return unchanged if has_alpha else image
