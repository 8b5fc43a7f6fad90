"""The command line, read into the options of one command."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from .. import __version__
from ..interpreter import RUNTIMES
from ..program import PROGRAM
from .options import DEFAULT_TIMEOUT_S, ClassifyOptions, ModelOptions, VerifyOptions
from .process import warn

if TYPE_CHECKING:
    from .service_options import ServiceOptions
    from .source_options import FieldsOptions, LabelOptions, ServeOptions, SourceOptions
    from .update_options import HomeOptions, InstallOptions

Options: TypeAlias = (
    "ClassifyOptions | VerifyOptions | SourceOptions | ServeOptions | FieldsOptions | LabelOptions | ServiceOptions | "
    "InstallOptions | HomeOptions"
)

Value = TypeVar("Value")

# Where a model lies in a bundle, and in this project's repository.
DEFAULT_MODELS = (Path("model"), Path("models/rows2d"))
_DEFAULT_MODEL_NAMES = " or ".join(map(str, DEFAULT_MODELS))
_MODEL = f"the model's folder (default: {_DEFAULT_MODEL_NAMES}, whichever exists first)"

# The variable that names the folder of this device's releases.
HOME = "ROWSTREAM_HOME"

_SERVICE = "install-service"
_UPDATES: Mapping[str, str] = MappingProxyType(
    {
        "install": "install a signed release, and make it the current one",
        "rollback": "go back to the release before the current one",
        "status": "print the current release",
        "list": "print the installed releases",
    }
)
_COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "verify": "check that a model answers as it did when it was made",
        "classify": "read images or sequences from files",
        "watch": "find and read the digits that a camera, video or image shows",
        "serve": "serve a page that shows a source, or a canvas to draw a digit on",
        "fields": "serve a page to draw the fields that watch --fields reads",
        "label": "serve a page to label the crops that watch --keep-unsure kept",
        _SERVICE: "write a systemd unit that runs watch or serve",
        **_UPDATES,
    }
)


def parsed(arguments: Sequence[str]) -> Options:
    """Returns what the arguments ask for.

    Raises SystemExit once argparse has printed the help, the version or what is wrong with the arguments, ValueError if
    the options do not go together, and OSError if the model is not there.
    """
    renamed = _without_run(arguments)
    given = _parser(renamed).parse_args(renamed)
    # These read no model, or that of another command.
    without_model = given.chosen == _SERVICE or given.chosen in _UPDATES
    options: Options = given.options(given) if without_model else given.options(given, _model(given))
    return options


def checked(parse: Callable[[str], Value]) -> Callable[[str], Value]:
    """Returns a parser whose ValueError argparse prints as it is."""

    def or_refused(text: str) -> Value:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return or_refused


def home_by_default() -> Path | None:
    """Returns the folder of this device's releases that the environment names, if it does."""
    return Path(os.environ[HOME]) if os.environ.get(HOME) else None


def add_home(parser: argparse.ArgumentParser) -> None:
    """Adds the option that names the folder of the releases."""
    parser.add_argument("--home", type=Path, metavar="DIR", help=f"folder of signed releases (default: {HOME})")


def _model(given: argparse.Namespace) -> ModelOptions:
    if given.model and given.home:
        raise ValueError("Expected --home or a model. Received both")
    home = None if given.model else given.home or home_by_default()
    if home is None:
        return ModelOptions(given.model or _default_model(), given.threads, given.runtime)
    return ModelOptions(home / "current", given.threads, given.runtime, home)


def _default_model() -> Path:
    for folder in DEFAULT_MODELS:
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
    warn(f"`run` is deprecated and will be removed in the next version; use `{new[0]}`")
    return [*new[:1], *(["--by-line"] if chosen.rows else []), *new[1:]]


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Returns a parser that knows the arguments of the commands among these arguments."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description="Read digits with a released model.")
    parser.add_argument("--version", action="version", version=f"rowstream {__version__}")
    commands = parser.add_subparsers(required=True, dest="chosen", metavar="COMMAND", prog=parser.prog)
    for name, text in _COMMANDS.items():
        command = commands.add_parser(name, help=text)
        if name in arguments:
            _add_arguments(name, command)
    return parser


def _add_arguments(name: str, parser: argparse.ArgumentParser) -> None:
    if name in _UPDATES:
        from .update_options import add_update  # noqa: PLC0415  # the others start faster without

        add_update(name, parser)
        return
    if name == _SERVICE:
        # It reads the arguments of another command, whose model it is.
        from .service_options import add_install_service  # noqa: PLC0415  # the others start faster without

        add_install_service(parser, parsed)
        return
    if name == "verify":
        _add_verify(parser)
    else:
        parser.add_argument("--model", type=Path, metavar="DIR", help=_MODEL)
    add_home(parser)
    parser.add_argument("--threads", type=int, default=1, help="threads the kernels may use (default: 1)")
    parser.add_argument("--runtime", choices=tuple(RUNTIMES), help="the interpreter (default: the first installed)")
    if name == "classify":
        _add_classify(parser)
    elif name != "verify":
        # The others start faster without.
        from . import source_arguments as others  # noqa: PLC0415

        adders = {"watch": others.add_watch, "serve": others.add_serve, "fields": others.add_fields}
        adders.get(name, others.add_label)(parser)


def _add_verify(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Check that a model answers its golden inputs here as it did when it was made, in a process of its own, which "
        "it may crash. Exit status 1: refused."
    )
    parser.usage = "%(prog)s [OPTIONS] [MODEL]"
    parser.add_argument("model", type=Path, nargs="?", metavar="MODEL", help=_MODEL)
    timeout = f"the longest that starting and answering may take (default: {DEFAULT_TIMEOUT_S:g})"
    parser.add_argument("--timeout", type=float, default=DEFAULT_TIMEOUT_S, metavar="SECONDS", help=timeout)
    answers = "print a line of JSON with the exact answers on this runtime and processor, for `python -m pipeline sign`"
    parser.add_argument("--answers", action="store_true", help=answers)
    parser.set_defaults(options=lambda given, model: VerifyOptions(model, given.timeout, given.answers))


def _add_classify(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Read inputs as the model takes them, such as crops of 28 x 28 pixels, light ink on a dark background; print a "
        "line of JSON for each."
    )
    parser.usage = "%(prog)s [OPTIONS] FILE..."
    files = "images: .npy <uint8>[...] or [n, ...], IDX, PNG or JPEG; sequences: .npy <float32>[...] or [n, ...], CSV"
    parser.add_argument("inputs", type=Path, nargs="+", metavar="FILE", help=files)
    parser.add_argument("--by-line", action="store_true", help="read each input line by line, as from a camera")
    parser.add_argument(
        "--partial", action="store_true", help="print the answer after each time step; implies --by-line"
    )
    parser.add_argument("--early-exit", action="store_true", help="stop at the first settled answer; implies --by-line")
    parser.set_defaults(options=_classify_options)


def _classify_options(given: argparse.Namespace, model: ModelOptions) -> ClassifyOptions:
    return ClassifyOptions(model, tuple(given.inputs), given.by_line, given.partial, given.early_exit)
