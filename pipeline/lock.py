"""One process at a time at a folder. Imports nothing slow, so that a second one is refused at once."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Holds a folder's lock, the file `.<name>.lock` beside it, which the system releases when the process ends.

    The file stays: deleting it would let two others lock two files of the same name. Raises RuntimeError if another
    process holds it; the message names the process.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{folder.name}.lock").open("a+") as file:
        file.seek(0)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            received = f"process {file.read()} is writing there"
            raise RuntimeError(f"{folder}: Expected no other process. Received: {received}") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
