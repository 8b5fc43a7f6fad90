"""Measures a model beside its peers in one run: each in a process of its own, in turn, round by round.

Times on a shared machine are noisy: compare the ratios, each of two times from the same round.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

import numpy as np
from tqdm import tqdm

from converters.tflite.micro import arena_used_bytes
from pipeline.bench.effort import Effort
from pipeline.bench.measured import PairedTimes, Row
from pipeline.bench.peers.costs import instructions, npu_cycles
from pipeline.bench.peers.environment import python_with
from pipeline.bench.peers.files import PeerFiles
from pipeline.bench.peers.peer import Peer
from pipeline.bench.peers.process import PeerError, PeerProcess, Program
from pipeline.bench.read_inputs import ReadInputs

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SideBySide:
    """A run: the peers' files, what they read, and how much of it."""

    files: PeerFiles
    inputs: ReadInputs
    effort: Effort

    def measure(self, peers: Sequence[Peer]) -> tuple[Row, ...]:
        """Returns a row for each peer; one that cannot be made or run says why in its row."""
        rows = {peer: self._begun(peer) for peer in tqdm(peers, desc="files", disable=None)}
        self._add_costs(rows)
        for threads in sorted({each for peer in peers for each in peer.threads}):
            self._with_threads(rows, threads)
        return tuple(rows.values())

    def _begun(self, peer: Peer) -> Row:
        try:
            return Row(peer.name, file_bytes=self.files.of(peer).stat().st_size)
        except PeerError as error:
            return Row(peer.name, failure=str(error))

    def _add_costs(self, rows: dict[Peer, Row]) -> None:
        """Adds to rows what a call costs on other machines; what cannot be counted is said once."""
        said: set[str] = set()
        for peer, row in tqdm(list(rows.items()), desc="costs", disable=None):
            if row.failure:
                continue
            for add in (self._with_cycles, self._with_instructions):
                try:
                    rows[peer] = add(peer, rows[peer])
                except PeerError as error:
                    if str(error) not in said:
                        log.warning("%s: not counted: %s", peer.name, error)
                    said.add(str(error))

    def _with_cycles(self, peer: Peer, row: Row) -> Row:
        file = self.files.npu_file(peer)
        return row if file is None else replace(row, npu_cycles=npu_cycles(file))

    def _with_instructions(self, peer: Peer, row: Row) -> Row:
        # TensorFlow's start alone takes Valgrind minutes.
        if not self.effort.counts_instructions or peer.form == "keras":
            return row
        return replace(row, instructions=instructions(self._program(peer, 1)))

    def _program(self, peer: Peer, threads: int) -> Program:
        return Program(python_with(peer.packages), peer.engine, self.files.of(peer), self.inputs.clean, threads)

    def _with_threads(self, rows: dict[Peer, Row], threads: int) -> None:
        """Adds to rows what is measured with some threads."""
        with ExitStack() as opened:
            running: dict[Peer, PeerProcess] = {}
            for peer in tqdm(list(rows), desc=f"start, {threads} threads", disable=None):
                if threads not in peer.threads or rows[peer].failure:
                    continue
                try:
                    process = opened.enter_context(PeerProcess(self._program(peer, threads)))
                    if threads == min(peer.threads):
                        rows[peer] = self._read(rows[peer], process)
                    running[peer] = process
                except PeerError as error:
                    rows[peer] = replace(rows[peer], failure=str(error))
            for peer, times in self._rounds(running, rows).items():
                rows[peer] = rows[peer].timed(times, threads)

    def _read(self, row: Row, process: PeerProcess) -> Row:
        """Returns the row with what a process answers, and what it cost to start it and to hold it."""
        right = self.inputs.right_percent(process.labels)
        return replace(
            row,
            accuracy_percent=right.clean,
            corrupted_percent=right.corrupted,
            start_ms=process.start_ms,
            peak_memory_kib=process.peak_kib,
            arena_bytes=arena_used_bytes(process.log),
        )

    def _rounds(self, running: Mapping[Peer, PeerProcess], rows: dict[Peer, Row]) -> Mapping[Peer, PairedTimes]:
        """Returns the times of each process; the first of `rows` is what the others are divided by."""
        calls = {peer: self._calls(process) for peer, process in running.items()}
        times: dict[Peer, list[list[float]]] = {peer: [] for peer in running}
        for _ in tqdm(range(self.effort.rounds), desc="rounds", disable=None):
            for peer in list(times):
                try:
                    times[peer].append(running[peer].times_us(calls[peer]))
                except PeerError as error:
                    rows[peer] = replace(rows[peer], failure=str(error))
                    del times[peer]
        # Without the first peer nothing is compared.
        first = times.get(next(iter(rows)))
        return {peer: PairedTimes(rounds, first) for peer, rounds in times.items()}

    def _calls(self, process: PeerProcess) -> int:
        """Returns how many calls take a round's time; also warms the process up."""
        return self.effort.calls(float(np.median(process.times_us(5))))
