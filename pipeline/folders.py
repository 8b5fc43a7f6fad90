"""Where a variant's files lie: what is released under `models/`, what is made on the way under `build/`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

MODELS = Path("models")
BUILD = Path("build")


@dataclass(frozen=True)
class ModelFolder:
    """A released model: float weights, how they were trained, int8 file, manifest (`device.manifest`), model card.

    `calibration` holds the SHA-256 of each crop that calibrated it, a line each.
    """

    path: Path

    @property
    def weights(self) -> Path:
        return self.path / "float.weights.h5"

    @property
    def network(self) -> Path:
        return self.path / "float.keras"

    @property
    def float_model(self) -> Path:
        """The float network whole, where it is none of the variants; else its weights."""
        return self.network if self.network.is_file() else self.weights

    @property
    def training(self) -> Path:
        return self.path / "training.json"

    @property
    def calibration(self) -> Path:
        return self.path / "calibration.sha256"

    @property
    def int8_tflite(self) -> Path:
        return self.path / "model.int8.tflite"

    @property
    def card(self) -> Path:
        return self.path / "README.md"

    def picture(self, name: str) -> Path:
        """One of the card's pictures."""
        return self.path / f"{name}.svg"

    @property
    def pictures(self) -> tuple[Path, ...]:
        """All pictures that there may be on the card."""
        return self.picture("recall"), self.picture("reading")


@dataclass(frozen=True)
class BuildFolder:
    """What is made on the way to a released model, and can be made again."""

    path: Path

    @property
    def training(self) -> Path:
        return self.path / "train"

    @property
    def evaluation(self) -> Path:
        return self.path / "evaluation.json"

    @property
    def gate(self) -> Path:
        return self.path / "gate"


@dataclass(frozen=True)
class PagesFolder:
    """Where the report's pages lie: an index, and one for each judged model."""

    path: Path

    @property
    def index(self) -> Path:
        return self.path / "index.html"

    def page(self, name: str) -> Path:
        return self.path / f"{name}.html"


def model_folder(variant: str) -> ModelFolder:
    """Returns the folder of a variant's released files, below the working directory."""
    return ModelFolder(MODELS / variant)


def build_folder(variant: str) -> BuildFolder:
    """Returns the folder of a variant's intermediate files, below the working directory."""
    return BuildFolder(BUILD / variant)


def pages_folder() -> PagesFolder:
    """Returns the folder of the report's pages, below the working directory."""
    return PagesFolder(BUILD / "report")


@dataclass(frozen=True)
class ReportFolder:
    """Where a judgement's files lie."""

    path: Path

    @property
    def json(self) -> Path:
        return self.path / "gate.json"

    @property
    def junit(self) -> Path:
        return self.path / "junit.xml"

    @property
    def summary(self) -> Path:
        return self.path / "summary.md"
