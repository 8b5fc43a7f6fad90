"""The runner of the current release, which is changed over between two readings when another becomes current."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from ..contract.inputs import is_digits
from ..held import Held
from ..runner import Runner
from .home import Home
from .trial import Start

log = logging.getLogger(__name__)


class Following(Held):
    """Reads with the current release, and counts for its trial."""

    def __init__(self, home: Home, open_runner: Callable[[Path], Runner], *, counts: bool) -> None:
        """`counts` is as for `Start`. Raises as `Start` and `open_runner` do; if the latter fails, so has the start."""
        self._home = home
        self._open = open_runner
        self._counts = counts
        self._start = Start(home, counts=counts)
        super().__init__(open_runner(self._start.folder))

    def runner(self) -> Runner:
        """Returns the runner of the current release; that of the one before, if the current one cannot be started."""
        if self._home.linked(self._home.current) != self._start.release:
            try:
                self._change()
            except (OSError, ValueError) as error:
                # A start that has failed. Once there were three, the release before is current again.
                log.error(f"error: {error}")  # noqa: TRY400  # it gets one line
        return self._runner

    def count_reading(self) -> None:
        """Counts a reading for the trial."""
        self._start.count_reading()

    def close(self) -> None:
        """Closes the runner; the start has not failed."""
        super().close()
        self._start.end()

    def __exit__(self, *error: object) -> None:
        """Closes the runner; the start has failed if an error ended the block that is not one of files."""
        failed = isinstance(error[1], Exception) and not isinstance(error[1], OSError)
        super().close() if failed else self.close()

    def _change(self) -> None:
        start = Start(self._home, counts=self._counts)
        runner = self._open(start.folder)
        before, after = self._runner.manifest, runner.manifest
        if is_digits(before) != is_digits(after):
            runner.close()
            raise ValueError(f"Expected a model that reads what {before.name} reads. Received: {after.name}")
        self._runner.close()
        self._runner, self._start = runner, start
        log.info(f"changed over to {after.name} {after.version}")
