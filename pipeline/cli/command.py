"""What a command is, and what commands share."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Protocol

from device.exit_status import ExitStatus


class Command(Protocol):
    """A command; `run` raises OSError, ValueError or RuntimeError, with a message for the user."""

    def run(self) -> ExitStatus | None: ...


def require(*paths: Path | None) -> None:
    """Raises FileNotFoundError if a file or folder that is named is not there."""
    for path in paths:
        if path is not None and not path.exists():
            raise FileNotFoundError(f"{path}: Expected a file or folder. Found none")


def import_tensorflow() -> None:
    """Imports TensorFlow without its native start-up log, which heeds no log level."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    terminal = os.dup(sys.stderr.fileno())
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, sys.stderr.fileno())
        importlib.import_module("tensorflow")
    finally:
        os.dup2(terminal, sys.stderr.fileno())
        os.close(terminal)
        os.close(nowhere)
