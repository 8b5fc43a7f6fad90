"""One training of a variant at a time. Imports nothing slow, so that a second training is refused at once."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def training_lock(folder: Path) -> Iterator[None]:
    """Holds the lock of a training's folder, `<folder>/lock`, which the system releases when the process ends.

    The file stays: deleting it would let two others lock two files of the same name. Raises RuntimeError if another
    process holds it; the message names the process.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+") as file:
        file.seek(0)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError(f"{folder}: Expected no other training. Running: process {file.read()}") from None
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield
