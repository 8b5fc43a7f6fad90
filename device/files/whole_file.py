"""Writes files whole: beside their place first, then moved there, so that an earlier file stays until then."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Gives the path to write to; at the end the file there replaces `path`, unless an exception ends the block.

    The path has the same suffixes and is in the same folder, which is made if missing. If the process is killed, the
    unfinished file stays as `.<process>.<name>`. Raises OSError if the folder cannot be made or written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two processes may write the same file.
    unfinished = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_whole(path: Path, content: str | bytes) -> None:
    """Writes a file whole, text as UTF-8; see `whole_file`."""
    with whole_file(path) as unfinished:
        unfinished.write_bytes(content.encode() if isinstance(content, str) else content)
