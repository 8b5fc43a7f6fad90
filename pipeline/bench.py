"""Times one crop through several files of the same weights, and whole crops against lines, in one process, in turn.

Not a test: times on a shared machine are noisy, and only their ratios within one run are worth quoting.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter
from tabulate import tabulate
from tqdm import tqdm

from converters.graph import Graph
from device.runner import Runner

_ROUNDS = 100
_CALLS_PER_ROUND = 50
_WARMUP_CALLS = 50
_WINDOWS = 5
_ROUNDS_PER_WINDOW = 20


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


def time_ratios(first: bytes, second: bytes) -> list[float]:
    """Returns the time of a file's `invoke()` over another's, by medians, in each of five windows.

    They take turns in short rounds, as in `time_files`.
    """
    interpreters = [_loaded(first), _loaded(second)]
    ratios = []
    for _ in range(_WINDOWS):
        rounds = [[_call_times_us(interpreter) for interpreter in interpreters] for _ in range(_ROUNDS_PER_WINDOW)]
        one, other = np.median(np.array(rounds), axis=(0, 2))
        ratios.append(float(one / other))
    return ratios


def table(timings: list[Timing]) -> str:
    """Returns the timings as a text table, with the first one's ratio to each."""
    first = timings[0]
    rows = [
        (t.name, t.file_bytes, t.least_us, t.median_us, first.least_us / t.least_us, first.median_us / t.median_us)
        for t in timings
    ]
    headers = ("file", "bytes", "least µs", "median µs", f"{first.name} / least", f"{first.name} / median")
    return tabulate(rows, headers, floatfmt=("", "", ".1f", ".1f", ".2f", ".2f"), intfmt=",", tablefmt="simple")


@dataclass(frozen=True)
class Reading:
    """How a crop is read: whole, from its last line to the answer, or all of its lines; medians over crops."""

    name: str
    median_us: float
    multiply_accumulates: int


def time_reading(runner: Runner, crops: npt.NDArray[np.uint8], graphs: Sequence[Graph]) -> list[Reading]:
    """Returns the time of the runner's public calls, `classify` and `push`, which take turns crop by crop.

    Args:
        runner: of a model that streams.
        crops: `<uint8>[n, 28, 28]`.
        graphs: the model file's, to count their multiply-accumulates.
    """
    times = np.array([_reading_times_us(runner, crop) for crop in tqdm(crops, desc="bench, by line", disable=None)])
    whole, last, every = np.median(times, axis=0)
    count = {graph.signature: graph.multiply_accumulates for graph in graphs}
    return [
        Reading("whole crop", whole, count["classify"]),
        Reading("last line to answer", last, count["step"]),
        Reading("all lines", every, runner.manifest.steps * count["step"]),
    ]


def reading_table(readings: Sequence[Reading]) -> str:
    """Returns the readings as a text table, with each one's ratio to the first."""
    whole = readings[0]
    rows = [
        (r.name, r.median_us, r.median_us / whole.median_us, r.multiply_accumulates,
         r.multiply_accumulates / whole.multiply_accumulates)
        for r in readings
    ]  # fmt: skip
    headers = ("read", "median µs", "/ whole", "multiply-accumulates", "/ whole")
    return tabulate(rows, headers, floatfmt=("", ".1f", ".2f", "", ".2f"), intfmt=",", tablefmt="simple")


def _reading_times_us(runner: Runner, crop: npt.NDArray[np.uint8]) -> tuple[float, float, float]:
    started = time.perf_counter()
    runner.classify(crop)
    whole = time.perf_counter() - started
    runner.reset()
    *earlier, last = runner.lines(crop)
    started = time.perf_counter()
    for line in earlier:
        runner.push(line)
    waited = time.perf_counter()
    runner.push(last)
    ended = time.perf_counter()
    return 1e6 * whole, 1e6 * (ended - waited), 1e6 * (ended - started)


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
