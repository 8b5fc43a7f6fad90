"""A peer's process: `child.py ENGINE FILE INPUTS.npy THREADS`. Loads the peer, then answers and times as it is asked.

Each line on stdin is a request in JSON: `["time", CALLS]`, or `["labels", INPUTS.npy, OUT.npy]`. Each reply is a line
of JSON on stdout: the times in microseconds, or the file written. The first is the peak memory in KiB, when the first
input is answered.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np

from pipeline.bench.call_times import call_times_us
from pipeline.bench.peers.engines import ENGINES


def main(engine: str, file: Path, inputs: Path, threads: int) -> None:
    """Loads, answers the first input, and serves requests until stdin ends."""
    # Runtimes print to stdout, too: replies have a descriptor of their own.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    loaded = ENGINES[engine](file, threads)
    first = np.load(inputs)[:1]
    loaded.labels(first)
    prepared = loaded.prepare(first)
    _reply(replies, _peak_kib())
    for line in sys.stdin:
        request, *arguments = json.loads(line)
        if request == "time":
            _reply(replies, call_times_us(lambda: loaded.call(prepared), *arguments))
        else:
            given, out = map(Path, arguments)
            np.save(out, loaded.labels(np.load(given)))
            _reply(replies, str(out))


def _peak_kib() -> int:
    # getrusage's figure begins with that of the process that started this one.
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def _reply(replies: object, value: object) -> None:
    print(json.dumps(value), file=replies, flush=True)  # type: ignore[call-overload]  # a text stream


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
