"""Reads crops from files: NumPy arrays, IDX files, and, if OpenCV is installed, PNG and JPEG images.

A file holds crops that keep the pixel contract (`device.pixels`) already; nothing is scaled or inverted here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .arrays import Crops, UInt8
from .npy import parse_npy
from .pixels import SIDE

_IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg"})
HEIC_SUFFIXES = frozenset({".heic", ".heif"})


def read_crops(path: Path) -> Crops:
    """Returns the crops in a file, `<uint8>[n, 28, 28]`.

    `.npy` holds `<uint8>[28, 28]` or `<uint8>[n, 28, 28]`, an image one crop; any other suffix is read as IDX.
    Raises ValueError if the file holds something else, OSError if it cannot be read, and ImportError for an image if
    OpenCV is not installed.
    """
    suffix = path.suffix.lower()
    if path.is_dir():
        raise ValueError(f"{path}: Expected a file: .npy, IDX, PNG or JPEG. Received: a folder")
    if suffix in HEIC_SUFFIXES:
        raise ValueError(f"{path}: Expected .npy, IDX, PNG or JPEG. Received: HEIC. Convert it to PNG or JPEG first")
    if suffix in _IMAGE_SUFFIXES:
        array = _read_image(path)
    elif suffix == ".npy":
        array = _parsed_npy(path)
    else:
        # Unpacking, which the device seldom needs, is slow to import.
        from .idx import read_idx  # noqa: PLC0415

        array = read_idx(path)
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or array.shape[-2:] != (SIDE, SIDE):
        expected = f"crops <uint8>[{SIDE}, {SIDE}] or <uint8>[n, {SIDE}, {SIDE}]"
        raise ValueError(f"{path}: Expected {expected}. Received: shape={array.shape}, dtype={array.dtype}.")
    return array.reshape(-1, SIDE, SIDE)


def _parsed_npy(path: Path) -> UInt8:
    try:
        return parse_npy(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _read_image(path: Path) -> UInt8:
    try:
        import cv2  # noqa: PLC0415  # an extra: the rest works without it
    except ModuleNotFoundError as error:
        from .advice import CAMERA, pip_install  # noqa: PLC0415  # only for those who lack something

        raise ImportError(f"{path}: reading images needs OpenCV: {pip_install(*CAMERA)}") from error
    from .image_header import CROP_FORMATS, checked_image  # noqa: PLC0415

    content = path.read_bytes()
    try:
        image = cv2.imdecode(np.frombuffer(checked_image(content, CROP_FORMATS), np.uint8), cv2.IMREAD_GRAYSCALE)
    except (ValueError, cv2.error) as error:
        raise ValueError(f"{path}: {error}") from error
    if image is None:
        raise ValueError(f"{path}: Expected an image, PNG or JPEG. Received: {len(content):,} bytes of another kind")
    return np.asarray(image, np.uint8)
