"""The device's command line: `python -m device run --model models/rows2d CROPS...`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .crops import read_crops
from .interpreter import RUNTIMES
from .runner import Runner

FINE, WRONG_USE, INTERRUPTED = 0, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns the exit status: 0 fine, 2 wrong use or unreadable input."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        # The output failed; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FINE if isinstance(error, BrokenPipeError) else _complain(error)


def _run(options: argparse.Namespace) -> int:
    try:
        runner = Runner(options.model, threads=options.threads, runtime=options.runtime)
    except (ImportError, OSError, ValueError) as error:
        return _complain(error)
    status = FINE
    with runner:
        for path in options.crops:
            try:
                for index, crop in _crops(path):
                    answer = {"source": str(path), "crop": index, **asdict(runner.classify(crop))}
                    print(json.dumps(answer), flush=sys.stdout.isatty())
            except BrokenPipeError:
                raise
            except (ImportError, OSError, ValueError) as error:
                status = _complain(error)
        sys.stdout.flush()
    return status


def _crops(path: Path) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    yield from enumerate(read_crops(path))


def _complain(error: Exception) -> int:
    print(f"error: {error}", file=sys.stderr)
    return WRONG_USE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m device", description="Reads digits with a released model.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="read crops from files; a JSON line for each on stdout")
    run.add_argument("--model", type=Path, required=True, help="the model's folder, e.g. models/rows2d")
    run.add_argument("--threads", type=_positive, default=1, help="threads the kernels may use (default: 1)")
    run.add_argument("--runtime", choices=tuple(RUNTIMES), help="the interpreter (default: the first installed)")
    run.add_argument(
        "crops", type=Path, nargs="+", metavar="CROPS", help=".npy <uint8>[28, 28] or [n, 28, 28], IDX, PNG or JPEG"
    )
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"Expected a whole number above 0. Received: {text}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
