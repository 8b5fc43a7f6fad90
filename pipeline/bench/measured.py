"""What `bench` measures of each peer, as it stands in `bench.json` and in its table."""

from __future__ import annotations

import dataclasses
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from tabulate import tabulate

Rounds = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Spread:
    """A median with its quartiles."""

    median: float
    quartile_1: float
    quartile_3: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Returns that of some values."""
        low, middle, high = np.percentile(values, (25, 50, 75))
        return cls(float(middle), float(low), float(high))


@dataclass(frozen=True)
class PairedTimes:
    """The times of a peer's calls in each round, in microseconds, and those of the first peer in the same rounds."""

    rounds_us: Rounds
    first_us: Rounds | None


@dataclass(frozen=True)
class Timed:
    """The time of a call with some threads: medians of rounds, and the ratio to the first peer's in the same round."""

    threads: int
    rounds: int
    us: Spread
    p99_us: float
    ratio: Spread | None


@dataclass(frozen=True)
class Row:
    """A peer's figures; `failure` says why there are none. What was not measured is None.

    `accuracy_percent` is on test inputs as they are, `corrupted_percent` the mean over MNIST-C's kinds of corruption.
    `start_ms` is from the start of the process to the first answer, `peak_memory_kib` the most that it held until then.
    `instructions` and `npu_cycles` are of one call, see `pipeline.bench.peers.costs`.
    """

    name: str
    failure: str = ""
    file_bytes: int | None = None
    accuracy_percent: float | None = None
    corrupted_percent: float | None = None
    start_ms: float | None = None
    peak_memory_kib: int | None = None
    arena_bytes: int | None = None
    instructions: int | None = None
    npu_cycles: int | None = None
    times: tuple[Timed, ...] = ()

    def timed(self, times: PairedTimes, threads: int) -> Row:
        """Returns the row with the times of a number of threads."""
        medians = np.array([np.median(each) for each in times.rounds_us])
        ratio = None
        if times.first_us is not None:
            ratio = Spread.of(list(medians / [np.median(each) for each in times.first_us]))
        every = np.concatenate([np.asarray(each) for each in times.rounds_us])
        of_threads = Timed(threads, len(medians), Spread.of(list(medians)), float(np.percentile(every, 99)), ratio)
        return replace(self, times=(*self.times, of_threads))


@dataclass(frozen=True)
class Stage:
    """A part of a whole input's computation, and its time on one thread (`pipeline.bench.stages`)."""

    name: str
    us: Spread


@dataclass(frozen=True)
class Training:
    """How much networks learnt that were trained for the comparison."""

    inputs: int
    epochs: int

    def __str__(self) -> str:
        return f"{self.epochs} epoch{'s' * (self.epochs > 1)} of {self.inputs:,} inputs"


@dataclass(frozen=True)
class BenchResult:
    """A run of `bench` as `bench.json` holds it; `format` is raised if a field changes its meaning."""

    model: str
    processor: str
    test_inputs: int
    test_source: str
    training: Training
    rows: tuple[Row, ...]
    stages: tuple[Stage, ...] = ()
    format: int = 2

    def json(self) -> str:
        """Returns it as JSON."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    def table(self) -> str:
        """Returns it as a Markdown table, with the rows that could not be measured below it."""
        rows = [self._line(row) for row in self.rows if not row.failure]
        headers = (
            *("", "accuracy, %", "corrupted, %", "bytes", "µs", "p99", "/ first", "µs, 2 threads", "/ first"),
            *("start, ms", "peak, MB", "arena, KB", "kinstructions", "Ethos-U kcycles"),
        )
        failures = "".join(f"\n{row.name}: {row.failure}" for row in self.rows if row.failure)
        table = tabulate(rows, headers, tablefmt="github", disable_numparse=True)
        read = f"{self.test_inputs:,} of {self.test_source} were read. Networks trained here: {self.training}"
        return f"{table}\n\n{self.processor}. {read}.{self._in_stages()}\n{failures}".rstrip()

    def _in_stages(self) -> str:
        if not self.stages:
            return ""
        whole_us = sum(stage.us.median for stage in self.stages)
        parts = ", ".join(f"{stage.name} {stage.us.median / whole_us:.0%}" for stage in self.stages)
        return f" Of a whole input's {whole_us:,.0f} µs in {self.model}: {parts}."

    def _line(self, row: Row) -> tuple[str, ...]:
        by_threads: Mapping[int, Timed] = {each.threads: each for each in row.times}
        one, two = by_threads.get(1), by_threads.get(2)
        return (
            row.name,
            _number(row.accuracy_percent, ".2f"),
            _number(row.corrupted_percent, ".1f"),
            _number(row.file_bytes, ","),
            _spread(one.us if one else None, ",.0f"),
            _number(one.p99_us if one else None, ",.0f"),
            _spread(one.ratio if one else None, ".2f"),
            _spread(two.us if two else None, ",.0f"),
            _spread(two.ratio if two else None, ".2f"),
            _number(row.start_ms, ",.0f"),
            _number(row.peak_memory_kib and row.peak_memory_kib / 1024, ",.0f"),
            _number(row.arena_bytes and row.arena_bytes / 1024, ",.0f"),
            _number(row.instructions and row.instructions / 1000, ",.0f"),
            _number(row.npu_cycles and row.npu_cycles / 1000, ",.0f"),
        )


def processor() -> str:
    """Returns the machine's architecture and, if it says so, whether it multiplies int8 natively (VNNI)."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:  # noqa: PTH123  # not a file of ours
            flags = set(file.read().split())
    except OSError:
        flags = set()
    known = [name for name in ("avx2", "avx512_vnni", "avx_vnni", "asimddp") if name in flags]
    return " ".join((platform.machine(), *known))


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _spread(spread: Spread | None, form: str) -> str:
    if spread is None:
        return ""
    low, high = format(spread.quartile_1, form), format(spread.quartile_3, form)
    return f"{format(spread.median, form)} ({low} to {high})"
