"""Where the time of a whole input goes: its graph, cut off after each stage, is run beside itself cut off one later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from converters.tflite.editing import drop_unread_tensors
from converters.tflite.flatbuffer import dump, load
from converters.tflite.graph import Graph, read_graphs
from converters.tflite.micro import signature_alone
from device.interpreter import load_interpreter, without_chatter
from device.signatures import CLASSIFY
from pipeline.bench.call_times import call_times_us
from pipeline.bench.effort import Effort
from pipeline.bench.measured import Spread, Stage

_ENDS = {
    "CONV_2D": "convolution",
    "DEPTHWISE_CONV_2D": "depthwise convolution",
    "MAX_POOL_2D": "pooling",
    "AVERAGE_POOL_2D": "pooling",
    "FULLY_CONNECTED": "product",
}
_GATES = ("LOGISTIC", "TANH")
_STEPS, _REST = "recurrent steps", "rest"


@dataclass(frozen=True)
class Cut:
    """A stage's name, and how many of the graph's operators have run at its end."""

    name: str
    operators: int


def measure_stages(int8_tflite: bytes, effort: Effort) -> tuple[Stage, ...]:
    """Returns the time of each stage on one thread, none if the file lacks `classify`.

    It is the difference of two cuts in the same round, and may be below zero where a stage takes less than times vary.
    """
    whole = signature_alone(int8_tflite, CLASSIFY)
    if whole is None:
        return ()
    (graph,) = read_graphs(whole)
    cuts = list(cuts_of(graph))
    rounds = np.array(_times_us([cut_off(whole, cut.operators) for cut in cuts], effort))
    stages_us = np.diff(rounds, axis=1, prepend=0)
    return tuple(Stage(cut.name, Spread.of(list(us))) for cut, us in zip(cuts, stages_us.T, strict=True))


def cuts_of(graph: Graph) -> Iterator[Cut]:
    """Yields a graph's stages, which end with a convolution, a pooling or a product; the unrolled steps are one stage.

    The steps reach from the first gate to the first product after the last gate, and what is left is the rest.
    """
    names = [operator.name for operator in graph.operators]
    ends = [index for index, name in enumerate(names) if name in _ENDS]
    gates = [index for index, name in enumerate(names) if name in _GATES] or [len(names)]
    seen: Counter[str] = Counter()
    for name, operators in ((_ENDS[names[index]], index + 1) for index in ends if index < gates[0]):
        seen[name] += 1
        yield Cut(f"{name} {seen[name]}", operators)
    steps_end = next((index for index in ends if index > gates[-1]), len(names))
    if gates[0] < len(names):
        yield Cut(_STEPS, steps_end)
    if max(ends, default=0) >= steps_end or max(ends, default=-1) + 1 < gates[0] == len(names):
        yield Cut(_REST, len(names))


def cut_off(tflite: bytes, operators: int) -> bytes:
    """Returns a flatbuffer of one graph with its first operators alone; its outputs are what the others would read."""
    model = load(tflite)
    (graph,) = model.subgraphs
    wanted = {int(each) for later in graph.operators[operators:] for each in later.inputs} | {*map(int, graph.outputs)}
    graph.operators = graph.operators[:operators]
    made = {int(each) for operator in graph.operators for each in operator.outputs}
    graph.outputs = np.array(sorted(made & wanted), np.int32)
    model.signatureDefs = []
    drop_unread_tensors(model)
    return dump(model)


def _times_us(files: list[bytes], effort: Effort) -> list[list[float]]:
    """Returns the median time of a run of each file in each round, `[round][file]`, in microseconds."""
    calls = [_run_of(content) for content in files]
    counts = [effort.calls(float(np.median(call_times_us(call, 5)))) for call in calls]
    return [
        [float(np.median(call_times_us(call, count))) for call, count in zip(calls, counts, strict=True)]
        for _ in range(effort.rounds)
    ]


def _run_of(content: bytes) -> Callable[[], None]:
    interpreter, _ = load_interpreter(content, 1)
    with without_chatter():
        interpreter.allocate_tensors()
    (given,) = interpreter.get_input_details()
    drawn = np.random.default_rng(0).integers(-128, 128, given["shape"])
    interpreter.set_tensor(given["index"], drawn.astype(given["dtype"]))
    invoke: Callable[[], None] = interpreter.invoke
    return invoke
