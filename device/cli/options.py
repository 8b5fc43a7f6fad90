"""What each command was asked to do, checked where it is made."""

from __future__ import annotations

import glob
import math
import re
from dataclasses import dataclass
from pathlib import Path

from ..interpreter import check_threads
from ..runner import Runner, model_folder
from ..sources.raw import RawLayout
from ..vision.region import Region
from ..web.address import Address

# The characters that a header, a cookie and an address take as they are.
_TOKEN = re.compile(r"[A-Za-z0-9._~-]{1,200}")


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
    """`classify`: the files, and whether crops are read whole or by line, with the answer after each step or not."""

    model: ModelOptions
    crops: tuple[Path, ...]
    by_line: bool
    partial: bool
    early_exit: bool


@dataclass(frozen=True)
class SourceOptions:
    """`watch`: the source, how it is read, and where its answers go.

    Attributes:
        model: the model.
        name: the source's name, see `open_source`.
        raw: the layout of raw frames, for the source `-` alone.
        region: the part of a frame to look at; None is all of it.
        one: each frame, or the region of it, shows one digit.
        early_exit: read no further lines of a digit once its answer is settled.
        interval_s: the shortest time between two frames that are read; None reads every frame.
        max_frames: how many frames to read; None is all of them.
        stable_frames: print a digit once this many frames in a row agree on it; None prints every answer.
        digits_only: leave out what is not a digit.
        dump_crops: a folder for each crop and the frame around it.
        record: a video file for the frames with their answers drawn in.
        show: show those frames in a window.
    """

    model: ModelOptions
    name: str
    raw: RawLayout | None
    region: Region | None
    one: bool
    early_exit: bool
    interval_s: float | None
    max_frames: int | None
    stable_frames: int | None
    digits_only: bool
    dump_crops: Path | None
    record: Path | None
    show: bool

    def __post_init__(self) -> None:
        # Only files have a suffix; open_source looks for cameras and patterns, once OpenCV is there.
        is_file_name = Path(self.name).suffix and "://" not in self.name and not glob.has_magic(self.name)
        if is_file_name and not Path(self.name).exists():
            raise FileNotFoundError(f"{self.name}: Expected a SOURCE that exists. Found no file of that name")
        if self.interval_s is not None and not (math.isfinite(self.interval_s) and self.interval_s > 0):
            raise ValueError(f"Expected --interval above 0 seconds. Received: {self.interval_s}")
        for option, count in (("--max-frames", self.max_frames), ("--stable", self.stable_frames)):
            if count is not None and count < 1:
                raise ValueError(f"Expected {option} of at least 1. Received: {count}")
        if self.record is not None and self.record.exists() and Path(self.name).exists():
            _refuse_same(self.record, Path(self.name))


@dataclass(frozen=True)
class ServeOptions:
    """`serve`: where, the token that every request must carry, and the source to show; without one, a canvas."""

    model: ModelOptions
    address: Address
    token: str | None
    source: SourceOptions | None

    def __post_init__(self) -> None:
        if self.token is not None and not _TOKEN.fullmatch(self.token):
            raise ValueError("Expected a token of 1 to 200 letters, digits, and . _ ~ -")
        if not (self.address.is_loopback or self.token):
            raise ValueError(
                f"Expected --token with an address that other machines reach. Received: {self.address} without one"
            )


def _refuse_same(recording: Path, source: Path) -> None:
    if recording.samefile(source):
        raise ValueError(f"Expected a recording apart from its source. Received: {recording}, which is the source")
