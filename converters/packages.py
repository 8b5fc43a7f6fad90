"""The packages that a conversion depends on."""

from __future__ import annotations

import importlib.metadata

_PINNED_PACKAGES = ("ai-edge-litert", "ai-edge-quantizer", "keras", "numpy", "tensorflow")


def package_versions() -> dict[str, str]:
    """Returns the installed versions of the packages that a conversion's bytes may depend on."""
    return {name: importlib.metadata.version(name) for name in _PINNED_PACKAGES}
