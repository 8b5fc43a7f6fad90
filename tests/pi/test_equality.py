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


def test_whole_and_by_line_are_equal(alike: tuple[Target, ...], bundled: Path, crops: Path, tmp_path: Path) -> None:
    """No logit of any crop, digit or noise, differs, nor between processors of one kind.

    Answers are those of x86-64 but for a few int8 steps. The exact answers to golden inputs are kept for `sign`.
    """
    arguments, first = (ON_DEVICE, "logits", bundled / "model", crops), tmp_path / f"{alike[0].machine.name}.npz"
    subprocess.run([sys.executable, *map(str, arguments), tmp_path / "x86.npz"], cwd=bundled, check=True)
    for target in alike:
        saved = tmp_path / f"{target.machine.name}.npz"
        there = target.python([*arguments, saved], folder=bundled)
        report = json.loads(there.stdout.strip().rpartition("\n")[2])
        assert report["runtime"].startswith(target.runtime)
        assert (report["different"], report["answers_equal"]) == (0, True)
        kept = target.folder / "answers" / f"{bundled.name}-{target.runtime}-{report['answers']['processor']}.json"
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(json.dumps(report["answers"]) + "\n")
        with np.load(saved) as now, np.load(first) as before:
            np.testing.assert_array_equal(now["by_line"], before["by_line"])
        machine = f"{target.machine.name} {report['runtime']} {bundled.name}: {len(np.load(crops))} crops, equal"
        print(f"{machine}; against x86-64 {_difference(saved, tmp_path / 'x86.npz')}")


def _difference(there: Path, here: Path) -> str:
    with np.load(there) as arm, np.load(here) as x86:
        steps = np.abs(arm["whole"].astype(int) - x86["whole"]).max()
        probability = np.abs(arm["probabilities"] - x86["probabilities"]).max()
        same = (arm["whole"].argmax(axis=1) == x86["whole"].argmax(axis=1)).mean()
    return f"at most {steps} int8 steps and {probability:.4f} of probability, most probable class {same:.2%}"
