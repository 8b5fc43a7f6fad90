"""The options of `watch` and `serve`, checked when they are made."""

from __future__ import annotations

import glob
import re
from dataclasses import dataclass
from pathlib import Path

from ..sending.broker import Broker
from ..sources.camera_settings import CameraSettings
from ..sources.raw import RawLayout
from ..watch.options import WatchOptions
from ..web.address import Address
from .options import ModelOptions

# The characters that a header, a cookie and an address take as they are.
_TOKEN = re.compile(r"[A-Za-z0-9._~-]{1,200}")


@dataclass(frozen=True)
class SourceOptions:
    """`watch`: the source, how it is watched, and where its answers go."""

    model: ModelOptions
    name: str  # of the source, as for `open_source`
    raw: RawLayout | None  # the layout of raw frames, for the source `-` alone
    camera: CameraSettings  # what a camera is asked for
    watching: WatchOptions
    digits_only: bool  # leave out what is not a digit
    dump_crops: Path | None  # a folder for each crop and the part of the frame around it
    record: Path | None  # a video file for the frames with their answers drawn in
    show: bool  # show those frames in a window
    mqtt: Broker | None = None  # where readings of fields are published
    post: str | None = None  # a URL that each line is posted to
    keep_unsure: Path | None = None  # a folder for crops of which the model was unsure

    def __post_init__(self) -> None:
        if self.mqtt is not None and not self.watching.fields:
            raise ValueError("Expected --fields with --mqtt. Received: --mqtt without it")
        # Only files have a suffix; open_source looks for cameras and patterns, once OpenCV is there.
        is_file_name = Path(self.name).suffix and "://" not in self.name and not glob.has_magic(self.name)
        if is_file_name and not Path(self.name).exists():
            raise FileNotFoundError(f"{self.name}: Expected a SOURCE that exists. Found no file of that name")
        record, source = self.record, Path(self.name)
        if record is not None and record.exists() and source.exists() and record.samefile(source):
            raise ValueError(f"Expected a recording other than its source. Received: {record}, which is the source")


@dataclass(frozen=True)
class FieldsOptions:
    """`fields`: where the page is, the source whose first frame it shows, and the file that fields are saved to."""

    page: ServeOptions
    source: str
    file: Path
    rotation_degrees: int

    def __post_init__(self) -> None:
        if self.source == "-":
            raise ValueError("Expected a camera, an address, a video or a picture. Received: -, raw frames")


@dataclass(frozen=True)
class LabelOptions:
    """`label`: where the page is, and the folder with crops."""

    page: ServeOptions
    folder: Path


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
            received = f"{self.address} without one"
            raise ValueError(f"Expected --token with an address that other machines reach. Received: {received}")
