"""The files through which a conversion and its child process speak, and where the child runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Workspace:
    """The files through which parent and child speak."""

    folder: Path

    @property
    def network(self) -> Path:
        return self.folder / "network.keras"

    @property
    def calibration(self) -> Path:
        return self.folder / "calibration.npy"

    @property
    def step(self) -> Path:
        return self.folder / "step.txt"

    @property
    def reason(self) -> Path:
        return self.folder / "reason.txt"

    @property
    def float_tflite(self) -> Path:
        return self.folder / "float.tflite"

    @property
    def int8_tflite(self) -> Path:
        return self.folder / "int8.tflite"
