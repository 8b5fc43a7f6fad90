"""The options of `python -m device run --source`, and which of them go together.

Not what they do (`device.cli.watch_source`): nothing here needs OpenCV.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options; each is None or False where it is not given."""
    group = parser.add_argument_group("reading from a source")
    group.add_argument(
        "--source",
        help="a camera (0, /dev/video0, picamera2), an rtsp or http address, a video file, an image, a folder of "
        "images, a pattern such as 'photos/*.jpg', or - for raw frames on the standard input; "
        "a name that begins with a dash is given as --source=NAME or ./NAME",
    )
    group.add_argument("--raw-size", metavar="WIDTHxHEIGHT", help="the size of raw frames, e.g. 1280x720")
    group.add_argument("--raw-format", metavar="bgr|rgb|grey", help="the colours of raw frames (default: bgr)")
    group.add_argument(
        "--roi", metavar="X,Y,...", help="look here alone: x,y,width,height or four corners x1,y1,...,y4"
    )
    group.add_argument("--interval", type=_seconds, metavar="SECONDS", help="the least time between frames read")
    group.add_argument("--max-frames", type=positive, metavar="N", help="end after N frames read")
    group.add_argument("--one", action="store_true", help="each frame, or --roi in it, shows one digit: a line a frame")
    group.add_argument(
        "--stable", type=positive, metavar="N", help="print a digit once, when N frames in a row agree on it"
    )
    group.add_argument("--digits-only", action="store_true", help="leave out what is no digit")
    group.add_argument(
        "--dump-crops",
        type=Path,
        metavar="DIR",
        help="write each crop, and the frame around it, to a numbered folder here",
    )
    group.add_argument("--record", type=Path, metavar="OUT.mp4", help="write the frames, answers drawn in, to a video")
    group.add_argument(
        "--show",
        action="store_true",
        help="show the frames, answers drawn in, a still image until Space is pressed or --interval is over; q ends",
    )


def refusal(options: argparse.Namespace) -> str | None:
    """Returns what is wrong with the options together; None where nothing is."""
    missing = [] if options.model else ["--model"]
    missing += [] if options.crops or options.source or options.serve else ["CROPS, --source or --serve"]
    if missing:
        return f"the following arguments are required: {', '.join(missing)}"
    given = [f"--{name.replace('_', '-')}" for name in _SOURCE_ALONE if getattr(options, name)]
    if not options.source:
        received = "CROPS" if options.crops else "--serve alone"
        return f"Expected --source with {', '.join(given)}. Received {received}" if given else None
    if options.crops:
        return f"Expected CROPS or --source. Received both: {options.crops[0]}, --source {options.source}"
    if options.partial:
        return "Expected --partial with CROPS. Received --source"
    if options.raw_format and not options.raw_size:
        return "Expected --raw-size with --raw-format. Received none"
    return None


def positive(text: str) -> int:
    """Returns the whole number above 0 that a text gives; raises ArgumentTypeError where it gives none."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"Expected a whole number above 0. Received: {text}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds > 0):
        raise argparse.ArgumentTypeError(f"Expected seconds above 0. Received: {text}")
    return seconds


_SOURCE_ALONE = (
    "raw_size",
    "raw_format",
    "roi",
    "interval",
    "max_frames",
    "one",
    "stable",
    "digits_only",
    "dump_crops",
    "record",
    "show",
)
