"""The options of the commands that read crops, checked when they are made; see also `source_options`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..interpreter import check_threads
from ..runner import Runner, model_folder

_MAX_TIMEOUT_S = 86_400


@dataclass(frozen=True)
class ModelOptions:
    """The model, and how it runs: `path` and `runtime` as `Runner` takes them."""

    path: Path
    threads: int
    runtime: str | None

    def __post_init__(self) -> None:
        check_threads(self.threads)
        model_folder(self.path)

    def open(self) -> Runner:
        """Returns the model, ready to read; raises as `Runner` does."""
        return Runner(self.path, threads=self.threads, runtime=self.runtime)


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
    """`verify`: the model, and how long it may take to start and answer."""

    model: ModelOptions
    timeout_s: float

    def __post_init__(self) -> None:
        if not 0 < self.timeout_s <= _MAX_TIMEOUT_S:
            raise ValueError(f"Expected --timeout in 0..{_MAX_TIMEOUT_S} seconds. Received: {self.timeout_s}")
