"""The commands: each has its options as fields, and `run` does it.

What needs no data and no TensorFlow is checked first, so that a slip of the keyboard is answered at once.
"""

from __future__ import annotations

import importlib
import os
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from device.exit_status import ExitStatus
from device.manifest import read_manifest
from pipeline.folders import ModelFolder, ReportFolder, build_folder, model_folder, weights_folder
from pipeline.variants import VARIANTS

if TYPE_CHECKING:  # most commands need no gate
    from pipeline.gate.judgement import Judgement


class Command(ABC):
    """A command of `python -m pipeline`."""

    @abstractmethod
    def run(self) -> ExitStatus:
        """Run the command and return the exit status.

        Raises:
            OSError, ValueError, RuntimeError: wrong use or unreadable input; the message is for the user.
        """


@dataclass(frozen=True)
class Train(Command):
    """Train a variant's float weights into `build/<variant>/train/`."""

    variant: str
    data: Path | None
    fonts: Path | None

    def run(self) -> ExitStatus:
        """See `Command`."""
        _require_folder(self.fonts)
        from pipeline.data.mnist import load
        from pipeline.synthesis.fonts import training_fonts

        splits = load(self.data)
        splits.require_training()
        fonts = training_fonts(self.fonts)
        _import_tensorflow()
        from pipeline.synthesis.training_set import TrainingMix, build_training_set
        from pipeline.training.train import RECIPES, Run, train

        training_set = build_training_set(splits.training, fonts, TrainingMix())
        trained = ModelFolder(build_folder(self.variant).train)
        run = Run(trained.path)
        network = train(VARIANTS[self.variant], RECIPES[self.variant], training_set, splits.validation, run)
        recipe = run.recipe.read_text()
        run.discard()
        trained.path.mkdir()
        network.save_weights(trained.weights)
        trained.training.write_text(recipe)
        print(trained.weights)
        return ExitStatus.FINE


@dataclass(frozen=True)
class CalibrationSheet(Command):
    """Draw the sheet of crops without a digit that calibrate int8."""

    out: Path
    fonts: Path | None

    def run(self) -> ExitStatus:
        """See `Command`."""
        _require_folder(self.fonts)
        from pipeline.data.calibration import write_sheet
        from pipeline.synthesis.fonts import training_fonts
        from pipeline.synthesis.negatives import drawn_sheet

        write_sheet(drawn_sheet(training_fonts(self.fonts)), self.out)
        print(self.out)
        return ExitStatus.FINE


@dataclass(frozen=True)
class Convert(Command):
    """Convert a variant's float weights to a candidate in `build/<variant>/`."""

    variant: str
    data: Path | None

    def run(self) -> ExitStatus:
        """See `Command`."""
        weights, candidate = weights_folder(self.variant), build_folder(self.variant)
        from pipeline.data.mnist import load
        from pipeline.release.evaluate import table, write_evaluation

        splits = load(self.data)
        _import_tensorflow()
        from pipeline.release.candidate import make_candidate

        evaluation = make_candidate(VARIANTS[self.variant], splits, weights, candidate)
        write_evaluation(evaluation, candidate.evaluation)
        print(table([evaluation]))
        return ExitStatus.FINE


@dataclass(frozen=True)
class Gate(Command):
    """Decide whether a model may ship."""

    folder: Path
    limits: Path
    out: Path | None
    data: Path | None

    def run(self) -> ExitStatus:
        """See `Command`."""
        from pipeline.gate.check import Verdict
        from pipeline.gate.reports import as_text, write_reports

        judgement = self._judgement()
        write_reports(judgement, ReportFolder(self.out or build_folder(self.folder.resolve().name).gate))
        print(as_text(judgement))
        statuses = {Verdict.PASSED: ExitStatus.FINE, Verdict.REFUSED: ExitStatus.REFUSED}
        return statuses.get(judgement.verdict, ExitStatus.WRONG_USE)

    def _judgement(self) -> Judgement:
        from pipeline.gate.judgement import refused_without_limits
        from pipeline.gate.limits import read_limits

        model, manifest = ModelFolder(self.folder), read_manifest(self.folder)
        limits = read_limits(self.limits, manifest.name)
        for path in (model.path / manifest.file.name, model.float_model, model.calibration):
            _require_file(path)
        if limits.missing():
            return refused_without_limits(model.path, manifest, limits.missing())
        from pipeline.data.mnist import load

        splits = load(self.data)
        _import_tensorflow()
        from pipeline.gate.case import Case
        from pipeline.gate.judge import judge

        return judge(Case(model, manifest, splits, limits))


@dataclass(frozen=True)
class Release(Command):
    """Copy a candidate that passed the gate to `models/<variant>/`."""

    variant: str

    def run(self) -> ExitStatus:
        """See `Command`."""
        _require_file(build_folder(self.variant).manifest)
        from pipeline.release.release import ReleaseError, release

        model = model_folder(self.variant)
        try:
            release(build_folder(self.variant), model)
        except ReleaseError as error:
            print(f"refused: {error}", file=sys.stderr)
            return ExitStatus.REFUSED
        print(model.path)
        return ExitStatus.FINE


@dataclass(frozen=True)
class Report(Command):
    """Draw what the gate measured as pages."""

    names: tuple[str, ...]

    def run(self) -> ExitStatus:
        """See `Command`."""
        judgements = [ReportFolder(build_folder(name).gate).json for name in self.names if Path(name).name == name]
        if judgements and not any(path.exists() for path in judgements):
            raise FileNotFoundError(f"Expected {', '.join(map(str, judgements))}. Found none: run `make gate` first")
        from pipeline.report.site import write_report

        for path in write_report(self.names):
            print(path)
        return ExitStatus.FINE


@dataclass(frozen=True)
class EvaluatePhotos(Command):
    """Read photographs whose names say what they show, and count the right answers."""

    folder: Path
    photographs: tuple[str, ...]
    label_field: int
    no_digit: str | None

    def __post_init__(self) -> None:
        if self.label_field < 0:
            raise ValueError(f"Expected --label-field >= 0. Received: {self.label_field}")

    def run(self) -> ExitStatus:
        """See `Command`."""
        read_manifest(self.folder)
        from device.runner import Runner
        from pipeline.bench.photographs import field_table, read_photographs

        with Runner(self.folder) as runner:
            rows = [
                (pattern, read_photographs(runner, pattern, self.label_field, self.no_digit))
                for pattern in self.photographs
            ]
        print(field_table(rows))
        return ExitStatus.FINE


@dataclass(frozen=True)
class Table(Command):
    """Print evaluations that `convert` wrote; the Makefile's own command."""

    evaluations: tuple[Path, ...]

    def run(self) -> ExitStatus:
        """See `Command`."""
        from pipeline.release.evaluate import read_evaluation, table

        print(table(read_evaluation(path) for path in self.evaluations))
        return ExitStatus.FINE


@dataclass(frozen=True)
class Bundle(Command):
    """Pack a release with the device side."""

    variant: str
    into: Path

    def run(self) -> ExitStatus:
        """See `Command`."""
        from pipeline.release.bundle import bundle

        print(bundle(model_folder(self.variant), self.into))
        return ExitStatus.FINE


@dataclass(frozen=True)
class Bench(Command):
    """Time a release against what TFLite makes of the same weights."""

    variant: str

    def run(self) -> ExitStatus:
        """See `Command`."""
        model = model_folder(self.variant)
        read_manifest(model.path).verified_content(model.path)
        _require_file(model.float_model)
        _import_tensorflow()
        from converters.tflite.graph import read_graphs
        from device.pixels import unit_range
        from device.runner import Runner
        from pipeline.bench.baselines import fused, keras_unrolled
        from pipeline.bench.timing import reading_table, table, time_files, time_reading
        from pipeline.data.mnist import embedded_splits
        from pipeline.training.networks import load_network

        network = load_network(self.variant, model)
        splits = embedded_splits()
        calibration = unit_range(splits.calibration.crops)
        files = {
            self.variant: model.int8_tflite.read_bytes(),
            "Keras unroll=True": keras_unrolled(network, calibration),
            "fused LSTM operator": fused(network, calibration),
        }
        print(table(time_files(files)))
        with Runner(model.path) as runner:
            if runner.manifest.states:
                readings = time_reading(runner, splits.test.crops[::4], read_graphs(files[self.variant]))
                print("\n" + reading_table(readings))
        return ExitStatus.FINE


@dataclass(frozen=True)
class Demo(Command):
    """Show in the terminal how a digit is read, line by line."""

    variant: str
    digit: int
    pause_ms: float

    def __post_init__(self) -> None:
        if self.digit < 0 or not 0 <= self.pause_ms < float("inf"):
            raise ValueError(f"Expected --digit >= 0 and --pause-ms >= 0. Received: {self.digit} and {self.pause_ms}")

    def run(self) -> ExitStatus:
        """See `Command`."""
        model = model_folder(self.variant)
        read_manifest(model.path)
        from device.runner import Runner
        from pipeline.bench.terminal import reading
        from pipeline.data.mnist import embedded_splits

        test = embedded_splits().test
        with Runner(model.path) as runner:
            for line in reading(runner, test.crops[self.digit % len(test)], self.pause_ms / 1e3):
                print(line, flush=True)
        return ExitStatus.FINE


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: Expected this file. Found no such file")


def _require_folder(folder: Path | None) -> None:
    if folder is not None and not folder.is_dir():
        raise FileNotFoundError(f"{folder}: Expected a folder. Found no such folder")


def _import_tensorflow() -> None:
    """Import TensorFlow without its native start-up log, which heeds no log level."""
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
