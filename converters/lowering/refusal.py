"""Why a network is refused: all of its layers that cannot be lowered, each with the reason and what to change."""

from __future__ import annotations


class LayerRefusal(ValueError):  # noqa: N818  # the reason, not the error that a caller sees
    """Why one layer cannot be lowered, and what to use in its place."""


class NetworkRefusedError(ValueError):
    """A network cannot be lowered; the message lists every layer that is the cause."""
