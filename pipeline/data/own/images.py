"""Image files as grey levels of a network's shape. What was changed is reported, what cannot be read is listed."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageOps

from device.arrays import UInt8
from pipeline.data.own.own_data import Shape

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_COLOURS = {"L": "grey", "RGB": "RGB", "RGBA": "RGBA"}
_LEVELS_IN_16_BITS = 2**16
_SIZES_SHOWN = 3


@dataclass(frozen=True)
class Images:
    """Images `<uint8>[n, height, width]`, with channels unless the network takes lines, and what was changed."""

    pixels: UInt8
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Form:
    """How images are wanted: Pillow's mode, and the size in pixels, (width, height), or None to keep it."""

    mode: str
    size: tuple[int, int] | None


def read_images(paths: Sequence[Path], shape: Shape) -> Images:
    """Return images turned by their Exif orientation, in a network's channels, and stretched to its size.

    `shape` is (height, width, channels) or (height, width). If height or width is None, the images must have one size.
    As in Keras, `keras.utils.load_img`, transparency is left out. Raises ValueError that lists all files that cannot
    be read, with the reasons.
    """
    form = _form(shape)
    images, changes, failures = [], Counter[str](), []
    for path in paths:
        try:
            image, changed = _read(path, form)
        except Exception as error:  # noqa: BLE001  # Pillow's many readers raise anything for a damaged file
            failures.append(f"{path}: {error}")
        else:
            images.append(image)
            changes.update(changed)
    if failures:
        listed = "\n".join(failures)
        raise ValueError(f"Expected images that Pillow reads. Received {len(failures):,} others:\n{listed}")
    return Images(_stacked(images, shape), _notes(changes))


def is_image_name(path: Path) -> bool:
    """Say whether a file is to be read as an image: Pillow knows its suffix, or it has none."""
    return not path.suffix or path.suffix.lower() in PIL.Image.registered_extensions()


def _form(shape: Shape) -> _Form:
    if len(shape) > 3:
        mend = "Give the inputs as arrays: a .npz file, or x.npy and y.npy"
        raise ValueError(f"Expected a network of single images. Received: input shape {shape}. {mend}")
    channels = shape[2] if len(shape) == 3 else 1
    if channels not in _MODES:
        raise ValueError(f"Expected an image network of 1, 3 or 4 channels. Received: input shape {shape}")
    height, width = shape[:2]
    return _Form(_MODES[channels], None if height is None or width is None else (width, height))


def _read(path: Path, form: _Form) -> tuple[UInt8, list[str]]:
    PIL.Image.init()
    # EPS is a program, which Pillow runs.
    formats = sorted(PIL.Image.OPEN.keys() - {"EPS"})
    with warnings.catch_warnings():
        warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)
        with PIL.Image.open(path, formats=formats) as opened:
            changes = ["read at the first frame of an animation"] * (getattr(opened, "n_frames", 1) > 1)
            image = PIL.ImageOps.exif_transpose(opened)
    image, converted = _in_mode(image, form.mode)
    resized = []
    if form.size is not None and image.size != form.size:
        resized = [f"resized from {_text(image.size)} to {_text(form.size)}"]
        image = image.resize(form.size, PIL.Image.Resampling.BILINEAR)
    return np.asarray(image, np.uint8), changes + converted + resized


def _in_mode(image: PIL.Image.Image, mode: str) -> tuple[PIL.Image.Image, list[str]]:
    if image.mode == mode:
        return image, []
    change = f"converted from {image.mode} to {_COLOURS[mode]}"
    if image.mode == "F":
        raise ValueError("Expected grey levels or colours. Received: real numbers (Pillow's mode F)")
    if image.mode.startswith("I"):
        return _from_16_bits(image).convert(mode), [change]
    return image.convert(mode), [change]


def _from_16_bits(image: PIL.Image.Image) -> PIL.Image.Image:
    levels = np.asarray(image, np.int64)
    if levels.min() < 0 or levels.max() >= _LEVELS_IN_16_BITS:
        raise ValueError(f"Expected grey levels of 8 or 16 bits. Received: {levels.min()} to {levels.max()}")
    return PIL.Image.fromarray(np.rint(levels / 257).astype(np.uint8))


def _stacked(images: list[UInt8], shape: Shape) -> UInt8:
    sizes = Counter(image.shape[1::-1] for image in images)
    if len(sizes) > 1:
        received = ", ".join(f"{count:,} of {_text(size)}" for size, count in sizes.most_common())
        raise ValueError(f"Expected images of one size for a network of shape {shape}. Received: {received}")
    pixels = np.stack(images)
    return pixels[..., np.newaxis] if len(shape) == 3 and pixels.ndim == 3 else pixels


def _notes(changes: Counter[str]) -> tuple[str, ...]:
    resized = Counter({change: count for change, count in changes.items() if change.startswith("resized")})
    others = sum(count for _, count in resized.most_common()[_SIZES_SHOWN:])
    shown = (changes - resized).most_common() + resized.most_common(_SIZES_SHOWN)
    rest = [("resized from other sizes", others)] if others else []
    return tuple(f"images {change}: {count:,}" for change, count in [*shown, *rest])


def _text(size: tuple[int, ...]) -> str:
    width, height = size
    return f"{width} x {height}"
