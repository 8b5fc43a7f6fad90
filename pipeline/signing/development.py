"""Keys for development, made once for each user: what they sign shows how updates work, and nobody has to trust it."""

from __future__ import annotations

import shutil
from pathlib import Path

from platformdirs import user_data_path

from pipeline.lock import folder_lock
from pipeline.signing.keys import RootKeys, make_keys


def development_keys() -> Path:
    """Returns the folder of the user's development keys, and makes them at the first use.

    Raises ValueError if the user's data folder is in a git checkout, OSError if it cannot be written, and RuntimeError
    if another process is making the keys.
    """
    folder = user_data_path("rowstream", appauthor=False) / "development-keys"
    if folder.is_dir():
        return folder
    with folder_lock(folder):
        unfinished = folder.with_name(f".{folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        make_keys(unfinished, RootKeys(1, 1, development=True))
        # Another process may have made them since; this fails then, and leaves its keys as they are.
        unfinished.rename(folder)
    return folder
