"""Parses the command line into a command with its options."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import device
from pipeline.cli import commands
from pipeline.cli.commands import Command
from pipeline.folders import BUILD, MODELS
from pipeline.variants import VARIANTS


def parse(arguments: Sequence[str] | None) -> Command:
    """Return the command that the arguments name; exit with status 2 if they are wrong.

    Raises:
        ValueError: an option is out of range.
    """
    options = vars(_parser().parse_args(arguments))
    command = options.pop("command")
    fields = {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}
    made: Command = command(**fields)
    return made


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipeline", description="From MNIST to an int8 TFLite release.")
    parser.add_argument("--version", action="version", version=f"rowstream {device.__version__}")
    named = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: type[Command], **help_text: Any) -> argparse.ArgumentParser:
        added = named.add_parser(name, **help_text)
        added.set_defaults(command=command)
        return added

    train = add("train", commands.Train, help="train a variant's float weights, or resume an interrupted training")
    convert = add("convert", commands.Convert, help="make a variant's int8 file, manifest and card in build/VARIANT")
    gate = add("gate", commands.Gate, help="decide whether a model may ship; exit status 1: refused, 2: not judged")
    release = add("release", commands.Release, help="copy build/VARIANT to models/VARIANT if it passed the gate")
    report = add("report", commands.Report, help="draw what the gate measured, as pages for a browser")
    bench = add("bench", commands.Bench, help="time a release against TFLite's own conversions of the same weights")
    bundle = add("bundle", commands.Bundle, help="pack a release with the device side")
    demo = add("demo", commands.Demo, help="show in the terminal how a digit is read, line by line")
    sheet = add("calibration-sheet", commands.CalibrationSheet, help="draw the calibration crops without a digit")
    photos = add("evaluate-photos", commands.EvaluatePhotos, help="read labelled photographs, and count right answers")
    table = add("table", commands.Table)
    for command in (train, convert, release, bench, bundle, demo):
        command.add_argument("variant", choices=tuple(VARIANTS))
    for command in (train, convert, gate):
        _add_data(command)
    for command in (train, sheet):
        command.add_argument("--fonts", type=Path, help="folder of fonts to draw from (default: the installed ones)")
    _add_gate(gate)
    _add_photos(photos)
    report.add_argument("names", nargs="+", metavar="NAME", help="a model that the gate judged: build/NAME/gate")
    bundle.add_argument("--into", type=Path, default=Path("dist"), help="folder to put it in (default: dist)")
    demo.add_argument("--digit", type=int, default=3_200, help="index of an embedded image (default: 3200)")
    demo.add_argument("--pause-ms", type=float, default=60.0, help="pause after each line (default: 60)")
    sheet.add_argument("--out", type=Path, default=BUILD / "negatives.png", help="(default: build/negatives.png)")
    table.add_argument("evaluations", type=Path, nargs="+", metavar="EVALUATION", help="build/VARIANT/evaluation.json")
    return parser


def _add_data(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("ROWSTREAM_DATA") or None,
        help="folder with MNIST's four IDX files or your own crops.npz "
        "(default: ROWSTREAM_DATA, the cache, a download, embedded images)",
    )


def _add_gate(gate: argparse.ArgumentParser) -> None:
    gate.add_argument("folder", type=Path, metavar="MODEL_DIR", help="the model's folder, e.g. build/rows2d")
    gate.add_argument("--limits", type=Path, default=MODELS / "limits.toml", help="(default: models/limits.toml)")
    gate.add_argument("--out", type=Path, help="folder for gate.json, junit.xml, summary.md (default: build/NAME/gate)")


def _add_photos(photos: argparse.ArgumentParser) -> None:
    photos.add_argument("folder", type=Path, metavar="MODEL_DIR", help="the model's folder, e.g. models/rows2d")
    photos.add_argument(
        "photographs", nargs="+", metavar="PHOTOGRAPHS", help="a folder, or a quoted pattern, of photos"
    )
    photos.add_argument("--label-field", type=int, default=0, help="which part between _ is the label (default: 0)")
    photos.add_argument("--no-digit", metavar="LABEL", help="the label of photos that show no digit")
