"""Pictures as the pages show them: shrunk, and as JPEG."""

from __future__ import annotations

import cv2

from ..arrays import Image


def jpeg_of(picture: Image, max_side_px: int, quality: int) -> bytes:
    """Returns a picture `<uint8>[h, w, 3]` as a JPEG file of a quality of 0..100, its sides at most `max_side_px`."""
    height, width = picture.shape[:2]
    zoom = min(1.0, max_side_px / max(height, width))
    size = (max(1, round(width * zoom)), max(1, round(height * zoom)))
    small = picture if zoom == 1 else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", small, (cv2.IMWRITE_JPEG_QUALITY, quality))[1])
