"""Image files as a source of frames: one file, or those in a folder or matching a pattern, in order of their names."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..files.input_files import HEIC_SUFFIXES
from ..vision.images import read_image
from .frames import Frame, Source, elapsed_ms

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})

log = logging.getLogger(__name__)


class Stills(Source):
    """Reads image files in turn; a file that cannot be read is logged and counted as failed."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = tuple(paths)

    def __iter__(self) -> Iterator[Frame]:
        for number, path in enumerate(self.paths):
            started = time.perf_counter()
            try:
                image = read_image(path)
            except (OSError, ValueError) as error:
                self.failed += 1
                log.error(f"error: {error}")  # noqa: TRY400  # one line is enough for a bad file
                continue
            yield Frame(image, number, str(path), capture_ms=elapsed_ms(started))


def images_in(folder: Path) -> Sequence[Path]:
    """Returns the files with an image suffix in a folder, sorted by name; raises ValueError if there are none."""
    # With HEIC files, so that each gives an error that names its format.
    suffixes = IMAGE_SUFFIXES | HEIC_SUFFIXES
    images = sorted(path for path in folder.iterdir() if path.suffix.lower() in suffixes and path.is_file())
    if not images:
        raise ValueError(f"{folder}: Expected a folder with images, {', '.join(sorted(IMAGE_SUFFIXES))}. Found none")
    return images
