"""The packages that make a conversion's bytes."""

from __future__ import annotations

import importlib.metadata

# Keras and numpy only carry the weights: their versions differ between Pythons, and the bytes do not.
_PACKAGES = ("ai-edge-litert", "ai-edge-quantizer", "tensorflow")


def package_versions() -> dict[str, str]:
    """Returns the installed versions of the packages that make a conversion's bytes."""
    return {name: importlib.metadata.version(name) for name in _PACKAGES}
