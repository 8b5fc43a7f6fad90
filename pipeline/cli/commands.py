"""The commands from weights to a release: each has its options as fields, and `run` does it; None is exit status 0.

Checks that need neither data nor TensorFlow come first, so that a wrong option or path is answered at once.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from device.contract.manifest import read_manifest
from device.exit_status import ExitStatus
from pipeline.cli.command import import_tensorflow, load_digits, load_splits, require
from pipeline.folders import (
    MODELS,
    ModelFolder,
    ReportFolder,
    build_folder,
    finished_model,
    model_folder,
    weights_folder,
)
from pipeline.lock import folder_lock
from pipeline.variants import VARIANTS, model_name

if TYPE_CHECKING:  # most commands need no gate
    from pipeline.gate.judgement import Judgement
    from pipeline.gate.limits import Limits
    from pipeline.training.recipe import VariantRecipe


@dataclass(frozen=True)
class Train:
    """Train a variant's float weights into build/VARIANT/train, or resume an interrupted training."""

    recipe: VariantRecipe
    data: Path | None
    fonts: Path | None
    kept: Path | None

    def run(self) -> None:
        require(self.fonts)
        require(self.kept)
        from pipeline.synthesis.fonts import training_fonts

        splits = load_digits(self.data)
        splits.require_training()
        if self.kept is not None:
            from pipeline.training.kept import read_kept

            splits = replace(splits, kept=read_kept(self.kept))
        fonts = training_fonts(self.fonts)
        variant = self.recipe.network.variant
        trained = ModelFolder(build_folder(variant).train)
        with folder_lock(trained.path):
            import_tensorflow()
            from pipeline.training.train import train_variant

            train_variant(VARIANTS[variant], self.recipe.training, splits, fonts, trained)
        print(trained.weights)


@dataclass(frozen=True)
class Convert:
    """Convert a variant's float weights to a candidate in build/VARIANT: int8 file, manifest, model card."""

    variant: str
    data: Path | None

    def run(self) -> None:
        weights, candidate = weights_folder(self.variant), build_folder(self.variant)
        splits = load_digits(self.data)
        with folder_lock(candidate.path):
            import_tensorflow()
            from pipeline.release.candidate import make_candidate
            from pipeline.release.evaluate import table, write_evaluation
            from pipeline.release.source import variant_source

            evaluation = make_candidate(variant_source(VARIANTS[self.variant], weights), splits, candidate)
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
    trust: bool

    def run(self) -> ExitStatus:
        from pipeline.gate.check import Verdict
        from pipeline.gate.reports import as_text

        judgement = self.judged()
        print(as_text(judgement))
        statuses = {Verdict.PASSED: ExitStatus.FINE, Verdict.REFUSED: ExitStatus.REFUSED}
        return statuses.get(judgement.verdict, ExitStatus.WRONG_USE)

    def judged(self) -> Judgement:
        """Judges the model, and writes the reports."""
        from pipeline.gate.reports import write_reports

        judgement = self._judgement()
        write_reports(judgement, self.reports)
        return judgement

    def has_passed(self) -> bool:
        """Returns whether the reports there are say that exactly this model passed by these limits."""
        from pipeline.gate.gate_json import is_pass
        from pipeline.gate.judgement import limits_judged

        model = finished_model(self.folder)
        limits = _limits(model, self.limits)
        return is_pass(self.reports.json, limits_judged(model.path, read_manifest(model.path), limits))

    @property
    def reports(self) -> ReportFolder:
        return ReportFolder(self.out or build_folder(self.folder.resolve().name).gate)

    def _judgement(self) -> Judgement:
        from pipeline.gate.check import Verdict
        from pipeline.gate.judgement import limits_judged

        model = finished_model(self.folder)
        manifest = read_manifest(model.path)
        limits = _limits(model, self.limits)
        require(model.path / manifest.file.name, model.golden, model.float_model, model.calibration)
        by_limits = limits_judged(model.path, manifest, limits)
        if by_limits.verdict is Verdict.REFUSED:
            return by_limits
        splits = load_splits(model, self.data, trust=self.trust)
        import_tensorflow()
        from pipeline.gate.case import Case
        from pipeline.gate.judge import judge

        return judge(Case(model, manifest, splits, limits))


def _limits(model: ModelFolder, limits: Path) -> Limits:
    """Returns the limits of a file for a model; those of its recipe count over them."""
    from pipeline.gate.limits import read_limits
    from pipeline.own.recipe import read_recipe

    own = read_recipe(model.recipe).limits if model.recipe.is_file() else None
    return read_limits(limits, model_name(model.path), own)


@dataclass(frozen=True)
class Release:
    """Copy build/NAME to models/NAME if it passed the gate; exit status 1: refused."""

    name: str

    def run(self) -> ExitStatus:
        candidate, model = build_folder(self.name), model_folder(self.name)
        if not candidate.manifest.is_file():
            expected = f"{candidate.path}: Expected a candidate"
            raise FileNotFoundError(f"{expected}. Found none: run `make convert gate` first")
        from pipeline.release.release import ReleaseError, release

        try:
            with folder_lock(candidate.path):
                candidate.finish()
                release(candidate, model, _limits(candidate, MODELS / "limits.toml"))
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
        from pipeline.report.judged import judged_names

        judged_names(self.names)  # what draws takes a second to import
        from pipeline.report.site import write_report

        print(*write_report(self.names), sep="\n")


@dataclass(frozen=True)
class ExportC:
    """Write a release as C++ for TFLite Micro, with a program that reads one input."""

    name: str
    into: Path

    def run(self) -> None:
        folder = finished_model(model_folder(self.name).path)
        from pipeline.release.microcontroller import export_c

        print(export_c(folder, self.into))


@dataclass(frozen=True)
class Wheel:
    """Build rowstream-device, the wheel of the device side."""

    into: Path

    def run(self) -> None:
        from pipeline.release.wheel import build_wheel

        print(*build_wheel(self.into), sep="\n")
