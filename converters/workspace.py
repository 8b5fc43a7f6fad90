"""The files that a conversion and its child process exchange, and the folder that the child runs in."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from device.contract.manifest import Precision
from device.files.typed_json import parsed

ROOT = Path(__file__).resolve().parents[1]

Head = Literal["linear", "softmax", "sigmoid"]
# A network of more steps that streams is not unrolled: docs/benchmarks.md, Scaling. Unrolled it is faster than `step`
# in a loop at 56 steps, and slower at 112 with two threads; the file grows and loads more slowly with each step.
MAX_UNROLLED_STEPS = 64

# `auto` is int8 if that is precise enough.
Wanted = Literal["int8", "int8+state16", "auto"]


@dataclass(frozen=True)
class Request:
    """What a conversion is asked for: the range of an image's pixels, None for an input of other numbers.

    With `keep_head` the network keeps a softmax or sigmoid at its end. `precision` is that of recurrent cells. A
    network that keeps its states has `runs`: the numbers of calibration inputs that follow one another. One that
    streams in more steps than `unrolled_steps_max` is not unrolled. If the file is to be `small`, the weights of a
    matrix product have one scale, and tensors no names.
    """

    pixels: tuple[float, ...] | None
    keep_head: bool
    precision: Wanted
    runs: tuple[int, ...] | None = None
    unrolled_steps_max: int = MAX_UNROLLED_STEPS
    small: bool = False


@dataclass(frozen=True)
class NetworkFacts:
    """What a network turned out to be.

    `heads` names what was taken off each output, `per_step` the outputs that answer each time step by itself. If it
    does not stream, `not_streamable` names the layer and the reason, and the whole input is one step. `precision` is
    that of the file; if it was to be chosen, `signal_to_noise_db` says what was measured of each that was tried.
    """

    heads: Mapping[str, Head]
    per_step: tuple[str, ...]
    time_axis: Literal["rows", "columns"]
    steps: int
    lines_per_step: int
    not_streamable: str
    precision: Precision = "int8"
    signal_to_noise_db: Mapping[str, float] = field(default_factory=dict)


class Workspace:
    """The files of one conversion, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.network = folder / "network.keras"
        self.calibration = folder / "calibration.npy"
        self.step = folder / "step.txt"
        self.float_tflite = folder / "float.tflite"
        self.int8_tflite = folder / "int8.tflite"
        self._request = folder / "request.json"
        self._facts = folder / "facts.json"

    @property
    def request(self) -> Request:
        return parsed(Request, json.loads(self._request.read_text()), "request")

    @request.setter
    def request(self, request: Request) -> None:
        self._request.write_text(json.dumps(dataclasses.asdict(request)))

    @property
    def facts(self) -> NetworkFacts:
        return parsed(NetworkFacts, json.loads(self._facts.read_text()), "facts")

    @facts.setter
    def facts(self, facts: NetworkFacts) -> None:
        self._facts.write_text(json.dumps(dataclasses.asdict(facts)))
