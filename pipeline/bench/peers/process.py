"""Talks with a peer's process; see `pipeline.bench.peers.child`."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from converters.workspace import ROOT
from device.closing import Closing

_LIMIT_S = 600


class PeerError(RuntimeError):
    """A peer cannot be made, loaded or run; the message says why."""


@dataclass(frozen=True)
class Program:
    """What a peer's process runs: a Python, an engine, a file, and inputs `<float32>[n, ...]` as `.npy`."""

    python: Path
    engine: str
    file: Path
    inputs: Path
    threads: int

    @property
    def command(self) -> Sequence[str]:
        given = (self.engine, str(self.file), str(self.inputs), str(self.threads))
        return (str(self.python), "-m", "pipeline.bench.peers.child", *given)


class PeerProcess(Closing):
    """A peer's process; to its first answer it took `start_ms`, and held `peak_kib`. Raises PeerError if it ends."""

    def __init__(self, program: Program) -> None:
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed with the process
        started = time.perf_counter()
        self._child = subprocess.Popen(
            program.command,
            cwd=ROOT,
            env=environment(program.threads),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        try:
            self.peak_kib = int(self._reply())
        except PeerError:
            self.close()
            raise
        self.start_ms = 1e3 * (time.perf_counter() - started)

    def times_us(self, calls: int) -> list[float]:
        """Returns the times of calls with the first input, in microseconds."""
        return [float(each) for each in self._asked("time", calls)]

    def labels(self, inputs: Path) -> npt.NDArray[np.intp]:
        """Returns the index of the most probable class of each input in a `.npy`."""
        with tempfile.TemporaryDirectory(prefix="rowstream-") as folder:
            out = Path(folder) / "labels.npy"
            self._asked("labels", str(inputs), str(out))
            return np.asarray(np.load(out), np.intp)

    @property
    def log(self) -> str:
        """What the process has written to stderr."""
        self._log.seek(0)
        return self._log.read()

    def close(self) -> None:
        """Ends the process."""
        self._child.kill()
        self._child.communicate()
        self._log.close()

    def _asked(self, *request: object) -> Any:
        if self._child.stdin is None:
            raise PeerError("Expected a process that is asked")
        try:
            self._child.stdin.write(json.dumps(request) + "\n")
            self._child.stdin.flush()
        except BrokenPipeError:
            raise PeerError(self._reason()) from None
        return self._reply()

    def _reply(self) -> Any:
        if self._child.stdout is None:
            raise PeerError("Expected a process that replies")
        watch = threading.Timer(_LIMIT_S, self._child.kill)
        watch.start()
        try:
            line = self._child.stdout.readline()
        finally:
            watch.cancel()
        if not line:
            raise PeerError(self._reason())
        return json.loads(line)

    def _reason(self) -> str:
        status = self._child.wait()
        last = self.log.strip().rpartition("\n")[2]
        return f"ended with status {status}: {last}"


def environment(threads: int) -> dict[str, str]:
    """Returns the variables for a peer's process: quiet, without a GPU, and with as many threads."""
    kept = {name: value for name, value in os.environ.items() if name != "TF_ENABLE_ONEDNN_OPTS"}
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "PYTHONNOUSERSITE": "1"}
    return {**kept, **quiet, "OMP_NUM_THREADS": str(threads)}
