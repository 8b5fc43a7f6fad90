"""The name of the command line, as a person types it."""

from __future__ import annotations

_PACKAGE = __name__.partition(".")[0]
# The wheel for devices installs this folder as the package `rowstream`, and a script of that name.
INSTALLED = _PACKAGE == "rowstream"
PROGRAM = _PACKAGE if INSTALLED else f"python -m {_PACKAGE}"
