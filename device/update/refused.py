"""Why a release is not installed."""

from __future__ import annotations


class ReleaseRefusedError(Exception):
    """A release is refused, and `current` stays as it was; the message says why."""


class NotYetError(Exception):
    """A release is not for this device yet, and `current` stays as it was."""
