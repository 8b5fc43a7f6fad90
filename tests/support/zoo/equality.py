"""Compares `classify` with `step` bit for bit, in a process of its own: two runtimes in one disturb each other.

`python -m tests.support.zoo.equality RUNTIME FOLDER…` prints a line of JSON for each folder that holds a conversion.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from device.arrays import Int8
from device.interpreter import RUNTIMES
from device.signatures import CLASSIFY, CROP, LINES, STATE_SUFFIX, STEP
from tests.support.checkout import ROOT

Outputs = Mapping[str, Int8]
_MANY, _FEW = 1_000, 50
_CHEAP_OPERATORS = 150


@dataclass(frozen=True)
class Equality:
    """How many of `n` random inputs `classify` and `step` answer differently; `n` is 0 if there is one of them only."""

    different: int
    n: int
    ran: bool


def equalities(runtime: str, folders: Sequence[Path]) -> Mapping[str, Equality]:
    """Returns what a runtime answers for each folder, by the folder's name."""
    command = [sys.executable, "-m", "tests.support.zoo.equality", runtime, *map(str, folders)]
    child = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return {name: Equality(*facts) for name, facts in map(json.loads, child.stdout.splitlines())}


def _equality(make: Any, folder: Path) -> Equality:
    content = (folder / "int8.tflite").read_bytes()
    facts = json.loads((folder / "facts.json").read_text())
    # Each signature in an interpreter of its own, as on a device.
    models = {name: make(model_content=content, num_threads=1) for name in (CLASSIFY, STEP)}
    signatures = models[STEP].get_signature_list()
    runners = {name: model.get_signature_runner(name) for name, model in models.items() if name in signatures}
    first, name = (CLASSIFY, CROP) if CLASSIFY in runners else (STEP, LINES)
    shape = runners[first].get_input_details()[name]["shape"]
    n = _MANY if len(models[first]._get_ops_details()) < _CHEAP_OPERATORS else _FEW  # noqa: SLF001  # no public way
    crops = np.random.default_rng(5).integers(-128, 128, (n, *shape[1:]), np.int8)
    if len(runners) < 2:
        runners[first](**_example(runners[first]))
        return Equality(0, 0, ran=True)
    return Equality(sum(_differ(runners, facts, crop[np.newaxis]) for crop in crops), n, ran=True)


def _example(runner: Any) -> Mapping[str, Int8]:
    return {name: np.zeros(each["shape"], np.int8) for name, each in runner.get_input_details().items()}


def _differ(runners: Mapping[str, Any], facts: Mapping[str, Any], crop: Int8) -> bool:
    whole = runners[CLASSIFY](**{CROP: crop})
    stepped = _stepped(runners[STEP], facts, crop)
    return any(not np.array_equal(whole[name], stepped[name]) for name in facts["heads"])


def _stepped(step: Any, facts: Mapping[str, Any], crop: Int8) -> Outputs:
    image = crop.swapaxes(1, 2) if facts["time_axis"] == "columns" else crop
    states = {
        name: np.full(each["shape"], each["quantization"][1], np.int8)
        for name, each in step.get_input_details().items()
        if name != LINES
    }
    seen = []
    for lines in np.split(image, image.shape[1] // facts["lines_per_step"], axis=1):
        outputs = step(**{LINES: lines}, **states)
        states = {name: outputs[name + STATE_SUFFIX].copy() for name in states}
        seen.append({name: outputs[name].copy() for name in facts["heads"]})
    return {
        name: np.concatenate([each[name] for each in seen], axis=1) if name in facts["per_step"] else seen[-1][name]
        for name in facts["heads"]
    }


def _lines(runtime: str, folders: Sequence[str]) -> Iterator[str]:
    make = importlib.import_module(f"{RUNTIMES[runtime]}.interpreter").Interpreter
    for folder in map(Path, folders):
        try:
            found = _equality(make, folder)
        except (RuntimeError, ValueError):
            found = Equality(0, 0, ran=False)
        yield json.dumps([folder.name, [found.different, found.n, found.ran]])


if __name__ == "__main__":
    for line in _lines(sys.argv[1], sys.argv[2:]):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
