"""The command line, read into the options of one command."""

from __future__ import annotations

import argparse
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from .. import __version__
from ..interpreter import RUNTIMES
from ..sources.raw import RawLayout
from ..vision.region import Region
from ..watch.options import WatchOptions
from ..web.address import Address
from .options import ClassifyOptions, ModelOptions, ServeOptions, SourceOptions, VerifyOptions

# Where a model lies in a bundle, and in this project's repository.
_DEFAULT_MODELS = (Path("model"), Path("models/rows2d"))
_DEFAULT_MODEL_NAMES = " or ".join(map(str, _DEFAULT_MODELS))
_MODEL = f"the model's folder (default: {_DEFAULT_MODEL_NAMES}, whichever exists first)"
_SOURCE = (
    "a camera (0, /dev/video0, picamera2), an rtsp or http address, a video file, a picture, a folder of pictures, a "
    "pattern such as 'photos/*.jpg', or - for raw frames on stdin"
)
_LINES = """
Each answer is a line of JSON on stdout. `time` is when its frame was captured, or read from a file; `position_s` is
where the frame is in a video, or on a live source's own clock, and null for a picture.
"""

log = logging.getLogger(__name__)

Value = TypeVar("Value")


def parsed(arguments: Sequence[str]) -> ClassifyOptions | SourceOptions | ServeOptions | VerifyOptions:
    """Returns what the arguments ask for.

    Raises SystemExit once argparse has printed the help, the version or what is wrong with the arguments, ValueError if
    the options do not go together, and OSError if the model is not there.
    """
    given = _parser().parse_args(_without_run(arguments))
    model = ModelOptions(given.model or _default_model(), given.threads, given.runtime)
    if given.command == "classify":
        return ClassifyOptions(model, tuple(given.crops), given.by_line, given.partial, given.early_exit)
    if given.command == "verify":
        return VerifyOptions(model, given.timeout)
    if given.command == "watch":
        return _source_options(given, model)
    if given.source is not None:
        return ServeOptions(model, given.address, given.token, _source_options(given, model))
    if watched := [option for option in _HOW_TO_WATCH if getattr(given, option[2:].replace("-", "_"))]:
        raise ValueError(f"Expected --source with {', '.join(watched)}. Received none")
    return ServeOptions(model, given.address, given.token, None)


def _source_options(given: argparse.Namespace, model: ModelOptions) -> SourceOptions:
    if given.raw_format and not given.raw_size:
        raise ValueError("Expected --raw-size with --raw-format. Received none")
    if given.interval is not None and not (math.isfinite(given.interval) and given.interval > 0):
        raise ValueError(f"Expected --interval above 0 seconds. Received: {given.interval}")
    for option, count in (("--max-frames", given.max_frames), ("--stable", given.stable)):
        if count is not None and count < 1:
            raise ValueError(f"Expected {option} of at least 1. Received: {count}")
    interval_s = given.interval or 0.0
    watching = WatchOptions(given.roi, given.one, given.early_exit, interval_s, given.max_frames, given.stable)
    return SourceOptions(
        model=model,
        name=given.source,
        raw=RawLayout.parse(given.raw_size, given.raw_format or "bgr") if given.raw_size else None,
        watching=watching,
        digits_only=given.digits_only,
        dump_crops=given.dump_crops,
        record=given.record,
        show=given.show,
    )


def _default_model() -> Path:
    for folder in _DEFAULT_MODELS:
        if folder.is_dir():
            return folder
    raise ValueError(f"Expected a model's folder. Received none, and there is no folder {_DEFAULT_MODEL_NAMES}")


def _without_run(arguments: Sequence[str]) -> Sequence[str]:
    """Returns the arguments with `run`, the one command of version 0.1, as the command that replaces it."""
    if not arguments or arguments[0] != "run":
        return arguments
    old = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    old.add_argument("--source")
    old.add_argument("--serve")
    old.add_argument("--rows", action="store_true")
    chosen, rest = old.parse_known_args(arguments[1:])
    if chosen.serve is not None:
        source = [] if chosen.source is None else [f"--source={chosen.source}"]
        new = ["serve", *source, *rest, "--", chosen.serve]
    elif chosen.source is not None:
        new = ["watch", *rest, "--", chosen.source]
    else:
        new = ["classify", *rest]
    log.warning(f"`run` is deprecated and will be removed in the next version; use `{new[0]}`")
    return [*new[:1], *(["--by-line"] if chosen.rows else []), *new[1:]]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m device", description="Read digits with a released model.")
    parser.add_argument("--version", action="version", version=f"rowstream {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_verify(commands.add_parser("verify", help="check that a model answers as it did when it was made"))
    _add_classify(commands.add_parser("classify", help="read crops of 28 x 28 pixels from files"))
    _add_watch(commands.add_parser("watch", help="find and read the digits that a camera, video or picture shows"))
    _add_serve(commands.add_parser("serve", help="serve a page that shows a source, or a canvas to draw a digit on"))
    return parser


def _add_verify(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Check that a model answers its golden crops here as it did when it was made, in a process of its own, which "
        "it may crash. Exit status 1: refused."
    )
    parser.usage = "%(prog)s [OPTIONS] [MODEL]"
    parser.add_argument("model", type=Path, nargs="?", metavar="MODEL", help=_MODEL)
    _add_runtime(parser)
    timeout = "the longest that starting and answering may take (default: 60)"
    parser.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS", help=timeout)


def _add_classify(parser: argparse.ArgumentParser) -> None:
    parser.description = "Read crops of 28 x 28 pixels, light ink on a dark background; print a line of JSON for each."
    parser.usage = "%(prog)s [OPTIONS] CROPS..."
    crops = ".npy <uint8>[28, 28] or [n, 28, 28], IDX, PNG or JPEG"
    parser.add_argument("crops", type=Path, nargs="+", metavar="CROPS", help=crops)
    _add_model(parser)
    parser.add_argument("--by-line", action="store_true", help="read each crop line by line, as from a camera")
    parser.add_argument(
        "--partial", action="store_true", help="print the answer after each time step; implies --by-line"
    )
    parser.add_argument("--early-exit", action="store_true", help="stop at the first settled answer; implies --by-line")


def _add_watch(parser: argparse.ArgumentParser) -> None:
    parser.description = "Find the digits in each frame of a source, and read them." + _LINES
    parser.usage = "%(prog)s [OPTIONS] SOURCE"
    dash = "a name that begins with a dash is given as ./NAME"
    parser.add_argument("source", metavar="SOURCE", help=f"{_SOURCE}; {dash}")
    _add_model(parser)
    _add_how_to_watch(parser)


def _add_serve(parser: argparse.ArgumentParser) -> None:
    parser.description = "Serve a page: what --source shows, or without it a canvas to draw a digit on."
    parser.usage = "%(prog)s [OPTIONS] [HOST:PORT]"
    where = "where to serve; PORT alone is reached from this machine only (default: 8000)"
    address = _checked(Address.parse)
    parser.add_argument("address", nargs="?", type=address, default="8000", metavar="HOST:PORT", help=where)
    _add_model(parser)
    parser.add_argument(
        "--token", help="access token; required unless the address is this machine's own, e.g. localhost"
    )
    parser.add_argument("--source", help=f"{_SOURCE}; the page stays when the source has ended")
    _add_how_to_watch(parser)


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, metavar="DIR", help=_MODEL)
    _add_runtime(parser)


def _add_runtime(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--threads", type=int, default=1, help="threads the kernels may use (default: 1)")
    parser.add_argument("--runtime", choices=tuple(RUNTIMES), help="the interpreter (default: the first installed)")


def _checked(parse: Callable[[str], Value]) -> Callable[[str], Value]:
    """Returns a parser whose ValueError argparse prints as it is."""

    def checked(text: str) -> Value:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return checked


_FLAG = {"action": "store_true"}
_SHOW = "show the frames with their answers; a picture until Space is pressed or --interval is over; q ends"
_HOW_TO_WATCH: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "--one": _FLAG | {"help": "each frame, or --roi in it, shows one digit"},
        "--roi": {
            "type": _checked(Region.parse),
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
        "--record": {"type": Path, "metavar": "OUT.mp4", "help": "write the frames with their answers to a video"},
        "--show": _FLAG | {"help": _SHOW},
        "--raw-size": {"metavar": "WIDTHxHEIGHT", "help": "the size of raw frames, e.g. 1280x720"},
        "--raw-format": {"metavar": "bgr|rgb|grey", "help": "the colours of raw frames (default: bgr)"},
    }
)


def _add_how_to_watch(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("watching a source")
    for option, settings in _HOW_TO_WATCH.items():
        group.add_argument(option, **settings)
