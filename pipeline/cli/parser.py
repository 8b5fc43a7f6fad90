"""Parses the command line into a command with its options."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

import device
from converters.workspace import Wanted
from device.manifest import is_model_name
from pipeline.cli import commands, own, sweep, tools
from pipeline.cli.command import Command
from pipeline.data.own.own_data import TASKS
from pipeline.folders import BUILD, MODELS, build_folder, model_folder
from pipeline.variants import VARIANTS


def parse(arguments: Sequence[str] | None) -> Command:
    """Returns the command that the arguments name; exits with 2 if they are wrong, ValueError if out of range."""
    options = vars(_parser().parse_args(arguments))
    make: Callable[..., Command] = options.pop("make")
    return make(**{name: tuple(value) if isinstance(value, list) else value for name, value in options.items()})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipeline", description="From MNIST to an int8 TFLite release.")
    parser.add_argument("--version", action="version", version=f"rowstream {device.__version__}")
    named = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, make: Callable[..., Command], *options: Any, text: str | None = None) -> None:
        about = str(make.__doc__) if text is None else text
        text_of: dict[str, Any] = {"help": about.rstrip(".")} if about else {}
        command = named.add_parser(name, **text_of)
        command.set_defaults(make=make)
        for flag, settings in options:
            command.add_argument(flag, **settings)

    variant = _option("variant", choices=tuple(VARIANTS))
    one = _option("name", type=_known_model, metavar="NAME", help=f"one of {', '.join(VARIANTS)}, or an own model")
    folder = _option("folder", type=Path, metavar="MODEL_DIR", help="the model's folder, e.g. build/rows2d")
    fonts = _option("--fonts", type=Path, help="folder of fonts to draw from (default: the installed ones)")
    data = _option(
        "--data",
        type=Path,
        default=os.environ.get("ROWSTREAM_DATA") or None,
        help="folder with MNIST's four IDX files or your own crops.npz "
        "(default: ROWSTREAM_DATA, the cache, a download, embedded images); an own network's inputs and labels",
    )
    limits = _option(
        "--limits", type=Path, default=MODELS / "limits.toml", help="limits of the checks (default: models/limits.toml)"
    )
    reports = _option("--out", type=Path, help="folder for gate.json, junit.xml, summary.md (default: build/NAME/gate)")
    names = _option("names", nargs="+", metavar="NAME", help="a model that the gate judged: build/NAME/gate")
    into = _option("--into", type=Path, default=Path("dist"), help="folder to put it in (default: dist)")
    digit = _option("--digit", type=int, default=3_200, help="index of an embedded image (default: 3200)")
    pause = _option("--pause-ms", type=float, default=60.0, help="pause after each line (default: 60)")
    network = _option(
        "source", metavar="MODEL", help="a .keras or .h5 file, a SavedModel, or FILE.py:FUNCTION or MODULE:FUNCTION"
    )
    model = _option(
        "model",
        metavar="MODEL",
        help=f"one of {', '.join(VARIANTS)}; a recipe.toml; a .keras or .h5 file, a SavedModel, or MODULE:FUNCTION",
    )
    name = _option("--name", default="", help="name of an own model: its folder is build/NAME (default: by its file)")
    trust = _option("--trust", action="store_true", help="run the code that a network or data are from")
    recipe = _option("--out", type=Path, help="file to write (default: recipe.toml)")
    of_data = (
        _option(
            "--scaling", default="", help="what the network sees for grey levels 0 and 255, as 0..1, -1..1, 0..255"
        ),
        _option("--task", default="", choices=("", *TASKS), help="what the labels mean, where they leave it open"),
        _option("--names", default="", help="the classes in the order of the outputs, between commas"),
        _option("--seed", type=int, help="of the draw of test and calibration inputs (default: 7)"),
        _option("--drop-duplicates", action="store_true", help="leave out inputs that are also in another part"),
        _option("--allow-few", action="store_true", help="calibrate on fewer than 100 inputs"),
        _option("--units", default="", help="of an output of values"),
        _option("--decoding", default="", choices=("", "ctc"), help="how answers to each step become a text"),
        _option(
            "--precision",
            default="",
            choices=("", *get_args(Wanted)),
            help="of recurrent cells; auto takes int8 where that is precise enough (default: auto)",
        ),
    )
    shape = _option(
        "--input", dest="shape", type=sizes, metavar="SIZES", help="the input's shape without the batch, as 28,28,1"
    )
    inputs = _option("--data", type=Path, metavar="FILE", help=".npy with inputs of the network, to see their scale")
    sheet = _option(
        "--out", type=Path, default=BUILD / "negatives.png", help="image to write (default: build/negatives.png)"
    )
    photos = _option("photographs", nargs="+", metavar="PHOTOS", help="a folder, or a quoted pattern, of photos")
    label = _option("--label-field", type=int, default=0, help="which part between _ is the label (default: 0)")
    no_digit = _option("--no-digit", metavar="LABEL", help="the label of photos that show no digit")
    add("train", own.train, model, data, fonts, name, trust, text=str(own.TrainOwn.__doc__))
    add("convert", own.convert, model, data, name, trust, *of_data, text=str(own.ConvertOwn.__doc__))
    add("init", own.init, network, data, recipe, *of_data, text=str(own.Init.__doc__))
    space = _option("space", type=Path, metavar="SPACE", help="a .toml file of parameters and their values")
    of_sweep = _option("--name", default="", help="its folder is build/sweep/NAME (default: by its file)")
    address = _option("--address", default="", metavar="HOST:PORT", help="a cluster of Ray (default: this machine)")
    add("sweep", sweep.sweep, space, of_sweep, address, trust, text=str(sweep.Sweep.__doc__))
    add("gate", commands.Gate, folder, limits, reports, data, trust)
    add("release", commands.Release, one)
    add("report", commands.Report, names)
    add("bench", tools.Bench, one, trust)
    add("bundle", commands.Bundle, one, into)
    add("demo", tools.Demo, variant, digit, pause)
    add("doctor", tools.Doctor, network, shape, inputs)
    add("calibration-sheet", tools.CalibrationSheet, sheet, fonts)
    add("evaluate-photos", tools.EvaluatePhotos, folder, photos, label, no_digit)
    add("table", commands.Table, _option("evaluations", type=Path, nargs="+", metavar="EVALUATION"), text="")
    return parser


def sizes(text: str) -> tuple[int, ...]:
    """Return sizes written as 28,28,1; raises ValueError if one is no number."""
    return tuple(int(size) for size in text.split(","))


def _known_model(name: str) -> str:
    """Returns a name if a model has it; raises ArgumentTypeError otherwise."""
    folders = [find(name).path for find in (build_folder, model_folder)] if is_model_name(name) else []
    if name in VARIANTS or any(map(Path.is_dir, folders)):
        return name
    expected = "Expected a variant or the name of a folder in build/ or models/"
    raise argparse.ArgumentTypeError(f"{expected}. Received: {name!r}")


def _option(flag: str, **settings: Any) -> tuple[str, dict[str, Any]]:
    return flag, settings
