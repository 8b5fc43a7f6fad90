"""The pipeline's command line: `python -m pipeline train|sheet|convert|gate|report|field|table|bundle|bench|stream`.

Results go to stdout, the log to stderr. Exit status: 0 fine, 1 the gate refused, 2 wrong use or
unreadable input, or the gate could not judge.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.folders import MODELS
from pipeline.variants import VARIANTS

FINE, REFUSED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns the exit status."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    try:
        return options.command(options) or FINE
    except KeyboardInterrupt:
        print("interrupted: the same command goes on", file=sys.stderr)
        return INTERRUPTED
    except (OSError, ValueError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return WRONG_USE


def _import_tensorflow() -> None:
    """Imports TensorFlow, whose native start-up chatter heeds no log level, without that chatter."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    terminal = os.dup(sys.stderr.fileno())
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, sys.stderr.fileno())
        importlib.import_module("tensorflow")
    finally:
        os.dup2(terminal, sys.stderr.fileno())
        os.close(terminal)
        os.close(nowhere)


# The imports inside the commands keep `--help` and `table` free of TensorFlow's seconds.
def _train(options: argparse.Namespace) -> None:
    from pipeline.data.mnist import load
    from pipeline.folders import build_folder, model_folder
    from pipeline.synthesis.fonts import training_fonts

    splits = load(options.data)
    splits.require_training()
    fonts = training_fonts(options.fonts)
    _import_tensorflow()
    from pipeline.synthesis.training_set import TrainingMix, build_training_set
    from pipeline.training.train import RECIPES, Run, train

    training_set = build_training_set(splits.training, fonts, TrainingMix())
    run = Run(build_folder(options.variant).training)
    network = train(VARIANTS[options.variant], RECIPES[options.variant], training_set, splits.validation, run)
    model = model_folder(options.variant)
    model.path.mkdir(parents=True, exist_ok=True)
    network.save_weights(model.weights)
    shutil.copy(run.recipe, model.training)
    run.discard()
    print(model.weights)


def _sheet(options: argparse.Namespace) -> None:
    from pipeline.data.calibration import SHEET, write_sheet
    from pipeline.synthesis.fonts import training_fonts
    from pipeline.synthesis.negatives import drawn_sheet

    write_sheet(drawn_sheet(training_fonts(options.fonts)))
    print(SHEET)


def _convert(options: argparse.Namespace) -> None:
    from pipeline.data.mnist import load
    from pipeline.folders import build_folder, model_folder

    splits = load(options.data)
    _import_tensorflow()
    from pipeline.release.evaluate import write_evaluation
    from pipeline.release.release import release

    evaluation = release(VARIANTS[options.variant], splits, model_folder(options.variant))
    write_evaluation(evaluation, build_folder(options.variant).evaluation)


def _gate(options: argparse.Namespace) -> int:
    from pipeline.data.mnist import load

    splits = load(options.data)
    _import_tensorflow()
    from pipeline.folders import ReportFolder, build_folder
    from pipeline.gate.check import Verdict
    from pipeline.gate.judge import judge, open_case
    from pipeline.gate.reports import as_text, write_reports

    judgement = judge(open_case(options.folder, splits, options.limits))
    write_reports(judgement, ReportFolder(options.out or build_folder(options.folder.resolve().name).gate))
    print(as_text(judgement))
    return {Verdict.PASSED: FINE, Verdict.REFUSED: REFUSED}.get(judgement.verdict, WRONG_USE)


def _report(options: argparse.Namespace) -> None:
    from pipeline.report.site import write_report

    for path in write_report(options.names):
        print(path)


def _field(options: argparse.Namespace) -> None:
    from device.runner import Runner
    from pipeline.bench.photographs import field_table, read_photographs

    with Runner(options.folder) as runner:
        rows = [
            (pattern, read_photographs(runner, pattern, options.label_field, options.no_digit))
            for pattern in options.photographs
        ]
    print(field_table(rows))


def _table(options: argparse.Namespace) -> None:
    from pipeline.release.evaluate import read_evaluation, table

    print(table(read_evaluation(path) for path in options.evaluations))


def _bundle(options: argparse.Namespace) -> None:
    from pipeline.folders import model_folder
    from pipeline.release.bundle import bundle

    print(bundle(model_folder(options.variant), options.into))


def _bench(options: argparse.Namespace) -> None:
    _import_tensorflow()
    from converters.tflite.graph import read_graphs
    from device.pixels import unit_range
    from device.runner import Runner
    from pipeline.bench.baselines import fused, keras_unrolled
    from pipeline.bench.timing import reading_table, table, time_files, time_reading
    from pipeline.data.mnist import embedded_splits
    from pipeline.folders import model_folder
    from pipeline.training.networks import load_network

    model = model_folder(options.variant)
    network = load_network(options.variant, model)
    splits = embedded_splits()
    calibration = unit_range(splits.calibration.crops)
    files = {
        options.variant: model.int8_tflite.read_bytes(),
        "Keras unroll=True": keras_unrolled(network, calibration),
        "fused LSTM operator": fused(network, calibration),
    }
    print(table(time_files(files)))
    with Runner(model.path) as runner:
        if runner.manifest.states:
            readings = time_reading(runner, splits.test.crops[::4], read_graphs(files[options.variant]))
            print("\n" + reading_table(readings))


def _stream(options: argparse.Namespace) -> None:
    from device.runner import Runner
    from pipeline.bench.terminal import reading
    from pipeline.data.mnist import embedded_splits
    from pipeline.folders import model_folder

    test = embedded_splits().test
    with Runner(model_folder(options.variant).path) as runner:
        for line in reading(runner, test.crops[options.digit % len(test)], options.pause_ms / 1e3):
            print(line, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipeline", description="From MNIST to an int8 TFLite release.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    train = commands.add_parser("train", help="train a variant's float weights, or go on where it was interrupted")
    sheet = commands.add_parser("sheet", help="draw the crops without a digit anew that calibrate besides digits")
    convert = commands.add_parser("convert", help="make the int8 file, manifest and model card of a variant")
    gate = commands.add_parser("gate", help="decide whether a model may ship; exit status 1: refused, 2: not judged")
    gate.add_argument("folder", type=Path, metavar="MODEL_DIR", help="the model's folder, e.g. models/rows2d")
    gate.add_argument("--limits", type=Path, default=MODELS / "limits.toml", help="(default: models/limits.toml)")
    gate.add_argument("--out", type=Path, help="folder for gate.json, junit.xml, summary.md (default: build/NAME/gate)")
    report = commands.add_parser("report", help="draw what the gate measured, as pages to open in a browser")
    report.add_argument("names", nargs="+", metavar="NAME", help="a judged model: the folder build/NAME, e.g. rows2d")
    field = commands.add_parser("field", help="read photographs whose names say what they show, and count")
    field.add_argument("folder", type=Path, metavar="MODEL_DIR", help="the model's folder, e.g. models/rows2d")
    field.add_argument(
        "photographs", nargs="+", metavar="PHOTOGRAPHS", help="a folder, or a quoted pattern, of pictures"
    )
    field.add_argument("--label-field", type=int, default=0, help="which part between _ is the label (default: 0)")
    field.add_argument("--no-digit", metavar="LABEL", help="the label of pictures that show no digit")
    bundle = commands.add_parser("bundle", help="pack a released model with the device side")
    table = commands.add_parser("table", help="print what `convert` measured")
    table.add_argument("evaluations", type=Path, nargs="+", metavar="EVALUATION", help="build/VARIANT/evaluation.json")
    bench = commands.add_parser("bench", help="time a released file against what TFLite makes of the same weights")
    stream = commands.add_parser("stream", help="show how a digit is read, line by line, in the terminal")
    stream.add_argument("--digit", type=int, default=3_200, help="which of the embedded images (default: 3200)")
    stream.add_argument("--pause-ms", type=float, default=60.0, help="pause after each line (default: 60)")
    for command in (train, convert, bundle, bench, stream):
        command.add_argument("variant", choices=tuple(VARIANTS))
    for command in (train, sheet):
        command.add_argument("--fonts", type=Path, help="folder of fonts to draw from (default: those installed)")
    for command in (train, convert, gate):
        command.add_argument(
            "--data",
            type=Path,
            default=os.environ.get("ROWSTREAM_DATA") or None,
            help="folder with MNIST's four IDX files or one's own crops.npz "
            "(default: ROWSTREAM_DATA, the cache, a download, embedded images)",
        )
    bundle.add_argument("--into", type=Path, default=Path("dist"), help="where to put it (default: dist)")
    train.set_defaults(command=_train)
    sheet.set_defaults(command=_sheet)
    convert.set_defaults(command=_convert)
    gate.set_defaults(command=_gate)
    report.set_defaults(command=_report)
    field.set_defaults(command=_field)
    table.set_defaults(command=_table)
    bundle.set_defaults(command=_bundle)
    bench.set_defaults(command=_bench)
    stream.set_defaults(command=_stream)
    return parser


if __name__ == "__main__":
    sys.exit(main())
