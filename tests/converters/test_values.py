"""What the converters hand to each other and to the pipeline are values."""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path
from typing import Any

import pytest

import converters
from converters.packages import package_versions

FOLDER = Path(converters.__file__).parent
MODULES = [
    ".".join(("converters", *file.relative_to(FOLDER).with_suffix("").parts)) for file in FOLDER.rglob("[a-z]*.py")
]


@pytest.mark.parametrize("name", MODULES)
def test_dataclasses_are_frozen(name: str) -> None:
    """No module declares a dataclass whose fields can be set."""
    declared: list[Any] = [
        value for value in vars(importlib.import_module(name)).values() if dataclasses.is_dataclass(value)
    ]
    assert [value for value in declared if not value.__dataclass_params__.frozen] == []


def test_package_versions() -> None:
    """The packages that decide a conversion's bytes are recorded with their versions."""
    versions = package_versions()
    assert list(versions) == ["ai-edge-litert", "ai-edge-quantizer", "tensorflow"]
    assert versions["tensorflow"] == "2.21.0"
    assert versions["ai-edge-quantizer"] == "0.10.0"
