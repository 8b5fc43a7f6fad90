"""The commands that measure or show something and release nothing; see `commands`."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from device.arrays import Float32
from device.contract.manifest import read_manifest
from device.exit_status import ExitStatus
from pipeline.cli.command import import_tensorflow, load_digits, load_splits, require
from pipeline.data.splits import Splits
from pipeline.folders import BUILD, ModelFolder, model_folder
from pipeline.variants import VARIANTS

_TIMED_INPUTS = 1_000


@dataclass(frozen=True)
class Bench:
    """Measure a release beside other ways to run the same weights; writes build/bench/NAME."""

    name: str
    data: Path | None
    trust: bool
    quick: bool

    def run(self) -> None:
        model = model_folder(self.name)
        manifest = read_manifest(model.path)
        require(model.float_model)
        import_tensorflow()
        from pipeline.bench.effort import FULL, QUICK
        from pipeline.bench.report import bench_report

        splits, effort = load_splits(model, self.data, trust=self.trust), QUICK if self.quick else FULL
        print(bench_report(model, splits, effort, BUILD / "bench" / self.name))
        if manifest.states and not manifest.continuous:
            self._print_reads(model, splits)

    def _print_reads(self, model: ModelFolder, splits: Splits) -> None:
        from converters.tflite.graph import read_graphs
        from device.runner import Runner
        from pipeline.bench.timing import reads_table, time_reads

        graphs = read_graphs(model.int8_tflite.read_bytes())
        with Runner(model.path) as runner:
            print("\n" + reads_table(time_reads(runner, splits.test.crops[:_TIMED_INPUTS], graphs)))


@dataclass(frozen=True)
class BenchScaling:
    """Measure an LSTM unrolled, by step, fused and looped at several sizes; writes build/scaling."""

    quick: bool

    def run(self) -> None:
        from pipeline.bench.scaling import FULL, QUICK, scaling_report

        print(scaling_report(QUICK if self.quick else FULL, BUILD / "scaling"))


@dataclass(frozen=True)
class Robustness:
    """Measure accuracy under MNIST-C's kinds of corruption, float and int8, beside a plain CNN."""

    variant: str
    data: Path | None
    images: int

    def __post_init__(self) -> None:
        if self.images < 1:
            raise ValueError(f"Expected --images >= 1. Received: {self.images}")

    def run(self) -> None:
        model = model_folder(self.variant)
        require(model.float_model)
        import_tensorflow()
        from device.runner import Runner
        from pipeline.bench.robustness import float_reader, int8_reader, measure_robustness, plain_cnn
        from pipeline.training.networks import load_network

        splits = load_digits(self.data)
        # Without MNIST there are too few images to train a CNN on.
        cnn = {"plain CNN": float_reader(plain_cnn(splits.training))} if len(splits.training) else {}
        with Runner(model.path) as runner:
            readers = {"float": float_reader(load_network(self.variant, model)), "int8": int8_reader(runner)}
            print(measure_robustness(readers | cnn, splits.test[: self.images]).table())


@dataclass(frozen=True)
class Compare:
    """Compare models on a mixture of pictures that no training used, the best one first."""

    folders: tuple[Path, ...]
    data: Path | None
    pictures: int

    def __post_init__(self) -> None:
        if self.pictures < 1:
            raise ValueError(f"Expected --pictures >= 1. Received: {self.pictures}")

    def run(self) -> None:
        folders = self.folders or tuple(model_folder(name).path for name in VARIANTS)
        for folder in folders:
            read_manifest(folder)
        from device.runner import Runner
        from pipeline.bench.mixture import measure, mixture_table

        validation = load_digits(self.data).validation
        with ExitStack() as opened:
            runners = {str(folder): opened.enter_context(Runner(folder)) for folder in folders}
            print(mixture_table(measure(runners, validation, self.pictures)))


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

        crops = embedded_splits().test.crops
        if self.digit >= len(crops):
            raise ValueError(f"Expected --digit of 0 to {len(crops) - 1:,}. Received: {self.digit:,}")
        with Runner(model) as runner:
            for line in demo(runner, crops[self.digit], self.pause_ms / 1e3):
                print(line, flush=True)


@dataclass(frozen=True)
class CalibrationSheet:
    """Draw the sheet of calibration crops without a digit."""

    out: Path
    fonts: Path | None

    def run(self) -> None:
        require(self.fonts)
        from pipeline.data.calibration import write_sheet
        from pipeline.synthesis.fonts import training_fonts
        from pipeline.synthesis.negatives import draw_calibration_sheet

        write_sheet(draw_calibration_sheet(training_fonts(self.fonts)), self.out)
        print(self.out)


@dataclass(frozen=True)
class EvaluatePhotos:
    """Read photos whose or whose folders' names say what they show, and count the right answers."""

    folder: Path
    photographs: tuple[str, ...]
    label_field: int
    label_folders: bool
    no_digit: str | None

    def __post_init__(self) -> None:
        if self.label_field < 0:
            raise ValueError(f"Expected --label-field >= 0. Received: {self.label_field}")

    def run(self) -> None:
        from device.runner import Runner
        from pipeline.bench.photographs import TruthFrom, evaluate_photos, photos_table

        truth_from = TruthFrom(None if self.label_folders else self.label_field, self.no_digit)
        with Runner(self.folder) as runner:
            read = [evaluate_photos(runner, each, truth_from) for each in self.photographs]
        print(photos_table(list(zip(self.photographs, read, strict=True))))


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
        import_tensorflow()
        from pipeline.doctor.examine import examine
        from pipeline.doctor.report import as_text

        diagnosis = examine(source, self.shape, data)
        print(as_text(diagnosis))
        return ExitStatus.REFUSED if diagnosis.is_sick else ExitStatus.FINE

    def _read_data(self) -> Float32 | None:
        if self.data is None:
            return None
        from device.files.npy import parse_npy

        require(self.data)
        try:
            array = parse_npy(self.data.read_bytes())
        except ValueError as error:
            raise ValueError(f"{self.data}: {error}") from error
        if array.ndim < 2 or array.dtype.kind not in "iuf" or not len(array):
            expected = "Expected inputs of the network, numbers [n, …]"
            raise ValueError(f"{self.data}: {expected}. Received: shape={array.shape}, dtype={array.dtype}")
        return array.astype("float32")
