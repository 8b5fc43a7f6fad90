"""Reads a model's inputs from files: NumPy arrays; images also as IDX, PNG and JPEG; a sequence also as CSV.

A file holds inputs as the model takes them already; nothing is scaled or inverted here. PNG and JPEG need OpenCV.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..arrays import Float32, UInt8
from ..contract.inputs import Input, InputForm
from .npy import parse_npy

_IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg"})
HEIC_SUFFIXES = frozenset({".heic", ".heif"})
_IMAGE_FILES, _SEQUENCE_FILES = ".npy, IDX, PNG or JPEG", ".npy or CSV"


def read_inputs(path: Path, form: InputForm) -> Input:
    """Returns the inputs in a file, `[n, ...]`: `<uint8>` images or `<float32>` sequences of the form's shape.

    `.npy` holds one or several. An image file holds one image, a CSV file one sequence, a line for each time step and
    perhaps a line of names above; any other suffix is read as IDX. Raises ValueError if the file holds something else,
    OSError if it cannot be read, and ImportError for an image if OpenCV is not installed.
    """
    suffix, files = path.suffix.lower(), _IMAGE_FILES if form.is_image else _SEQUENCE_FILES
    if path.is_dir():
        raise ValueError(f"{path}: Expected a file: {files}. Received: a folder")
    if suffix in HEIC_SUFFIXES:
        raise ValueError(f"{path}: Expected {files}. Received: HEIC. Convert it to PNG or JPEG first")
    if suffix == ".npy":
        return _checked(path, _parsed_npy(path), form)
    if not form.is_image:
        return _checked(path, _read_csv(path, files), form)
    if suffix in _IMAGE_SUFFIXES:
        return _checked(path, _read_image(path, form), form)
    # Unpacking, which the device seldom needs, is slow to import.
    from .idx import read_idx  # noqa: PLC0415

    return _checked(path, read_idx(path), form)


def _checked(path: Path, array: Input, form: InputForm) -> Input:
    axes = len(form.shape)
    if array.dtype != form.dtype or array.ndim not in (axes, axes + 1) or array.shape[-axes:] != form.shape:
        shape = ", ".join(map(str, form.shape))
        expected = f"{form.name}s <{form.dtype}>[{shape}] or <{form.dtype}>[n, {shape}]"
        raise ValueError(f"{path}: Expected {expected}. Received: shape={array.shape}, dtype={array.dtype}.")
    if not form.is_image and np.isnan(array).any():
        raise ValueError(f"{path}: Expected {form.name}s of numbers. Received: NaN")
    return array.reshape(-1, *form.shape)


def _parsed_npy(path: Path) -> Input:
    try:
        return parse_npy(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _read_csv(path: Path, files: str) -> Float32:
    import csv  # noqa: PLC0415  # few need it

    try:
        rows = [row for row in csv.reader(path.read_text("utf-8").splitlines()) if row]
        named = bool(rows) and not any(map(_is_number, rows[0]))
        return np.array([list(map(float, row)) for row in rows[named:]], np.float32)
    except (ValueError, csv.Error) as error:
        raise ValueError(f"{path}: Expected {files}, numbers in lines of equal length. {error}") from error


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _read_image(path: Path, form: InputForm) -> UInt8:
    try:
        import cv2  # noqa: PLC0415  # an extra: the rest works without it
    except ModuleNotFoundError as error:
        from ..advice import CAMERA, pip_install  # noqa: PLC0415  # only for those who lack something

        raise ImportError(f"{path}: reading images needs OpenCV: {pip_install(*CAMERA)}") from error
    from .image_header import CROP_FORMATS, checked_image  # noqa: PLC0415

    content, in_colour = path.read_bytes(), len(form.shape) > 2
    how = cv2.IMREAD_COLOR if in_colour else cv2.IMREAD_GRAYSCALE
    try:
        image = cv2.imdecode(np.frombuffer(checked_image(content, CROP_FORMATS), np.uint8), how)
    except (ValueError, cv2.error) as error:
        raise ValueError(f"{path}: {error}") from error
    if image is None:
        raise ValueError(f"{path}: Expected an image, PNG or JPEG. Received: {len(content):,} bytes of another kind")
    # OpenCV's colours are blue, green, red.
    return np.asarray(image[..., ::-1] if in_colour else image, np.uint8)
