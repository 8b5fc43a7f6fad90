"""What a peer's file costs where this machine's speed says nothing: instructions, and cycles of an Ethos-U.

Sources: Valgrind's manual, Cachegrind; Arm, ethos-u-vela, OPTIONS.md and PERFORMANCE.md.
"""

from __future__ import annotations

import csv
import json
import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from shutil import which

from converters.workspace import ROOT
from pipeline.bench.peers.environment import python_with
from pipeline.bench.peers.process import PeerError, Program, environment

NPU = "ethos-u65-256"
_COUNTED = re.compile(r"I\s+refs:\s+([\d,]+)")
_ON_CPU = re.compile(r"CPU operators = (\d+)")
_FEW_CALLS, _MORE_CALLS = 5, 25
_LIMIT_S = 600


def npu_cycles(file: Path) -> int | None:
    """Returns the cycles that vela estimates on NPU for a file's first graph; None if part of it stays on a processor.

    Raises PeerError if vela cannot be installed, or fails.
    """
    with tempfile.TemporaryDirectory(prefix="rowstream-") as folder:
        options = ("--accelerator-config", NPU, "--output-dir", folder)
        child = _run((str(python_with("vela")), "-m", "ethosu.vela", *options, str(file)))
        on_processor = _ON_CPU.search(child.stdout)
        summaries = list(Path(folder).glob("*_summary_*.csv"))
        if on_processor is None or int(on_processor[1]) or not summaries:
            return None
        with summaries[0].open(newline="") as summary:
            return int(float(next(csv.DictReader(summary))["cycles_total"]))


def instructions(program: Program) -> int:
    """Returns the instructions of a call under Valgrind, which knows AVX2 and no AVX-512.

    Counted in two processes of which one makes more calls. Raises PeerError if that is not possible.
    """
    valgrind = which("valgrind")
    if valgrind is None:
        raise PeerError("Expected valgrind (Debian: apt-get install valgrind). Found none")
    tool = (valgrind, "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
    few, more = (_counted((*tool, *program.command), calls) for calls in (_FEW_CALLS, _MORE_CALLS))
    return round((more - few) / (_MORE_CALLS - _FEW_CALLS))


def _counted(command: Sequence[str], calls: int) -> int:
    child = _run(command, json.dumps(["time", calls]))
    counted = _COUNTED.search(child.stderr)
    if counted is None:
        raise PeerError(f"Expected a count of instructions. Received: {child.stderr.strip()[-200:]!r}")
    return int(counted[1].replace(",", ""))


def _run(command: Sequence[str], given: str = "") -> subprocess.CompletedProcess[str]:
    """Runs a command to its end; raises PeerError if it fails or takes too long."""
    name = Path(command[0]).name
    try:
        child = subprocess.run(
            command,
            input=given,
            cwd=ROOT,
            env=environment(1),
            capture_output=True,
            text=True,
            check=False,
            timeout=_LIMIT_S,
        )
    except subprocess.TimeoutExpired:
        raise PeerError(f"{name}: not done within {_LIMIT_S} s") from None
    if child.returncode:
        last = (child.stderr or child.stdout).strip().rpartition("\n")[2]
        raise PeerError(f"{name}: ended with status {child.returncode}: {last}")
    return child
