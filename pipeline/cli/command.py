"""What a command is, and what commands share."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from device.exit_status import ExitStatus
from pipeline.folders import ModelFolder

if TYPE_CHECKING:
    from pipeline.data.splits import Splits


class Command(Protocol):
    """A command; `run` raises OSError, ValueError or RuntimeError, with a message for the user."""

    def run(self) -> ExitStatus | None: ...


def require(*paths: Path | None) -> None:
    """Raises FileNotFoundError if a file or folder that is named is not there."""
    for path in paths:
        if path is not None and not path.exists():
            raise FileNotFoundError(f"{path}: Expected a file or folder. Found none")


def load_digits(data: Path | None) -> Splits:
    """Returns the splits of MNIST, or of own crops: from the folder `data`, else as ROWSTREAM_DATA and `load` say."""
    from pipeline.data.mnist import load

    folder = data or os.environ.get("ROWSTREAM_DATA")
    return load(Path(folder) if folder else None)


def load_splits(model: ModelFolder, data: Path | None, *, trust: bool) -> Splits:
    """Returns the splits on which a model is judged: those of its recipe, else of digits.

    Raises ValueError for `data` beside a recipe, and as what reads them does.
    """
    if not model.recipe.is_file():
        return load_digits(data)
    if data is not None:
        raise ValueError(f"Expected no --data for {model.path}: its {model.recipe.name} says it. Received: {data}")
    import_tensorflow()
    from pipeline.own.make import splits_of
    from pipeline.training.networks import load_network

    return splits_of(model, load_network(model.path.resolve().name, model), trust=trust)


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
