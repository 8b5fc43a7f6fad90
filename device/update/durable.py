"""Writes that survive a loss of power: what is moved to its place has reached the disk before.

Source: `man 2 fsync`, `man 2 rename`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ..files.whole_file import whole_file


def sync(paths: Iterable[Path]) -> None:
    """Waits until files and folders have reached the disk: of a folder, the names in it."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def make_durable(folder: Path) -> None:
    """Makes a folder, and those above it that are missing, and waits until their names have reached the disk."""
    folder.mkdir(parents=True, exist_ok=True)
    # A process that was killed may have made any of those above; where it could write, so can this one.
    sync(path for path in folder.absolute().parents if os.access(path, os.R_OK | os.W_OK))


def write_durable(path: Path, content: bytes) -> None:
    """Writes a file whole, in place of an earlier one, and waits until it has reached the disk."""
    with whole_file(path) as unfinished:
        unfinished.write_bytes(content)
        sync([unfinished])
    sync([path.parent])


def link_durable(path: Path, target: str) -> None:
    """Makes a symbolic link, in place of an earlier one in one step, and waits until it has reached the disk."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    unfinished.symlink_to(target)
    unfinished.replace(path)
    sync([path.parent])
