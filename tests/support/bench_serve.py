"""What serving costs the reading: frames a second of a video with a page and ten viewers, over those without.

Not a test, since it measures: `python -m tests.support.bench_serve [VIEWERS] [PAIRS]`. Both runs of a pair follow each
other, and the ratio is the median over the pairs. Where other programs take the processor, the frames in a second of
the processor's time say more than those in a second of the clock; both are told.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException
from pathlib import Path

from pipeline.data.mnist import embedded_splits
from tests.conftest import MODELS, ROOT
from tests.support.scenes import page, write_video
from tests.support.served import Served

FRAMES = 300


@dataclass(frozen=True)
class Rate:
    """Frames in a second of the clock, and in one of the processor's time."""

    clock_hz: float
    processor_hz: float


def main() -> None:
    """Prints the rates of each pair of runs, and the median of their ratios."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.bench_serve")
    parser.add_argument("viewers", type=int, nargs="?", default=10)
    parser.add_argument("pairs", type=int, nargs="?", default=5)
    options = parser.parse_args()
    test = embedded_splits().test
    digits = (test.crops[::15], test.labels[::15])
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "video.avi"
        write_video(video, [page(digits, (3, 1, 4, 7))] * FRAMES)
        pairs = []
        for _ in range(options.pairs):
            alone, served = run(video, None), run(video, options.viewers)
            pairs.append((served.clock_hz / alone.clock_hz, served.processor_hz / alone.processor_hz))
            sys.stdout.write(f"alone {alone}, {options.viewers} viewers {served}\n")
            sys.stdout.flush()
    clock, processor = (statistics.median(ratios) for ratios in zip(*pairs, strict=True))
    sys.stdout.write(f"served / alone: {clock:.3f} by the clock, {processor:.3f} by the processor's time\n")


def run(video: Path, viewers: int | None) -> Rate:
    """The rates of one run, by the times of the first and the last line; without a page where `viewers` is None."""
    command = [sys.executable, "-m", "device", "run", "--model", MODELS / "rows2d", "--source", video]
    command += [] if viewers is None else ["--serve", "0"]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen([*map(str, command)], cwd=ROOT, stdout=output, stderr=subprocess.PIPE)
        assert process.stderr is not None
        for line in map(bytes.decode, process.stderr):
            if line.startswith("serving on"):
                server = Served(process, int(line.rstrip("/\n").rpartition(":")[2]))
                for _ in range(viewers or 0):
                    threading.Thread(target=look, args=(server,), daemon=True).start()
            if line.endswith(" candidates\n"):
                process.terminate()
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = 0
        output.seek(0)
        lines = [json.loads(line) for line in output]
    first, last = lines[0], lines[-1]
    elapsed = datetime.fromisoformat(last["time"]) - datetime.fromisoformat(first["time"])
    return Rate(last["frame"] / elapsed.total_seconds(), last["frame"] / (used.ru_utime + used.ru_stime))


def look(server: Served) -> None:
    """Takes all that a viewer is sent, until the server ends."""
    connection = server.connection()
    connection.request("GET", "/events")
    try:
        response = connection.getresponse()
        while response.read1(2**16):
            pass
    except (OSError, HTTPException):
        return


if __name__ == "__main__":
    main()
