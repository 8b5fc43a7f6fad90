"""The arguments of `watch` and `serve`, read into their options; only these commands import it."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..fields.field import read_fields
from ..sending.broker import Broker
from ..sending.post import checked_url
from ..sources.camera_settings import CameraSettings, parse_size
from ..sources.raw import RawLayout
from ..vision.region import Region
from ..watch.options import ROTATIONS, WatchOptions
from ..web.address import Address
from .arguments import checked
from .options import ModelOptions
from .source_options import FieldsOptions, LabelOptions, ServeOptions, SourceOptions

_SOURCE = (
    "a camera (0, /dev/video0, picamera2), an rtsp or http address, a video file, an image, a folder of images, a "
    "pattern such as 'photos/*.jpg', or - for raw frames on stdin"
)
_WHERE = "where to serve; PORT alone is reached from this machine only (default: 8000)"
_ACCESS = "access token; required unless the address is this machine's own, e.g. localhost"
_LINES = """
Each answer is a line of JSON on stdout. `time` is when its frame was captured, or read from a file; `position_s` is
where the frame is in a video, or on a live source's own clock, and null for an image.
"""


def _source_options(given: argparse.Namespace, model: ModelOptions) -> SourceOptions:
    if given.raw_format and not given.raw_size:
        raise ValueError("Expected --raw-size with --raw-format. Received none")
    if given.interval is not None and not (math.isfinite(given.interval) and given.interval > 0):
        raise ValueError(f"Expected --interval above 0 seconds. Received: {given.interval}")
    for option, count in (("--max-frames", given.max_frames), ("--stable", given.stable)):
        if count is not None and count < 1:
            raise ValueError(f"Expected {option} of at least 1. Received: {count}")
    interval_s = given.interval or 0.0
    rotation = given.rotate or 0
    _refuse_together(given)
    watching = WatchOptions(
        given.roi,
        given.one,
        given.early_exit,
        interval_s,
        given.max_frames,
        given.stable,
        rotation_degrees=rotation,
        numbers=given.numbers,
        fields=read_fields(given.fields) if given.fields else (),
    )
    return SourceOptions(
        model=model,
        name=given.source,
        raw=RawLayout.parse(given.raw_size, given.raw_format or "bgr") if given.raw_size else None,
        camera=CameraSettings(given.camera_size, given.frame_rate),
        watching=watching,
        digits_only=given.digits_only,
        dump_crops=given.dump_crops,
        record=given.record,
        show=given.show,
        mqtt=given.mqtt,
        post=given.post,
        keep_unsure=given.keep_unsure,
    )


def _refuse_together(given: argparse.Namespace) -> None:
    for option, others in _NOT_TOGETHER.items():
        found = [other for other in others if _given(given, other)]
        if _given(given, option) and found:
            raise ValueError(f"Expected {option} without {', '.join(others)}. Received: {', '.join(found)}")


def _given(given: argparse.Namespace, option: str) -> bool:
    return bool(getattr(given, option[2:].replace("-", "_")))


def _serve_options(given: argparse.Namespace, model: ModelOptions) -> ServeOptions:
    if given.source is not None:
        return ServeOptions(model, given.address, given.token, _source_options(given, model))
    if watched := [option for option in _HOW_TO_WATCH if _given(given, option)]:
        raise ValueError(f"Expected --source with {', '.join(watched)}. Received none")
    return ServeOptions(model, given.address, given.token, None)


def add_watch(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `watch`, but for those of every command."""
    parser.description = "Find the digits in each frame of a source, and read them." + _LINES
    parser.usage = "%(prog)s [OPTIONS] SOURCE"
    dash = "a name that begins with a dash is given as ./NAME"
    parser.add_argument("source", metavar="SOURCE", help=f"{_SOURCE}; {dash}")
    _add_how_to_watch(parser)
    parser.set_defaults(options=_source_options)


def add_serve(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `serve`, but for those of every command."""
    parser.description = "Serve a page: what --source shows, or without it a canvas to draw a digit on."
    parser.usage = "%(prog)s [OPTIONS] [HOST:PORT]"
    address = checked(Address.parse)
    parser.add_argument("address", nargs="?", type=address, default="8000", metavar="HOST:PORT", help=_WHERE)
    parser.add_argument("--token", help=_ACCESS)
    parser.add_argument("--source", help=f"{_SOURCE}; the page stays when the source has ended")
    _add_how_to_watch(parser)
    parser.set_defaults(options=_serve_options)


def add_fields(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `fields`, but for those of every command."""
    parser.description = "Serve a page: draw fields over the first frame of a source, try them, and save them."
    parser.usage = "%(prog)s [OPTIONS] SOURCE"
    parser.add_argument("source", metavar="SOURCE", help=f"{_SOURCE.partition(', or -')[0]}")
    parser.add_argument(
        "--file", type=Path, default=Path("fields.toml"), metavar="FIELDS.toml", help="fields to begin with and save"
    )
    _add_page(parser)
    parser.add_argument("--rotate", type=int, choices=ROTATIONS, default=0, help="turn the frame so far clockwise")
    parser.set_defaults(
        options=lambda given, model: FieldsOptions(_page(given, model), given.source, given.file, given.rotate)
    )


def add_label(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `label`, but for those of every command."""
    parser.description = "Serve a page: say of each crop that `watch` kept which digit it shows."
    parser.usage = "%(prog)s [OPTIONS] DIR"
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder that `watch` kept crops in")
    _add_page(parser)
    parser.set_defaults(options=lambda given, model: LabelOptions(_page(given, model), given.folder))


def _add_page(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--address", type=checked(Address.parse), default="8000", metavar="HOST:PORT", help=_WHERE)
    parser.add_argument("--token", help=_ACCESS)


def _page(given: argparse.Namespace, model: ModelOptions) -> ServeOptions:
    return ServeOptions(model, given.address, given.token, None)


_FLAG = {"action": "store_true"}
_NOT_TOGETHER: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "--fields": ("--numbers", "--one", "--roi", "--early-exit", "--digits-only"),
        "--numbers": ("--one", "--early-exit", "--digits-only"),
    }
)
_SHOW = "show the frames with their answers; an image until Space is pressed or --interval is over; q ends"
_HOW_TO_WATCH: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "--one": _FLAG | {"help": "each frame, or --roi in it, shows one digit"},
        "--numbers": _FLAG | {"help": "print the digits on one line as one number"},
        "--fields": {
            "type": Path,
            "metavar": "FIELDS.toml",
            "help": "read the numbers in these named places, and check them",
        },
        "--roi": {
            "type": checked(Region.parse),
            "metavar": "X,Y,...",
            "help": "the only part to look at: x,y,width,height or four corners x1,y1,...,y4",
        },
        "--early-exit": _FLAG | {"help": "stop at each digit's first settled answer"},
        "--interval": {
            "type": float,
            "metavar": "SECONDS",
            "help": "the shortest time between two frames that are read",
        },
        "--max-frames": {"type": int, "metavar": "N", "help": "end after N frames read"},
        "--stable": {"type": int, "metavar": "N", "help": "print a digit once, when N frames in a row agree on it"},
        "--digits-only": _FLAG | {"help": "leave out what is not a digit"},
        "--dump-crops": {
            "type": Path,
            "metavar": "DIR",
            "help": "save each crop and the part of the frame around it here",
        },
        "--keep-unsure": {
            "type": Path,
            "metavar": "DIR",
            "help": "keep up to 1,000 crops of which the model was unsure here, to be labelled",
        },
        "--record": {"type": Path, "metavar": "OUT.mp4", "help": "write the frames with their answers to a video"},
        "--mqtt": {
            "type": checked(Broker.parse),
            "metavar": "HOST[:PORT][/TOPIC]",
            "help": "publish the readings of --fields to this broker, for Home Assistant too",
        },
        "--post": {"type": checked(checked_url), "metavar": "URL", "help": "post each line to this address as JSON"},
        "--rotate": {
            "type": int,
            "choices": ROTATIONS,
            "help": "turn each frame so far clockwise; --roi and boxes are in the turned frame",
        },
        "--camera-size": {
            "type": checked(parse_size),
            "metavar": "WIDTHxHEIGHT",
            "help": "the size of a camera's frames, e.g. 1280x720",
        },
        "--frame-rate": {"type": float, "metavar": "N", "help": "a camera's frames per second"},
        "--show": _FLAG | {"help": _SHOW},
        "--raw-size": {"metavar": "WIDTHxHEIGHT", "help": "the size of raw frames, e.g. 1280x720"},
        "--raw-format": {"metavar": "bgr|rgb|grey", "help": "the colours of raw frames (default: bgr)"},
    }
)


def _add_how_to_watch(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("watching a source")
    for option, settings in _HOW_TO_WATCH.items():
        group.add_argument(option, **settings)
