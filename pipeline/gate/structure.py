"""Checks that target runtimes can take the file: operators, tensors, manifest, and a real run in each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

import numpy as np

from converters.tflite.micro import MicroError, graph_alone, run_on_micro
from converters.tflite.operator_versions import MICRO, NEWEST_VERSIONS, not_allowed, too_new
from converters.tflite.structure import Kind, find_problems
from device.arrays import Indices
from device.contract.manifest import Runtime
from device.runner import Runner
from device.signatures import STEP
from pipeline.gate.case import Case
from pipeline.gate.check import Check, Note, at_least, at_most, not_judged, passed, refused, without_violations
from pipeline.gate.runtimes import HAS_WHEEL, classify_in_child, is_installed, runtime_here, this_platform

_TRIED_CROPS = 1_000
_RUNS_ON = "runs on "


def operators(case: Case) -> Iterator[Check]:
    """Yields whether the file's operators are built in, allowed, and no newer than each target runtime supports."""
    limit = "no custom operators, control flow or variables"
    yield without_violations("built-in operators only", _texts(case, Kind.OPERATOR), limit)
    yield without_violations("operators allowed", not_allowed(case.graphs), "all on the list")
    runtimes = case.limits.runtimes or ()
    found = tuple(f"{text} on {runtime}" for runtime in runtimes for text in too_new(case.graphs, runtime))
    versioned = [runtime for runtime in runtimes if runtime in NEWEST_VERSIONS]
    yield without_violations("operator versions", found, f"none newer than in {', '.join(versioned)}")


def tensors(case: Case) -> Iterator[Check]:
    """Yields whether all tensors are int8, static and complete, and each state keeps its scale."""
    yield without_violations("no float tensors", _texts(case, Kind.FLOAT), "none")
    yield without_violations("static shapes", _texts(case, Kind.SHAPE), "all")
    yield without_violations("constants complete", _texts(case, Kind.DATA, Kind.SIGNATURE), "all")
    yield without_violations("state scales", _texts(case, Kind.STATE), "output as input")


def contract(case: Case) -> Iterator[Check]:
    """Yields whether the device's runner accepts the file and its manifest, and may read by line if it can."""
    hidden = f"the file has the signature {STEP}, the manifest no states"
    streams = STEP in {graph.signature for graph in case.graphs}
    violations = (hidden,) if streams and not case.manifest.states else ()
    yield without_violations("states in manifest", violations, f"some if {STEP} is there")
    try:
        with Runner(case.folder.path):
            yield passed("file matches manifest", "loads in the runner", "loads")
    except ValueError as error:
        yield refused("file matches manifest", "does not load", "loads", str(error))


def runs(case: Case) -> Iterator[Check | Note]:
    """Yields whether the file runs in each target runtime, and gives the same answers there.

    A runtime without a wheel for this platform is only noted; one that could be installed and is not, is not judged.
    """
    here, tried = this_platform(), 0
    for runtime in case.limits.runtimes or ():
        name = _RUNS_ON + runtime
        if runtime not in HAS_WHEEL:
            yield refused(name, "", "", f"Expected {', '.join(HAS_WHEEL)}. Received: {runtime}")
        elif is_installed(runtime):
            yield from _on_micro(case) if runtime == MICRO else (_on(case, runtime),)
        elif HAS_WHEEL[runtime](here):
            yield not_judged(name, f"{runtime} is not installed")
        else:
            yield Note(name, f"no wheel for this platform ({here})")
            continue
        tried += 1
    if not tried:
        yield not_judged("target runtimes", f"none has a wheel for this platform ({here})")


def runtimes_run(checks: Iterable[Check]) -> tuple[Runtime, ...]:
    """Returns the runtimes in which the file gave answers, by the checks of `runs`."""
    ran = [check.name for check in checks if check.name.startswith(_RUNS_ON) and check.value is not None]
    return tuple(runtime_here(name.removeprefix(_RUNS_ON)) for name in ran)


def _on(case: Case, runtime: str) -> Check:
    child = classify_in_child(case.folder.path, runtime, case.splits.test.crops[:_TRIED_CROPS], "--by-line")
    if child.returncode:
        last_line = child.stderr.strip().rpartition("\n")[2]
        status = f"exit status {child.returncode}"
        return refused(_RUNS_ON + runtime, status, "runs", last_line or status)
    answered = [json.loads(line) for line in child.stdout.splitlines()]
    if case.manifest.continuous:
        # There is an answer after each step; the others of an input lead to its last.
        answered = answered[case.manifest.steps - 1 :: case.manifest.steps]
    if not case.is_class:
        return _ran(runtime, case, len(answered))
    return _agreement(runtime, case, np.array([answer["index"] for answer in answered]))


def _on_micro(case: Case) -> Iterator[Check | Note]:
    inputs = case.quantised(case.splits.test.crops[:_TRIED_CROPS])
    by_column = bool(case.manifest.states) and case.manifest.time_axis == "columns"
    try:
        run = run_on_micro(case.content, inputs.swapaxes(1, 2) if by_column else inputs, case.outputs[0].name)
    except MicroError as error:
        yield refused(_RUNS_ON + MICRO, "failed", "runs", str(error))
        return
    if case.is_class:
        yield _agreement(MICRO, case, run.logits.argmax(axis=1))
    else:
        yield _ran(MICRO, case, len(run.logits))
    yield at_most(f"arena on {MICRO}", run.arena_bytes, case.limits.arena_bytes_max, " bytes")
    if len(case.graphs) > 1:
        alone = run_on_micro(graph_alone(case.content), inputs[:1], case.outputs[0].name)
        yield Note(f"arena on {MICRO}, {case.graphs[0].signature} alone", f"{alone.arena_bytes:,} bytes")


def _agreement(runtime: str, case: Case, answers: Indices) -> Check:
    here = case.real(case.outputs[0], case.whole_logits[:_TRIED_CROPS]).argmax(axis=1)
    percent = 100 * float((answers == here).mean())
    measured = f"{percent:.2f} % same answers, version {runtime_here(runtime).version}"
    return at_least(_RUNS_ON + runtime, percent, case.limits.agreement_percent_min, " %", measured=measured)


def _ran(runtime: str, case: Case, answers: int) -> Check:
    expected = len(case.splits.test.crops[:_TRIED_CROPS])
    measured = f"{answers:,} answers, version {runtime_here(runtime).version}"
    return at_least(_RUNS_ON + runtime, answers, expected, measured=measured)


def _texts(case: Case, *kinds: Kind) -> tuple[str, ...]:
    return tuple(problem.text for problem in find_problems(case.graphs) if problem.kind in kinds)
