"""The options of the commands that read crops, checked when they are made; see also `source_options`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..held import Held
from ..interpreter import RUNTIMES, check_threads
from ..runner import Runner, model_folder

if TYPE_CHECKING:  # `classify` starts faster without
    from ..contract.answers import Answers

DEFAULT_TIMEOUT_S = 60.0
_MAX_TIMEOUT_S = 86_400


@dataclass(frozen=True)
class ModelOptions:
    """The model, and how it runs: `path` and `runtime` as `Runner` takes them.

    `home` is the folder of the releases, if the model is the current one of them.
    """

    path: Path
    threads: int
    runtime: str | None
    home: Path | None = None

    def __post_init__(self) -> None:
        check_threads(self.threads)
        model_folder(self.path)

    def open(self) -> Runner:
        """Returns the model, ready to read; raises as `Runner` does."""
        # Of a link, the manifest and the model must be those of the same release.
        return self._opened(self.path if self.home is None else self.path.resolve())

    def hold(self, *, counts: bool = True) -> Held:
        """Returns the model for a process that goes on; the current release is followed.

        If `counts`, the process's start and readings count for the trial of a release.

        Raises as `Runner` does, and OSError if the folder of the releases cannot be written.
        """
        if self.home is None:
            return Held(self.open())
        from ..update.following import Following  # noqa: PLC0415  # not for Windows, which has no releases
        from ..update.home import Home  # noqa: PLC0415  # the same

        return Following(Home(self.home), self._opened, counts=counts)

    def _opened(self, path: Path) -> Runner:
        runner = Runner(path, threads=self.threads, runtime=self.runtime)
        if self.runtime is None and runner.runtime.name != next(iter(RUNTIMES)):
            _warn_if_slow(runner.runtime.name)
        return runner


def _warn_if_slow(runtime: str) -> None:
    from ..advice import faster_runtime  # noqa: PLC0415  # with LiteRT, commands start without
    from .process import warn  # noqa: PLC0415  # the same

    if advice := faster_runtime(runtime):
        warn(advice)


@dataclass(frozen=True)
class ClassifyOptions:
    """`classify`: the files, and whether inputs are read whole or by line, with the answer after each step or not."""

    model: ModelOptions
    files: tuple[Path, ...]
    by_line: bool
    partial: bool
    early_exit: bool


@dataclass(frozen=True)
class VerifyOptions:
    """`verify`: the model, how long it may take to start and answer, and whether its exact answers are printed.

    `known` are answers that a release says it has.
    """

    model: ModelOptions
    timeout_s: float = DEFAULT_TIMEOUT_S
    answers: bool = False
    known: tuple[Answers, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.timeout_s <= _MAX_TIMEOUT_S:
            raise ValueError(f"Expected --timeout in 0..{_MAX_TIMEOUT_S} seconds. Received: {self.timeout_s}")
