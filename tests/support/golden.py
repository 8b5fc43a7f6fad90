"""Makes the golden crops of a model that a test has changed, as a forger would."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

from device.contract.manifest import read_manifest
from pipeline.data.calibration import GOLDEN_SHEET, read_sheet
from pipeline.gate.golden import golden_content


def golden_again(folder: Path) -> Path:
    """Writes `golden.bin` for the model in a folder, and its SHA-256 into the manifest; returns the folder."""
    manifest = read_manifest(folder)
    content = golden_content((folder / manifest.file.name).read_bytes(), manifest, read_sheet(GOLDEN_SHEET))
    (folder / "golden.bin").write_bytes(content)
    dataclasses.replace(manifest, golden_sha256=hashlib.sha256(content).hexdigest()).write(folder)
    return folder
