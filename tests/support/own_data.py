"""Own data in a folder, as users have them: digits as image files, CSV files, and sequences of two kinds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image

from pipeline.data.own.own_data import OwnData


def write_png(path: Path, pixels: npt.NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(pixels).save(path)


def write_class_folders(folder: Path, crops: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8]) -> None:
    """Write crops `<uint8>[n, h, w]` as `<label>/<index>.png`."""
    for index, (crop, label) in enumerate(zip(crops, labels, strict=True)):
        write_png(folder / str(label) / f"{index:04}.png", crop)


def waves(count: int, steps: int = 20) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return sequences `<float32>[n, steps, 2]`: slow waves of class 0 and fast ones of class 1, in turn."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 2
    phase = np.linspace(0, 6, steps) * (1 + 2 * labels[:, None]) + rng.uniform(0, 6, (count, 1))
    return np.stack([np.sin(phase), np.cos(phase)], axis=2).astype(np.float32), labels


def own_waves(count: int, groups: npt.NDArray[np.str_] | None = None) -> OwnData:
    """Return such sequences as data, named slow and fast."""
    inputs, labels = waves(count)
    items = tuple(f"x[{index}]" for index in range(count))
    return OwnData(inputs, labels, "classes", ("slow", "fast"), items, "waves", groups)
