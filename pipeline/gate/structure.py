"""Whether the file is one that its target runtimes can take: operators, tensors, contract, and a real run in each."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from converters.tflite.micro import MicroError, first_graph_alone, run_on_micro
from converters.tflite.operator_versions import MICRO, NEWEST_VERSIONS, not_allowed, too_new
from converters.tflite.structure import Kind, find_problems
from converters.workspace import ROOT
from device.arrays import Indices
from device.interpreter import RUNTIMES
from device.quantisation import quantise_pixels
from device.runner import Runner
from pipeline.gate.case import Case
from pipeline.gate.check import Check, at_least, at_most, held, not_judged, passed, refused

_TRIED_CROPS = 1_000


def operators(case: Case) -> Iterator[Check]:
    """Yields whether the file's operators are built in, allowed, and no newer than each target runtime has."""
    yield held("operators built in", _texts(case, Kind.OPERATOR), "all, no control flow, no variables")
    yield held("operators allowed", not_allowed(case.graphs), "all on the list")
    runtimes = case.limits.runtimes
    if runtimes is None:
        yield refused("operator versions", "", "none", "the limits file names no runtimes")
        return
    found = tuple(f"{text} on {runtime}" for runtime in runtimes for text in too_new(case.graphs, runtime))
    versioned = [runtime for runtime in runtimes if runtime in NEWEST_VERSIONS]
    yield held("operator versions", found, f"none newer than in {', '.join(versioned)}")


def tensors(case: Case) -> Iterator[Check]:
    """Yields whether all that the file holds is int8, static, complete, and each state keeps its scale."""
    yield held("no float inside", _texts(case, Kind.FLOAT), "none")
    yield held("static shapes", _texts(case, Kind.SHAPE), "all")
    yield held("constants complete", _texts(case, Kind.DATA, Kind.SIGNATURE), "all")
    yield held("state scales", _texts(case, Kind.STATE), "out as in")


def contract(case: Case) -> Iterator[Check]:
    """Yields whether the runner that ships takes the file, fed as its manifest says."""
    try:
        with Runner(case.folder.path):
            yield passed("contract", "the runner takes it", "as in the manifest")
    except ValueError as error:
        yield refused("contract", "the runner does not take it", "as in the manifest", str(error))


def runs(case: Case) -> Iterator[Check]:
    """Yields whether the file really runs in each target runtime, and answers there as it does here."""
    for runtime in case.limits.runtimes or ():
        if runtime == MICRO:
            yield from _on_micro(case)
        elif runtime not in RUNTIMES:
            yield refused(
                f"runs on {runtime}", "", "", f"Expected {', '.join((*RUNTIMES, MICRO))}. Received: {runtime}"
            )
        elif importlib.util.find_spec(RUNTIMES[runtime]) is None:
            yield not_judged(f"runs on {runtime}", f"{runtime} is not installed")
        else:
            yield _on(case, runtime)


def _on(case: Case, runtime: str) -> Check:
    # In a process of its own, as on a device: two runtimes in one process disturb each other.
    name = f"runs on {runtime}"
    with tempfile.TemporaryDirectory(prefix="rowstream-") as folder:
        crops = Path(folder) / "crops.npy"
        np.save(crops, case.splits.test.crops[:_TRIED_CROPS])
        command = [
            *(sys.executable, "-m", "device", "classify", "--by-line", "--runtime", runtime),
            *("--model", str(case.folder.path.resolve()), str(crops)),
        ]
        child = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if child.returncode:
        last_line = child.stderr.strip().rpartition("\n")[2]
        return refused(name, f"status {child.returncode}", "runs", last_line or f"ended with {child.returncode}")
    answers = [json.loads(line)["index"] for line in child.stdout.splitlines()]
    return _agreement(runtime, case, np.array(answers))


def _on_micro(case: Case) -> Iterator[Check]:
    name = f"runs on {MICRO}"
    if importlib.util.find_spec("tflite_micro") is None:
        yield not_judged(name, f"{MICRO} is not installed")
        return
    pixels = quantise_pixels(case.splits.test.crops[:_TRIED_CROPS])
    by_column = bool(case.manifest.states) and case.manifest.time_axis == "columns"
    try:
        run = run_on_micro(case.content, pixels.swapaxes(1, 2) if by_column else pixels)
    except MicroError as error:
        yield refused(name, "ended", "runs", str(error))
        return
    yield _agreement(MICRO, case, run.logits.argmax(axis=1))
    measured = f"{run.arena_bytes:,}"
    yield at_most(f"arena bytes on {MICRO}", run.arena_bytes, case.limits.arena_bytes_max, measured=measured)
    if len(case.graphs) > 1:
        alone = run_on_micro(first_graph_alone(case.content), pixels[:1])
        yield passed(f"arena bytes, {case.graphs[0].signature} alone", f"{alone.arena_bytes:,}", "reported")


def _agreement(runtime: str, case: Case, answers: Indices) -> Check:
    here = case.whole_logits[:_TRIED_CROPS].argmax(axis=1)
    percent = 100 * float((answers == here).mean())
    measured = f"{percent:.2f} % as here, {importlib.metadata.version(runtime)}"
    return at_least(f"runs on {runtime}", percent, case.limits.agreement_percent_min, " %", measured=measured)


def _texts(case: Case, *kinds: Kind) -> tuple[str, ...]:
    return tuple(problem.text for problem in find_problems(case.graphs) if problem.kind in kinds)
