"""Times crops through two files of the same weights, and whole crops against lines, in one process, in turn.

Times on a shared machine are noisy: only their ratios within one run are comparable.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from tabulate import tabulate
from tqdm import tqdm

from converters.tflite.graph import Graph
from device.interpreter import without_chatter
from device.runner import Runner
from device.signatures import CLASSIFY, STEP
from pipeline.bench.call_times import call_times_us
from pipeline.data.data_form import Inputs

_CALLS_PER_ROUND = 50
_WARMUP_CALLS = 50
_WINDOWS = 5
_ROUNDS_PER_WINDOW = 20


def time_ratios(first: bytes, second: bytes) -> list[float]:
    """Returns the ratio of two files' median times for a crop in each of five windows; they take turns."""
    calls = [_loaded(first), _loaded(second)]
    ratios = []
    for _ in range(_WINDOWS):
        rounds = [[call_times_us(call, _CALLS_PER_ROUND) for call in calls] for _ in range(_ROUNDS_PER_WINDOW)]
        one, other = np.median(np.array(rounds), axis=(0, 2))
        ratios.append(float(one / other))
    return ratios


@dataclass(frozen=True)
class TimedRead:
    """The median time of a way to read a crop: whole, all lines, or the last line alone."""

    name: str
    median_us: float
    multiply_accumulates: int


def time_reads(runner: Runner, crops: Inputs, graphs: Sequence[Graph]) -> list[TimedRead]:
    """Returns the times of a streaming model's `classify` and `push`, which take turns crop by crop.

    The multiply-accumulates are counted in the model file's `graphs`.
    """
    times = np.array([_read_times_us(runner, crop) for crop in tqdm(crops, desc="bench, by line", disable=None)])
    whole, last, every = np.median(times, axis=0)
    count = {graph.signature: graph.multiply_accumulates for graph in graphs}
    return [
        # Without `classify` a whole input goes through the steps.
        TimedRead("whole input", whole, count.get(CLASSIFY, runner.manifest.steps * count[STEP])),
        TimedRead("last line to answer", last, count[STEP]),
        TimedRead("all lines", every, runner.manifest.steps * count[STEP]),
    ]


def reads_table(reads: Sequence[TimedRead]) -> str:
    """Returns the reads as a text table, with each one's ratio to the first."""
    whole = reads[0]
    rows = [
        (r.name, r.median_us, r.median_us / whole.median_us, r.multiply_accumulates,
         r.multiply_accumulates / whole.multiply_accumulates)
        for r in reads
    ]  # fmt: skip
    headers = ("read", "median µs", "/ whole", "multiply-accumulates", "/ whole")
    return tabulate(rows, headers, floatfmt=("", ".1f", ".2f", "", ".2f"), intfmt=",", tablefmt="simple")


def _read_times_us(runner: Runner, crop: Inputs) -> tuple[float, float, float]:
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


def _loaded(content: bytes) -> Callable[[], object]:
    interpreter = Interpreter(model_content=content, num_threads=1)
    # Other converters name a file's only signature as they like.
    signature = CLASSIFY if CLASSIFY in interpreter.get_signature_list() else None
    runner = interpreter.get_signature_runner(signature)
    draw = np.random.default_rng(0)
    # A step also takes the states of the step before.
    inputs = {
        name: draw.integers(-128, 128, each["shape"]).astype(each["dtype"])
        for name, each in runner.get_input_details().items()
    }
    call = partial(runner, **inputs)
    with without_chatter():
        for _ in range(_WARMUP_CALLS):
            call()
    return call
