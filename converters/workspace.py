"""The files that a conversion and its child process exchange, and the folder that the child runs in."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


class Workspace:
    """The files of one conversion, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.network = folder / "network.keras"
        self.calibration = folder / "calibration.npy"
        self.step = folder / "step.txt"
        self.reason = folder / "reason.txt"
        self.float_tflite = folder / "float.tflite"
        self.int8_tflite = folder / "int8.tflite"
