"""What a device remembers: small records, each a file of JSON that is written whole and has reached the disk."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, TypeVar

from ..files.typed_json import parsed
from .durable import write_durable

Record = TypeVar("Record")


def read_state(kind: type[Record], path: Path) -> Record | None:
    """Returns the dataclass in a file; None if there is no file. Raises ValueError if it holds something else."""
    if not path.exists():
        return None
    try:
        return parsed(kind, json.loads(path.read_bytes()), path.stem)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def write_state(path: Path, record: Any) -> None:
    """Writes a dataclass in place of the earlier one."""
    write_durable(path, json.dumps(dataclasses.asdict(record)).encode())
