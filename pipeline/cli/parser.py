"""Parses the command line into a command with its options."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import device
from converters.workspace import Wanted
from device.contract.names import is_model_name
from device.interpreter import RUNTIMES
from device.update.release import ALL_PERMILLE
from pipeline.cli import commands, own, signing, sweep, tools
from pipeline.cli.command import Command
from pipeline.data.own.own_data import TASKS
from pipeline.folders import BUILD, MODELS, build_folder, model_folder
from pipeline.variants import VARIANTS


def parse(arguments: Sequence[str] | None) -> Command:
    """Returns the command that the arguments name; exits with 2 if they are wrong, ValueError if out of range."""
    options = vars(_parser().parse_args(arguments))
    make: Callable[..., Command] = options.pop("make")
    return make(**{name: tuple(value) if isinstance(value, list) else value for name, value in options.items()})


@dataclass(frozen=True)
class _Commands:
    """The parsers of the commands, each with its options."""

    named: Any

    def add(self, name: str, make: Callable[..., Command], *options: Any, text: str | None = None) -> None:
        about = str(make.__doc__) if text is None else text
        text_of: dict[str, Any] = {"help": about.rstrip(".")} if about else {}
        command = self.named.add_parser(name, **text_of)
        command.set_defaults(make=make)
        for flag, settings in options:
            command.add_argument(flag, **settings)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipeline", description="From MNIST to an int8 TFLite release.")
    parser.add_argument("--version", action="version", version=f"rowstream {device.__version__}")
    named = _Commands(parser.add_subparsers(required=True, metavar="COMMAND"))
    _add_what_makes(named)
    _add_what_releases(named)
    _add_what_signs(named)
    _add_what_shows(named)
    return parser


def _option(flag: str, **settings: Any) -> tuple[str, dict[str, Any]]:
    return flag, settings


_FONTS = _option("--fonts", type=Path, help="folder of fonts to draw from (default: the installed ones)")
_NETWORK = _option(
    "source", metavar="MODEL", help="a .keras or .h5 file, a SavedModel, or FILE.py:FUNCTION or MODULE:FUNCTION"
)
_FOLDER = _option("folder", type=Path, metavar="MODEL_DIR", help="the model's folder, e.g. build/rows2d")
_TRUST = _option("--trust", action="store_true", help="run the code that a network or data are from")
_OF_DATA = (
    _option("--scaling", default="", help="what the network sees for grey levels 0 and 255, as 0..1, -1..1, 0..255"),
    _option("--task", default="", choices=("", *TASKS), help="what the labels mean, where they leave it open"),
    _option("--names", default="", help="the classes in the order of the outputs, between commas"),
    _option("--seed", type=int, help="of the draw of test and calibration inputs (default: 7)"),
    _option("--drop-duplicates", action="store_true", help="leave out inputs that are also in another part"),
    _option("--allow-few", action="store_true", help="calibrate on fewer than 100 inputs"),
    _option("--units", default="", help="of an output of values"),
    _option("--decoding", default="", choices=("", "ctc"), help="how answers to each step become a text"),
    _option(
        "--time",
        default="",
        choices=("", "windows", "continuous"),
        help="states are reset for each input, or never (default: by the network's stateful layers)",
    ),
    _option(
        "--precision",
        default="",
        choices=("", *get_args(Wanted)),
        help="of recurrent cells; auto takes int8 where that is precise enough (default: auto)",
    ),
)


def _answers() -> tuple[str, dict[str, Any]]:
    return _option(
        "--answers",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="what `rowstream verify --answers` printed on kinds of devices; those that have the same runtime and "
        "processor have to give exactly these, as those have to that are like this machine",
    )


def _named_path(text: str) -> Path | None:
    # The Makefile gives an empty text where nothing is named.
    return Path(text) if text else None


def _data() -> tuple[str, dict[str, Any]]:
    return _option(
        "--data",
        type=_named_path,
        help="folder with MNIST's four IDX files or your own crops.npz "
        "(default: ROWSTREAM_DATA, the cache, a download, embedded images); an own network's inputs and labels",
    )


def _add_what_makes(named: _Commands) -> None:
    model = _option(
        "model",
        metavar="MODEL",
        help=f"one of {', '.join(VARIANTS)}; a recipe.toml; a .keras or .h5 file, a SavedModel, or MODULE:FUNCTION",
    )
    name = _option("--name", default="", help="name of an own model: its folder is build/NAME (default: by its file)")
    kept = _option("--kept", type=Path, metavar="DIR", help="labelled crops of devices to train on as well")
    recipe = _option("--out", type=Path, help="file to write (default: recipe.toml)")
    named.add("train", own.train, model, _data(), _FONTS, kept, name, _TRUST, text=str(own.TrainOwn.__doc__))
    named.add("convert", own.convert, model, _data(), name, _TRUST, *_OF_DATA, text=str(own.ConvertOwn.__doc__))
    named.add("init", own.init, _NETWORK, _data(), recipe, *_OF_DATA, text=str(own.Init.__doc__))
    space = _option("space", type=Path, metavar="SPACE", help="a .toml file of parameters and their values")
    of_sweep = _option("--name", default="", help="its folder is build/sweep/NAME (default: by its file)")
    address = _option("--address", default="", metavar="HOST:PORT", help="a cluster of Ray (default: this machine)")
    named.add("sweep", sweep.sweep, space, of_sweep, address, _TRUST, text=str(sweep.Sweep.__doc__))


def _add_what_releases(named: _Commands) -> None:
    one = _option("name", type=_known_model, metavar="NAME", help=f"one of {', '.join(VARIANTS)}, or an own model")
    limits = _option(
        "--limits", type=Path, default=MODELS / "limits.toml", help="limits of the checks (default: models/limits.toml)"
    )
    reports = _option("--out", type=Path, help="folder for gate.json, junit.xml, summary.md (default: build/NAME/gate)")
    names = _option("names", nargs="+", metavar="NAME", help="a model that the gate judged: build/NAME/gate")
    into = _option("--into", type=Path, default=Path("dist"), help="folder to put it in (default: dist)")
    named.add("gate", commands.Gate, _FOLDER, limits, reports, _data(), _TRUST)
    named.add("release", commands.Release, one)
    named.add("report", commands.Report, names)
    quick = _option("--quick", action="store_true", help="fewer and shorter rounds, inputs and sizes")
    default = ("name", {**one[1], "nargs": "?", "default": "rows2d"})
    named.add("bench", tools.Bench, default, _data(), _TRUST, quick)
    named.add("bench-scaling", tools.BenchScaling, quick)
    keys = _option("--keys", type=Path, metavar="DIR", help="what signs it (default: your own development keys)")
    named.add("bundle", signing.Bundle, one, into, keys, _answers(), _data(), _TRUST)
    named.add("export-c", commands.ExportC, one, into)
    named.add("wheel", commands.Wheel, into)


def _add_what_signs(named: _Commands) -> None:
    folder = _option("folder", type=Path, metavar="DIR", help="a new folder, outside any git checkout")
    count = _option("--root-keys", type=int, default=1, help="how many keys the root of trust has (default: 1)")
    threshold = _option("--threshold", type=int, default=1, help="how many of them have to sign (default: 1)")
    development = _option(
        "--development", action="store_true", help="mark the keys: devices refuse them unless allowed"
    )
    packed = _option("bundle", type=Path, metavar="BUNDLE", help="what `python -m pipeline bundle` wrote")
    keys = _option("--keys", type=Path, required=True, metavar="DIR", help="what `python -m pipeline keys` wrote")
    to = _option("--to", type=Path, required=True, metavar="REPO", help="the repository; it is made if missing")
    processor = _option("--processor", nargs="+", help="as x86_64, aarch64, armv7l (default: any)")
    runtime = _option("--runtime", nargs="+", choices=tuple(RUNTIMES), help="(default: all)")
    days = signing.Sign.valid_days
    valid = _option("--valid-days", type=int, default=days, help=f"devices refuse it afterwards (default: {days})")
    named.add("keys", signing.Keys, folder, count, threshold, development)
    replaced = _option("key", metavar="KEY", help="targets, snapshot, timestamp, or root-1 and so on")
    made = _option("folder", type=Path, metavar="DIR", help="what `python -m pipeline keys` wrote")
    named.add("rotate", signing.Rotate, made, replaced)
    share = "the share of devices that take it (default: 100), a whole number or one with tenths"
    percent = _option("--percent", dest="permille", type=permille, default=ALL_PERMILLE, help=share)
    named.add("sign", signing.Sign, packed, keys, to, processor, runtime, percent, _answers(), valid)
    reports = _option("reports", type=Path, nargs="+", metavar="REPORTS", help="files of reports, or folders of them")
    repository = _option("--repository", type=Path, required=True, metavar="REPO", help="what `sign` wrote")
    signing_keys = _option("--keys", type=Path, metavar="DIR", help="(default: only print what would be done)")
    most = _option(
        "--max-failures-percent", type=float, default=1.0, metavar="PERCENT", help="halt it above (default: 1)"
    )
    stages = _option("--advance", type=permilles, default=(), metavar="1,5,20,50,100", help="stages, in percent")
    named.add("fleet", signing.Fleet, reports, repository, signing_keys, most, stages, valid)


def _add_what_shows(named: _Commands) -> None:
    variant = _option("variant", choices=tuple(VARIANTS))
    digit = _option("--digit", type=int, default=3_200, help="index of an embedded image (default: 3200)")
    pause = _option("--pause-ms", type=float, default=60.0, help="pause after each line (default: 60)")
    shape = _option(
        "--input", dest="shape", type=sizes, metavar="SIZES", help="the input's shape without the batch, as 28,28,1"
    )
    inputs = _option("--data", type=Path, metavar="FILE", help=".npy with inputs of the network, to see their scale")
    sheet = _option(
        "--out", type=Path, default=BUILD / "negatives.png", help="image to write (default: build/negatives.png)"
    )
    photos = _option("photographs", nargs="+", metavar="PHOTOS", help="a folder, or a quoted pattern, of photos")
    label = _option("--label-field", type=int, default=0, help="which part between _ is the label (default: 0)")
    folders = _option("--label-folders", action="store_true", help="the label is the name of the photo's folder")
    no_digit = _option("--no-digit", metavar="LABEL", help="the label of photos that show no digit")
    images = _option("--images", type=int, default=2_000, help="how many test images are corrupted (default: 2000)")
    folders_of_models = _option(
        "folders", type=Path, nargs="*", metavar="MODEL_DIR", help="folders of models (default: the released variants)"
    )
    pictures = _option("--pictures", type=int, default=500, help="how many of each kind (default: 500)")
    named.add("robustness", tools.Robustness, variant, _data(), images)
    named.add("compare", tools.Compare, folders_of_models, _data(), pictures)
    named.add("demo", tools.Demo, variant, digit, pause)
    named.add("doctor", tools.Doctor, _NETWORK, shape, inputs)
    named.add("calibration-sheet", tools.CalibrationSheet, sheet, _FONTS)
    named.add("evaluate-photos", tools.EvaluatePhotos, _FOLDER, photos, label, folders, no_digit)
    named.add("table", commands.Table, _option("evaluations", type=Path, nargs="+", metavar="EVALUATION"), text="")


def sizes(text: str) -> tuple[int, ...]:
    """Returns sizes written as 28,28,1; raises ValueError if one is no number."""
    return tuple(int(size) for size in text.split(","))


def permille(text: str) -> int:
    """Returns a share in percent, a whole number or one with tenths, in permille; else raises ArgumentTypeError."""
    try:
        found = round(10 * float(text))
        fine = 0 <= found <= ALL_PERMILLE and float(text) == found / 10
    except (ValueError, OverflowError):
        fine = False
    if not fine:
        raise argparse.ArgumentTypeError(f"Expected 0 to 100 percent, with tenths at most. Received: {text!r}")
    return found


def permilles(text: str) -> tuple[int, ...]:
    """Returns shares written as 1,5,20; raises as `permille` does."""
    return tuple(map(permille, text.split(",")))


def _known_model(name: str) -> str:
    """Returns a name if a model has it; raises ArgumentTypeError otherwise."""
    folders = [find(name).path for find in (build_folder, model_folder)] if is_model_name(name) else []
    if name in VARIANTS or any(map(Path.is_dir, folders)):
        return name
    expected = "Expected a variant or the name of a folder in build/ or models/"
    raise argparse.ArgumentTypeError(f"{expected}. Received: {name!r}")
