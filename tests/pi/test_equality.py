"""Tests that a released model gives the same bits whole and line by line on each emulated machine and runtime."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.support.checkout import ROOT
from tests.support.pi.emulator import Target

ON_DEVICE = ROOT / "tests" / "support" / "pi" / "on_device.py"


def test_whole_and_by_line_are_equal(target: Target, bundled: Path, crops: Path, tmp_path: Path) -> None:
    """No logit of any crop, digit or noise, differs; answers are those of x86-64 but for a few int8 steps."""
    arguments = (ON_DEVICE, "logits", bundled / "model", crops)
    there = target.python([*arguments, tmp_path / "there.npz"], folder=bundled)
    subprocess.run([sys.executable, *map(str, arguments), tmp_path / "here.npz"], cwd=bundled, check=True)
    report = json.loads(there.stdout.strip().rpartition("\n")[2])
    assert report["runtime"].startswith(target.runtime)
    assert (report["different"], report["answers_equal"]) == (0, True)
    with np.load(tmp_path / "there.npz") as arm, np.load(tmp_path / "here.npz") as x86:
        steps = np.abs(arm["whole"].astype(int) - x86["whole"]).max()
        probability = np.abs(arm["probabilities"] - x86["probabilities"]).max()
        same = (arm["whole"].argmax(axis=1) == x86["whole"].argmax(axis=1)).mean()
    line = f"{target.machine.name} {report['runtime']} {bundled.name}: {len(np.load(crops))} crops, equal; against "
    line += f"x86-64 at most {steps} int8 steps and {probability:.4f} of probability, most probable class {same:.2%}"
    print(line)
