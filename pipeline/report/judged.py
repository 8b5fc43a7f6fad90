"""Which models in `build/` the gate has judged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.folders import ReportFolder, build_folder
from pipeline.variants import VARIANTS


def gate_json(name: str) -> Path:
    """Returns where the gate puts what it finds of a model in `build/`."""
    return ReportFolder(build_folder(name).gate).json


def judged_names(names: Sequence[str]) -> tuple[str, ...]:
    """Returns those of the names that were judged, each once.

    Raises ValueError if a name is neither a variant nor that of a folder in `build/`, and FileNotFoundError if none was
    judged.
    """
    for name in names:
        _require_name(name)
    judged = tuple(name for name in dict.fromkeys(names) if gate_json(name).exists())
    if not judged:
        missing = ", ".join(str(gate_json(name)) for name in names)
        own = [name for name in names if name not in VARIANTS]
        command = f"python -m pipeline gate {build_folder(own[0]).path}" if own else "make gate"
        raise FileNotFoundError(f"Expected {missing}. Found none: run `{command}` first")
    return judged


def _require_name(name: str) -> None:
    plain = Path(name).name == name and name not in {"", "..", "index"}
    if not plain or (name not in VARIANTS and not build_folder(name).path.is_dir()):
        raise ValueError(f"Expected a variant or the name of a folder in build/, other than index. Received: {name!r}")
