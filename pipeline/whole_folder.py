"""Makes folders whole: beside their place first, then moved there, so that an earlier folder stays until then."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.lock import folder_lock


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Gives an empty folder to fill; at the end it replaces `path`, unless an exception ends the block.

    What a killed process left is put back or deleted by the next one. Raises RuntimeError if another process is making
    the same folder, and OSError if it cannot be made.
    """
    unfinished, earlier = (path.with_name(f".{path.name}.{state}") for state in ("unfinished", "earlier"))
    with folder_lock(path):
        _put_back(earlier, path)
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        try:
            yield unfinished
            if path.exists():
                path.rename(earlier)
            unfinished.rename(path)
        finally:
            _put_back(earlier, path)
            shutil.rmtree(unfinished, ignore_errors=True)


def _put_back(earlier: Path, path: Path) -> None:
    # A folder cannot replace another in one step, so between two of them it has the name `earlier`.
    if earlier.exists() and not path.exists():
        earlier.rename(path)
    shutil.rmtree(earlier, ignore_errors=True)
