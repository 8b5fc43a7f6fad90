"""Times one crop through several files of the same weights, in one process, in turn.

Not a test: times on a shared machine are noisy, and only their ratios within one run are worth quoting.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from tabulate import tabulate
from tqdm import tqdm

_ROUNDS = 100
_CALLS_PER_ROUND = 50
_WARMUP_CALLS = 50


@dataclass(frozen=True)
class Timing:
    """How long one crop takes through a file, over all calls."""

    name: str
    file_bytes: int
    least_us: float
    median_us: float


def time_files(files: Mapping[str, bytes]) -> list[Timing]:
    """Returns the time of `invoke()` for each file, on LiteRT with one thread, a random crop in the input.

    The files take turns in short rounds, so that a change of the machine's speed meets all of them.
    """
    interpreters = {name: _loaded(content) for name, content in files.items()}
    times: dict[str, list[float]] = {name: [] for name in files}
    for _ in tqdm(range(_ROUNDS), desc="bench", disable=None):
        for name, interpreter in interpreters.items():
            times[name] += _call_times_us(interpreter)
    return [Timing(name, len(files[name]), min(seen), float(np.median(seen))) for name, seen in times.items()]


def table(timings: list[Timing]) -> str:
    """Returns the timings as a text table, with the first one's ratio to each."""
    first = timings[0]
    rows = [
        (t.name, t.file_bytes, t.least_us, t.median_us, first.least_us / t.least_us, first.median_us / t.median_us)
        for t in timings
    ]
    headers = ("file", "bytes", "least µs", "median µs", f"{first.name} / least", f"{first.name} / median")
    return tabulate(rows, headers, floatfmt=("", "", ".1f", ".1f", ".2f", ".2f"), intfmt=",", tablefmt="simple")


def _loaded(content: bytes) -> Interpreter:
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    (crop,) = interpreter.get_input_details()
    pixels = np.random.default_rng(0).integers(-128, 128, crop["shape"]).astype(crop["dtype"])
    interpreter.set_tensor(crop["index"], pixels)
    for _ in range(_WARMUP_CALLS):
        interpreter.invoke()
    return interpreter


def _call_times_us(interpreter: Interpreter) -> list[float]:
    times = []
    for _ in range(_CALLS_PER_ROUND):
        started = time.perf_counter()
        interpreter.invoke()
        times.append(1e6 * (time.perf_counter() - started))
    return times
