"""A runner that another may take the place of, between two readings."""

from __future__ import annotations

from .closing import Closing
from .runner import Runner


class Held(Closing):
    """A runner and whose turn it is to close it; this one stays the same."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def runner(self) -> Runner:
        """Returns the runner for the next reading; one that it gave before may be closed by then."""
        return self._runner

    def count_reading(self) -> None:
        """Takes note of a reading that succeeded; this one has nothing to count for."""

    def close(self) -> None:
        """Closes the runner, at the end of a process that ended as it should."""
        self._runner.close()
