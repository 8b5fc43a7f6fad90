"""Raw frames from a pipe as a source: pixels alone, such as `ffmpeg -i INPUT -f rawvideo -pix_fmt bgr24 -` writes.

No frame is dropped. The stream has no header, so the caller gives the size and the order of the colours.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from types import MappingProxyType
from typing import BinaryIO

import numpy as np

from ..arrays import Image
from .camera_settings import MAX_SIDE, parse_size
from .frames import Frame, Source, elapsed_ms

# Bytes per pixel, by the order of its colours.
ORDERS = MappingProxyType({"bgr": 3, "rgb": 3, "grey": 1})
_NAME = "-"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RawLayout:
    """The size of raw frames and the order of their colours: "bgr", "rgb" or "grey"."""

    width: int
    height: int
    order: str = "bgr"

    def __post_init__(self) -> None:
        if not (1 <= self.width <= MAX_SIDE and 1 <= self.height <= MAX_SIDE):
            received = f"{self.width}x{self.height}"
            raise ValueError(f"Expected raw frames with sides of 1 to {MAX_SIDE} pixels. Received: {received}")
        if self.order not in ORDERS:
            raise ValueError(f"Expected raw frames in {', '.join(ORDERS)}. Received: {self.order}")

    @classmethod
    def parse(cls, size: str, order: str = "bgr") -> RawLayout:
        """Returns the layout for a size such as `1280x720`; raises ValueError for other text."""
        return cls(*parse_size(size), order)

    @property
    def frame_bytes(self) -> int:
        return self.width * self.height * ORDERS[self.order]

    def image(self, pixels: Image) -> Image:
        """Returns the image `<uint8>[h, w, 3]` of a frame's bytes `<uint8>[frame_bytes]`."""
        import cv2  # noqa: PLC0415  # the command line reads a layout without it

        if self.order == "grey":
            return np.asarray(cv2.cvtColor(pixels.reshape(self.height, self.width), cv2.COLOR_GRAY2BGR), np.uint8)
        image = pixels.reshape(self.height, self.width, 3)
        return image if self.order == "bgr" else np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), np.uint8)


class RawFrames(Source):
    """Reads raw frames from a stream until it ends; an incomplete last frame is logged and left out."""

    endless = True

    def __init__(self, stream: BinaryIO, layout: RawLayout) -> None:
        """Takes a buffered stream, such as `sys.stdin.buffer`."""
        self._stream = stream
        self._layout = layout

    def __iter__(self) -> Iterator[Frame]:
        for number in count():
            started = time.perf_counter()
            pixels = self._pixels(number)
            if pixels is None:
                return
            image = self._layout.image(pixels)
            yield Frame(image, number, _NAME, position_s=time.monotonic(), capture_ms=elapsed_ms(started))

    def _pixels(self, number: int) -> Image | None:
        content = self._stream.read(self._layout.frame_bytes)
        if len(content) == self._layout.frame_bytes:
            return np.frombuffer(content, np.uint8)
        if content:
            there = f"{len(content):,} of {self._layout.frame_bytes:,} bytes"
            log.warning(f"{_NAME}: the stream ends within frame {number}: {there}")
        return None
