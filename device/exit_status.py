"""The exit statuses of Rowstream's commands."""

from __future__ import annotations

from enum import IntEnum

# A command that a signal ended has this plus the signal's number, as in a shell.
SIGNALLED = 128


class ExitStatus(IntEnum):
    """1 is a model that the gate or `verify` refused; 2 wrong use, unreadable input, or one that it could not check."""

    FINE = 0
    REFUSED = 1
    WRONG_USE = 2
    INTERRUPTED = SIGNALLED + 2
