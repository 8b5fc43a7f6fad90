"""Runs on the emulated machine, in a bundle's folder: needs `device/`, numpy and a TFLite runtime alone.

`on_device.py logits MODEL CROPS.npy OUT.npz` saves what a model answers, whole and line by line.
`on_device.py sections MODEL CROPS.npy` marks the sections whose instructions are counted.
`on_device.py invocations FILE.tflite…` marks the same of one call of each file.
`on_device.py operators FILE.tflite SEED` compares a file's `classify`, over all rows, with its `step`, over the first.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path.cwd()))

import numpy as np

_MARK = -4242


def logits(model: str, crops: str, out: str) -> None:
    """Saves logits `<int8>[n, 10]` and probabilities `<float64>[n]`; prints whether whole and by line are equal.

    It also prints the exact answers, as `verify --answers` does, which cannot start a process on an emulated machine.
    """
    from device import Runner
    from device.cli.verify import exact_answers

    images = np.load(crops)
    with Runner(model) as runner:
        whole = np.stack([runner.logits(crop) for crop in images])
        by_line, probabilities = _read(runner, images)
        answers = [(runner.classify(crop), runner.read(crop)) for crop in images[:20]]
        runtime, exact = f"{runner.runtime.name} {runner.runtime.version}", asdict(exact_answers(runner))
    same = all((a.label, a.index, a.probability, a.top) == (b.label, b.index, b.probability, b.top) for a, b in answers)
    np.savez(out, whole=whole, by_line=by_line, probabilities=np.array(probabilities))
    different = int((whole != by_line).sum())
    print(json.dumps({"runtime": runtime, "different": different, "answers_equal": same, "answers": exact}))


def _read(runner: Any, images: Any) -> tuple[Any, list[float]]:
    """Returns the logits `<int8>[n, 10]` and the probabilities of crops read line by line."""
    logits, probabilities = [], []
    for crop in images:
        probabilities.append(runner.read(crop).probability)
        logits.append(runner.partial_logits)
    return np.stack(logits), probabilities


def sections(model: str, crops: str) -> None:
    """Runs each section a few times, marked; the last time counts."""
    from device import Runner

    _section("empty", lambda: None)
    crop = np.load(crops)[0]
    with Runner(model) as runner:
        invoke, reader, lines = _invocation(Path(model, runner.manifest.file.name)), runner._reader, runner.lines(crop)
        _section("classify", lambda: runner.classify(crop))
        if invoke is not None:
            _section("classify_invoke", invoke)
        _section("step_invoke", reader._loop._model.run)  # type: ignore[attr-defined]  # every release streams
        _section("all_lines", lambda: _push(runner, lines), before=runner.reset)

        def all_but_one() -> None:
            runner.reset()
            _push(runner, lines[:-1])

        last = lines[-1]
        _section("last_line", lambda: runner.push(last), before=all_but_one)


def invocations(*paths: str) -> None:
    """Runs `classify` of each file a few times, marked as a section of the file's name."""
    _section("empty", lambda: None)
    for path in map(Path, paths):
        invoke = _invocation(path)
        if invoke is None:
            raise ValueError(f"{path}: Expected a file with classify")
        _section(path.name, invoke)


def _invocation(path: Path) -> Callable[[], object] | None:
    """Returns what invokes `classify` of a file, on zeros; None if the file has `step` alone."""
    from device.interpreter import load_interpreter

    interpreter, _ = load_interpreter(path.read_bytes(), 1)
    if "classify" not in interpreter.get_signature_list():
        return None
    signature = interpreter.get_signature_runner("classify")
    (crop,) = signature.get_input_details().values()
    signature(crop=np.zeros(crop["shape"], crop["dtype"]))
    return lambda: signature._interpreter_wrapper.Invoke(signature._subgraph_index)


def operators(path: str, seed: str) -> None:
    """Prints how many outputs of single rows differ from those of all rows at once."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ModuleNotFoundError:
        from tflite_runtime.interpreter import Interpreter
    interpreter = Interpreter(path, num_threads=1)
    whole, one = (interpreter.get_signature_runner(name) for name in ("classify", "step"))
    shape = tuple(whole.get_input_details()["crop"]["shape"])
    random, different, outputs = np.random.default_rng(int(seed)), 0, 0
    for _ in range(40):
        rows = random.integers(-128, 128, shape).astype(np.int8)
        together = whole(crop=rows)["logits"].copy()
        # `step` reads the first row.
        first = [np.roll(rows, -row, axis=1) for row in range(shape[1])]
        apart = np.concatenate([one(crop=crop)["logits"].copy() for crop in first], axis=1)
        different += int((together != apart).sum())
        outputs += together.size
    print(json.dumps({"different": different, "outputs": outputs}))


def _push(runner: Any, lines: Any) -> None:
    for line in lines:
        runner.push(line)


def _section(name: str, call: Callable[[], object], before: Callable[[], object] = lambda: None) -> None:
    for _ in range(20):
        before()
        os.write(2, f"SECTION {name}\n".encode())
        _mark()
        call()
        _mark()


def _mark() -> None:
    with suppress(OSError):
        os.close(_MARK)


if __name__ == "__main__":
    commands: dict[str, Callable[..., None]] = {
        "logits": logits,
        "sections": sections,
        "invocations": invocations,
        "operators": operators,
    }
    commands[sys.argv[1]](*sys.argv[2:])
