"""The commands: each has its options as fields, and `run` does it; None is exit status 0.

Checks that need neither data nor TensorFlow come first, so that a wrong option or path is answered at once.
"""

from __future__ import annotations

import importlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from device.arrays import Float32
from device.exit_status import ExitStatus
from device.manifest import read_manifest
from pipeline.folders import ModelFolder, ReportFolder, build_folder, finished_model, model_folder, weights_folder
from pipeline.lock import folder_lock
from pipeline.variants import VARIANTS, model_name

if TYPE_CHECKING:  # most commands need no gate
    from pipeline.gate.judgement import Judgement


class Command(Protocol):
    """A command; `run` raises OSError, ValueError or RuntimeError, with a message for the user."""

    def run(self) -> ExitStatus | None: ...


@dataclass(frozen=True)
class Train:
    """Train a variant's float weights into build/VARIANT/train, or resume an interrupted training."""

    variant: str
    data: Path | None
    fonts: Path | None

    def run(self) -> None:
        _require(self.fonts)
        from pipeline.data.mnist import load
        from pipeline.synthesis.fonts import training_fonts

        splits = load(self.data)
        splits.require_training()
        fonts = training_fonts(self.fonts)
        trained = ModelFolder(build_folder(self.variant).train)
        with folder_lock(trained.path):
            _import_tensorflow()
            from pipeline.training.train import train_variant

            train_variant(VARIANTS[self.variant], splits, fonts, trained)
        print(trained.weights)


@dataclass(frozen=True)
class Convert:
    """Convert a variant's float weights to a candidate in build/VARIANT: int8 file, manifest, model card."""

    variant: str
    data: Path | None

    def run(self) -> None:
        weights, candidate = weights_folder(self.variant), build_folder(self.variant)
        from pipeline.data.mnist import load

        splits = load(self.data)
        with folder_lock(candidate.path):
            _import_tensorflow()
            from pipeline.release.candidate import make_candidate
            from pipeline.release.evaluate import table, write_evaluation

            evaluation = make_candidate(VARIANTS[self.variant], splits, weights, candidate)
            write_evaluation(evaluation, candidate.evaluation)
        print(table([evaluation]))


@dataclass(frozen=True)
class Table:
    """Print evaluations that `convert` wrote. Private: the Makefile's."""

    evaluations: tuple[Path, ...]

    def run(self) -> None:
        from pipeline.release.evaluate import read_evaluation, table

        print(table(read_evaluation(path) for path in self.evaluations))


@dataclass(frozen=True)
class Gate:
    """Decide whether a model may ship; exit status 1: refused, 2: not judged."""

    folder: Path
    limits: Path
    out: Path | None
    data: Path | None

    def run(self) -> ExitStatus:
        from pipeline.gate.check import Verdict
        from pipeline.gate.reports import as_text, write_reports

        judgement = self._judgement()
        write_reports(judgement, ReportFolder(self.out or build_folder(self.folder.resolve().name).gate))
        print(as_text(judgement))
        statuses = {Verdict.PASSED: ExitStatus.FINE, Verdict.REFUSED: ExitStatus.REFUSED}
        return statuses.get(judgement.verdict, ExitStatus.WRONG_USE)

    def _judgement(self) -> Judgement:
        from pipeline.gate.check import Verdict
        from pipeline.gate.judgement import limits_judged
        from pipeline.gate.limits import read_limits

        model = finished_model(self.folder)
        manifest = read_manifest(model.path)
        limits = read_limits(self.limits, model_name(model.path))
        _require(model.path / manifest.file.name, model.golden, model.float_model, model.calibration)
        by_limits = limits_judged(model.path, manifest, limits)
        if by_limits.verdict is Verdict.REFUSED:
            return by_limits
        from pipeline.data.mnist import load

        splits = load(self.data)
        _import_tensorflow()
        from pipeline.gate.case import Case
        from pipeline.gate.judge import judge

        return judge(Case(model, manifest, splits, limits))


@dataclass(frozen=True)
class Release:
    """Copy build/VARIANT to models/VARIANT if it passed the gate; exit status 1: refused."""

    variant: str

    def run(self) -> ExitStatus:
        candidate, model = build_folder(self.variant), model_folder(self.variant)
        if not candidate.manifest.is_file():
            expected = f"{candidate.path}: Expected a candidate"
            raise FileNotFoundError(f"{expected}. Found none: run `make convert gate` first")
        from pipeline.release.release import ReleaseError, release

        try:
            with folder_lock(candidate.path):
                candidate.finish()
                release(candidate, model)
        except ReleaseError as error:
            print(f"refused: {error}", file=sys.stderr)
            return ExitStatus.REFUSED
        print(model.path)
        return ExitStatus.FINE


@dataclass(frozen=True)
class Report:
    """Draw what the gate measured, as pages for a browser."""

    names: tuple[str, ...]

    def run(self) -> None:
        judgements = [ReportFolder(build_folder(name).gate).json for name in self.names]
        if set(self.names) <= VARIANTS.keys() and not any(path.exists() for path in judgements):
            raise FileNotFoundError(f"Expected {', '.join(map(str, judgements))}. Found none: run `make gate` first")
        from pipeline.report.site import write_report

        print(*write_report(self.names), sep="\n")


@dataclass(frozen=True)
class Bench:
    """Time a release against TFLite's own conversions of the same weights."""

    variant: str

    def run(self) -> None:
        model = model_folder(self.variant)
        read_manifest(model.path)
        _require(model.float_model)
        _import_tensorflow()
        from converters.tflite.graph import read_graphs
        from device.pixels import unit_range
        from device.runner import Runner
        from pipeline.bench.baselines import fused, keras_unrolled
        from pipeline.bench.timing import files_table, reads_table, time_files, time_reads
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
        print(files_table(time_files(files)))
        with Runner(model.path) as runner:
            if runner.manifest.states:
                reads = time_reads(runner, splits.test.crops[::4], read_graphs(files[self.variant]))
                print("\n" + reads_table(reads))


@dataclass(frozen=True)
class Bundle:
    """Pack a release with the device side, for a machine without TensorFlow."""

    variant: str
    into: Path

    def run(self) -> None:
        from pipeline.release.bundle import bundle

        print(bundle(finished_model(model_folder(self.variant).path), self.into))
        print("On the device, run first what README.txt says: python -m device verify model", file=sys.stderr)


@dataclass(frozen=True)
class Demo:
    """Show in the terminal how a digit is read, line by line."""

    variant: str
    digit: int
    pause_ms: float

    def __post_init__(self) -> None:
        if self.digit < 0 or not 0 <= self.pause_ms < float("inf"):
            raise ValueError(f"Expected --digit >= 0 and --pause-ms >= 0. Received: {self.digit} and {self.pause_ms}")

    def run(self) -> None:
        model = model_folder(self.variant).path
        read_manifest(model)
        from device.runner import Runner
        from pipeline.bench.terminal import demo
        from pipeline.data.mnist import embedded_splits

        test = embedded_splits().test
        with Runner(model) as runner:
            for line in demo(runner, test.crops[self.digit % len(test)], self.pause_ms / 1e3):
                print(line, flush=True)


@dataclass(frozen=True)
class Doctor:
    """Say what keeps a network from seeing a sequence, and what mends it; exit status 1: it is sick."""

    source: str
    shape: tuple[int, ...] | None
    data: Path | None

    def __post_init__(self) -> None:
        if self.shape is not None and min(self.shape, default=0) < 1:
            raise ValueError(f"Expected --input of sizes >= 1, as 28,28,1. Received: {self.shape}")

    def run(self) -> ExitStatus:
        from converters.loading.source import read_source

        # Who names a function asks for it to be run.
        source = read_source(self.source, trust=True)
        data = self._read_data()
        _import_tensorflow()
        from pipeline.doctor.examine import examine
        from pipeline.doctor.report import as_text

        diagnosis = examine(source, self.shape, data)
        print(as_text(diagnosis))
        return ExitStatus.REFUSED if diagnosis.is_sick else ExitStatus.FINE

    def _read_data(self) -> Float32 | None:
        if self.data is None:
            return None
        from device.npy import parse_npy

        _require(self.data)
        try:
            array = parse_npy(self.data.read_bytes())
        except ValueError as error:
            raise ValueError(f"{self.data}: {error}") from error
        if array.ndim < 2 or array.dtype.kind not in "iuf" or not len(array):
            expected = "Expected inputs of the network, numbers [n, …]"
            raise ValueError(f"{self.data}: {expected}. Received: shape={array.shape}, dtype={array.dtype}")
        return array.astype("float32")


@dataclass(frozen=True)
class CalibrationSheet:
    """Draw the sheet of calibration crops without a digit."""

    out: Path
    fonts: Path | None

    def run(self) -> None:
        _require(self.fonts)
        from pipeline.data.calibration import write_sheet
        from pipeline.synthesis.fonts import training_fonts
        from pipeline.synthesis.negatives import draw_calibration_sheet

        write_sheet(draw_calibration_sheet(training_fonts(self.fonts)), self.out)
        print(self.out)


@dataclass(frozen=True)
class EvaluatePhotos:
    """Read photos whose names say what they show, and count the right answers."""

    folder: Path
    photographs: tuple[str, ...]
    label_field: int
    no_digit: str | None

    def __post_init__(self) -> None:
        if self.label_field < 0:
            raise ValueError(f"Expected --label-field >= 0. Received: {self.label_field}")

    def run(self) -> None:
        from device.runner import Runner
        from pipeline.bench.photographs import evaluate_photos, photos_table

        with Runner(self.folder) as runner:
            read = [evaluate_photos(runner, each, self.label_field, self.no_digit) for each in self.photographs]
        print(photos_table(list(zip(self.photographs, read, strict=True))))


def _require(*paths: Path | None) -> None:
    for path in paths:
        if path is not None and not path.exists():
            raise FileNotFoundError(f"{path}: Expected a file or folder. Found none")


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
