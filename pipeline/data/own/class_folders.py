"""Images in a folder for each class, or in such folders within `train/`, `test/` and the like."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.data.own.images import is_image_name, read_images
from pipeline.data.own.own_data import Shape, some
from pipeline.data.own.raw import PART_NAMES, Raw


@dataclass(frozen=True)
class _Labelled:
    path: Path
    label: str
    part: str


def read_class_folders(folder: Path, shape: Shape) -> Raw:
    """Return the images in a folder's class folders, at any depth; the folders' names are the labels.

    Hidden files are left out; other files that are no images are too, and the notes name them. Raises ValueError if
    there is no image, or if one cannot be read.
    """
    labelled = list(_files(folder))
    images = [each for each in labelled if is_image_name(each.path)]
    if not images:
        raise ValueError(f"{folder}: Expected a folder of images for each class. Received: no image in its folders")
    read = read_images([each.path for each in images], shape)
    skipped = [each.path.relative_to(folder).as_posix() for each in labelled if not is_image_name(each.path)]
    notes = (f"files that are no images left out: {some(skipped)}",) if skipped else ()
    parts = [each.part for each in images]
    return Raw(
        source=f"class folders in {folder.resolve().name}/",
        inputs=read.pixels,
        labels=np.array([each.label for each in images]),
        items=tuple(each.path.relative_to(folder).as_posix() for each in images),
        parts=np.array(parts) if all(parts) else None,
        notes=read.notes + notes,
    )


def subfolders(folder: Path) -> list[Path]:
    """Return the folders in a folder that are not hidden, in the order of their names."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _files(folder: Path) -> Iterator[_Labelled]:
    folders = subfolders(folder)
    if all(each.name.lower() in PART_NAMES and subfolders(each) for each in folders):
        for part in folders:
            for labelled in _class_files(part):
                yield _Labelled(labelled.path, labelled.label, PART_NAMES[part.name.lower()])
    else:
        yield from _class_files(folder)


def _class_files(folder: Path) -> Iterator[_Labelled]:
    for each in subfolders(folder):
        for path in sorted(each.rglob("*")):
            if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
                yield _Labelled(path, each.name, part="")
