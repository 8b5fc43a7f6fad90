"""Measures the forms of one network and prints JSON.

`python -m pipeline.bench.peers.scaling_case GROWS SIZE UNITS ROUNDS` makes an untrained network: an LSTM, over vectors
of 16 numbers or over an image's rows after two convolutions, and a layer of ten classes. Its forms take turns.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import keras
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from keras import layers

from converters.convert import run_child
from converters.workspace import Request, Workspace
from device.arrays import Float32
from device.pixels import SIDE
from device.signatures import CLASSIFY, LINES, STATE_SUFFIX
from device.step_loop import StateKeys, StepLoop
from device.streaming import PrimaryGraph, primary_graph
from pipeline.bench.baselines import fused, keras_unrolled, looped
from pipeline.bench.scaling import Grows, Measured

_FEATURES, _CLASSES, _CALIBRATION, _SEED = 16, 10, 32, 7
_FILTERS, _ROWS_PER_STEP = (32, 64), 4
_THREADS = (1, 2)
_ROUND_S = 0.02

Call = Callable[[], object]
Loader = Callable[[bytes, int], Call]


def main(grows: Grows, size: int, units: int, rounds: int) -> list[Measured]:
    """Returns what was measured of each form."""
    keras.utils.set_random_seed(_SEED)
    network = _network(grows, size, units)
    inputs = (_CALIBRATION, *network.input_shape[1:])
    calibration = np.random.default_rng(_SEED).normal(size=inputs).astype(np.float32)
    steps = size if grows is Grows.STEPS else network.input_shape[1] // _ROWS_PER_STEP
    cases = _crops(network, calibration, size) if grows is Grows.CROPS else _forms(network, calibration, steps)
    for _ in range(rounds):
        for case in cases:
            case.take_turn()
    return [case.measured() for case in cases]


def _network(grows: Grows, size: int, units: int) -> keras.Sequential:
    head = (layers.LSTM(units), layers.Dense(_CLASSES))
    if grows is Grows.STEPS:
        return keras.Sequential([layers.Input((size, _FEATURES)), *head])
    height = size if grows is Grows.HEIGHT else SIDE
    causal, front = ((2, 0), (1, 1)), []
    for filters in _FILTERS:
        front += [layers.ZeroPadding2D(causal), layers.Conv2D(filters, 3, activation="relu"), layers.MaxPool2D(2)]
    steps = layers.Reshape((height // _ROWS_PER_STEP, SIDE // _ROWS_PER_STEP * _FILTERS[-1]))
    return keras.Sequential([layers.Input((height, SIDE, 1)), *front, steps, *head])


def _forms(network: keras.Model, calibration: Float32, steps: int) -> list[_Case]:
    return [
        _Case("unrolled, int8", lambda: _converted(network, calibration, steps), _whole),
        _Case("step in a loop, int8", lambda: _converted(network, calibration, 0), partial(_by_step, steps)),
        _Case("fused operator, int8", lambda: fused(network, calibration), _whole),
        _Case("WHILE loop, float", lambda: looped(network, calibration), _whole),
    ]


def _crops(network: keras.Model, calibration: Float32, crops: int) -> list[_Case]:
    """Returns the crops of a frame read one by one, and in one call of a file for so many."""
    steps = SIDE // _ROWS_PER_STEP
    return [
        _Case("one by one, int8", lambda: _converted(network, calibration, steps), partial(_each, crops)),
        _Case("one by one, unrolled by Keras", lambda: keras_unrolled(network, calibration), partial(_each, crops)),
        _Case("in one call, unrolled by Keras", lambda: keras_unrolled(network, calibration, batch=crops), _whole),
    ]


class _Case:
    """A form: made and loaded at once, then called in turns."""

    def __init__(self, name: str, make: Callable[[], bytes], load: Loader) -> None:
        self._name = name
        started = time.perf_counter()
        self._content = make()
        self._conversion_s = time.perf_counter() - started
        started = time.perf_counter()
        self._calls = [load(self._content, _THREADS[0])]
        self._calls[0]()
        self._load_ms = 1e3 * (time.perf_counter() - started)
        self._calls += [load(self._content, threads) for threads in _THREADS[1:]]
        self._rounds_us: list[list[float]] = [[] for _ in _THREADS]

    def take_turn(self) -> None:
        """Calls it for a while with each number of threads."""
        for call, rounds_us in zip(self._calls, self._rounds_us, strict=True):
            rounds_us.append(float(np.median(_times_us(call))))

    def measured(self) -> Measured:
        one, two = (float(np.median(rounds)) for rounds in self._rounds_us)
        return Measured(self._name, one, two, len(self._content), self._conversion_s, self._load_ms)


def _times_us(call: Call) -> list[float]:
    times: list[float] = []
    until = time.perf_counter() + _ROUND_S
    while len(times) < 3 or time.perf_counter() < until:
        started = time.perf_counter()
        call()
        times.append(1e6 * (time.perf_counter() - started))
    return times


def _converted(network: keras.Model, calibration: Float32, unrolled_steps_max: int) -> bytes:
    with tempfile.TemporaryDirectory(prefix="rowstream-") as folder:
        workspace = Workspace(Path(folder))
        network.save(workspace.network)
        np.save(workspace.calibration, calibration)
        workspace.request = Request(None, keep_head=False, precision="int8", unrolled_steps_max=unrolled_steps_max)
        run_child([sys.executable, "-m", "converters.child", folder], workspace)
        return workspace.int8_tflite.read_bytes()


def _whole(content: bytes, threads: int) -> Call:
    interpreter = Interpreter(model_content=content, num_threads=threads)
    signatures = interpreter.get_signature_list()
    runner = interpreter.get_signature_runner(CLASSIFY if CLASSIFY in signatures else None)
    ((name, details),) = runner.get_input_details().items()
    given = np.zeros(details["shape"], details["dtype"])
    return lambda: runner(**{name: given})


def _each(crops: int, content: bytes, threads: int) -> Call:
    one = _whole(content, threads)

    def call() -> None:
        for _ in range(crops):
            one()

    return call


def _by_step(steps: int, content: bytes, threads: int) -> Call:
    interpreter = Interpreter(model_content=content, num_threads=threads)
    inputs, outputs = primary_graph(interpreter)
    states = [
        StateKeys(tensor, outputs[name + STATE_SUFFIX], np.zeros_like(tensor))
        for name, tensor in inputs.items()
        if name != LINES
    ]
    logits = next(name for name in outputs if name.removesuffix(STATE_SUFFIX) not in inputs)
    loop = StepLoop(PrimaryGraph(interpreter, states, inputs[LINES], outputs[logits]))
    lines = np.zeros_like(inputs[LINES])

    def call() -> None:
        loop.reset()
        for _ in range(steps):
            loop.step(lines)

    return call


if __name__ == "__main__":
    measured = main(Grows(sys.argv[1]), *map(int, sys.argv[2:5]))
    print(json.dumps([dataclasses.asdict(each) for each in measured]))
