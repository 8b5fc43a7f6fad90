"""Image files as a source of frames: one file, or the images in a folder or of a pattern, in the order of their names.

Not for crops that keep the pixel contract already: those are `device.crop_files`' business.

Sources: https://docs.opencv.org/4.x/d4/da8/group__imgcodecs.html; CIPA DC-008, Exif 2.32, section 4.6.4 (orientation).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..vision.images import read_image
from .frames import Frame, Source, elapsed_ms

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})


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
