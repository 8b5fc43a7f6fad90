"""The device's command line: `python -m device run --model models/rows2d CROPS...`, `--source SOURCE` or `--serve`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from .arrays import UInt8
from .cli.serve_arguments import add_serve_arguments, serve_refusal
from .cli.source_arguments import add_source_arguments, positive, refusal
from .crop_files import read_crops
from .exit_status import ExitStatus
from .interpreter import RUNTIMES
from .runner import Prediction, Runner

# What the extra `camera` brings.
_EXTRA = frozenset({"cv2", "PIL"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns the exit status: 0 fine, 2 wrong use or unreadable input."""
    _open_closed_streams()
    options = _parsed(arguments)
    try:
        return _run_crops(options) if options.crops else _run_source(options)
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED
    except OSError as error:
        # The output failed; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitStatus.FINE if isinstance(error, BrokenPipeError) else _complain(error)


def _open_closed_streams() -> None:
    # Where a stream was closed before the start, Python has None for it, and prints what is meant for it elsewhere.
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115  # open to the end
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115  # likewise


def _run_source(options: argparse.Namespace) -> int:
    try:
        # OpenCV and Pillow are an extra: all else works without them.
        from .cli.serve_page import answer_serve  # noqa: PLC0415
        from .cli.watch_source import answer_source  # noqa: PLC0415
    except ImportError as error:
        option = "source" if options.source else "serve"
        missing = f"--{option} needs OpenCV and Pillow: pip install opencv-python-headless pillow"
        return _complain(ImportError(missing) if error.name in _EXTRA else error)
    try:
        return answer_source(options, sys.stdout) if options.source else answer_serve(options)
    except BrokenPipeError:
        raise
    except (ImportError, OSError, ValueError) as error:
        return _complain(error)


def _run_crops(options: argparse.Namespace) -> int:
    try:
        runner = Runner(options.model, threads=options.threads, runtime=options.runtime)
    except (ImportError, OSError, ValueError) as error:
        return _complain(error)
    status: int = ExitStatus.FINE
    with runner:
        for path in options.crops:
            try:
                for index, crop in enumerate(read_crops(path)):
                    for answer in _answers(runner, crop, options):
                        line = {"source": str(path), "crop": index, **asdict(answer)}
                        print(json.dumps(line), flush=sys.stdout.isatty())
            except BrokenPipeError:
                raise
            except (ImportError, OSError, ValueError) as error:
                status = _complain(error)
        sys.stdout.flush()
    return status


def _answers(runner: Runner, crop: UInt8, options: argparse.Namespace) -> Iterator[Prediction]:
    if not (options.rows or options.partial or options.early_exit):
        yield runner.classify(crop)
    elif not options.partial:
        yield runner.read(crop, early_exit=options.early_exit)
    else:
        for answer in runner.steps(crop):
            yield answer
            if options.early_exit and runner.settled:
                return


def _complain(error: Exception) -> int:
    print(f"error: {error}", file=sys.stderr)
    return ExitStatus.WRONG_USE


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m device", description="Reads digits with a released model.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser(
        "run",
        help="read crops from files, digits from a source, or what is drawn on a page; a JSON line for each on stdout",
        usage="python -m device run [-h] --model MODEL [OPTIONS] (CROPS... | --source SOURCE | --serve HOST:PORT)",
    )
    _add_arguments(run)
    add_source_arguments(run)
    add_serve_arguments(run)
    options = parser.parse_args(arguments)
    wrong = serve_refusal(options) or refusal(options)
    if wrong is not None:
        run.error(wrong)
    return options


def _add_arguments(run: argparse.ArgumentParser) -> None:
    run.add_argument("--model", type=Path, help="the model's folder, e.g. models/rows2d")
    run.add_argument("--threads", type=positive, default=1, help="threads the kernels may use (default: 1)")
    run.add_argument("--runtime", choices=tuple(RUNTIMES), help="the interpreter (default: the first installed)")
    run.add_argument("--rows", action="store_true", help="read each crop line by line, along the model's time axis")
    run.add_argument("--partial", action="store_true", help="print the answer after each time step (implies --rows)")
    run.add_argument(
        "--early-exit", action="store_true", help="read no further once the answer is settled (implies --rows)"
    )
    run.add_argument(
        "crops", type=Path, nargs="*", metavar="CROPS", help=".npy <uint8>[28, 28] or [n, 28, 28], IDX, PNG or JPEG"
    )


if __name__ == "__main__":
    sys.exit(main())
