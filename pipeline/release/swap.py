"""Replaces a model's files by others that were made beside them."""

from __future__ import annotations

import filecmp

from pipeline.folders import ModelFolder


def swap_in(staged: ModelFolder, target: ModelFolder) -> None:
    """Move the files of `staged` to `target`, the manifest last, so that it never describes files to come.

    Files that are the same already are left alone, so that nothing made from them becomes stale.
    Pictures and float weights that `staged` does not have are deleted: the new card and manifest do not refer to them.
    """
    for path in (*target.pictures, target.weights, target.network, target.training):
        if not (staged.path / path.name).is_file():
            path.unlink(missing_ok=True)
    files = sorted(staged.path.iterdir(), key=lambda path: path.name == staged.manifest.name)
    for path in files:
        place = target.path / path.name
        if not (place.is_file() and filecmp.cmp(path, place, shallow=False)):
            path.replace(place)
