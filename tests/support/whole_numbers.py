"""How many whole numbers are read right on meters that are drawn: `python -m tests.support.whole_numbers [MODEL]`."""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from device.fields.field import Field
from device.fields.reader import FieldReader
from device.runner import Runner
from device.sources.frames import Frame
from device.watch.numbers import FieldsWatcher
from device.watch.options import WatchOptions
from tests.conftest import MODELS
from tests.support.meters import KINDS, Image, counter, on_wall

# How far the last wheel has turned; half-way, either digit counts.
ROLLED = (0.15, 0.35, 0.5, 0.65, 0.85)
_HALF = 0.5


@dataclass(frozen=True)
class Score:
    """Of so many numbers, those that were read right, and those that were wrong without an unsure mark."""

    numbers: int
    right: int
    wrong: int

    def __str__(self) -> str:
        shares = (100 * self.right / self.numbers, 100 * self.wrong / self.numbers)
        return f"right {shares[0]:5.1f} %  wrong {shares[1]:5.1f} %  of {self.numbers}"


def score(reader: FieldReader, kind: str, numbers: int, *, rolled: float = 0.0, find: bool = False) -> Score:
    """Reads numbers of 4 to 8 digits, 24 to 80 pixels high, drawn in their kind from one seed."""
    rng = np.random.default_rng(5)
    right = wrong = 0
    for index in range(numbers):
        count = int(rng.integers(4, 9))
        shown = "".join(map(str, rng.integers(0, 10, count)))
        height_px = int(rng.integers(24, 80))
        plate = counter(shown, height_px, rng, rolled) if rolled else KINDS[kind](shown, height_px, rng)
        ink = "either" if index % 2 else "dark" if kind in ("printed", "dark display") else "light"
        options = {"digits": "find" if find else count, "ink": ink, "rolling": rolled > 0}
        field = Field("number", _region(plate, kind, height_px), **options)  # type: ignore[arg-type]
        read = reader.read(field, on_wall(plate, 20, 30, 1280, 720))
        turned = f"{(int(shown) + 1) % 10**count:0{count}}"
        expected = {turned} if rolled > _HALF else {shown, turned} if rolled == _HALF else {shown}
        right += read.text in expected
        wrong += read.value is not None and read.text not in expected
    return Score(numbers, right, wrong)


def _region(plate: Image, kind: str, height_px: int) -> tuple[int, int, int, int]:
    """Returns a counter's windows, or a display but for a part of its margin, for a plate whose corner is (20, 30)."""
    margin = height_px // 2 if kind == "counter" else height_px // 6
    return 20 + margin, 30 + margin, plate.shape[1] - 2 * margin, plate.shape[0] - 2 * margin


def frames_per_second(runner: Runner, frames: int = 50) -> float:
    """Returns how many frames of 1280 x 720 pixels with six fields of six digits are read in a second, one thread."""
    cv2.setNumThreads(1)
    rng, frame, fields = np.random.default_rng(0), np.full((720, 1280, 3), 170, np.uint8), []
    for index in range(6):
        plate = (counter if index % 2 else KINDS["printed"])("204738", 40, rng)
        x, y = 20 + 620 * (index % 2), 10 + 230 * (index // 2)
        frame[y : y + plate.shape[0], x : x + plate.shape[1]] = plate
        fields.append(Field(f"field-{index}", (x + 20, y + 20, plate.shape[1] - 40, plate.shape[0] - 40), 6))
    watcher = FieldsWatcher(runner, WatchOptions(fields=tuple(fields)))
    times_s = []
    for number in range(frames):
        started = time.perf_counter()
        watcher.observe(Frame(frame, number))
        times_s.append(time.perf_counter() - started)
    return 1 / float(np.median(times_s))


def main() -> None:
    """Prints a line for each kind, and the speed."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.whole_numbers")
    parser.add_argument("model", type=Path, nargs="?", default=MODELS / "rows2d")
    parser.add_argument("--numbers", type=int, default=100)
    given = parser.parse_args()
    with Runner(given.model) as runner:
        print(f"{frames_per_second(runner):.1f} frames of 1280 x 720 pixels with six fields in a second", flush=True)
        reader = FieldReader(runner)
        for kind in KINDS:
            for find in (False, True):
                how = "found" if find else "stated"
                print(f"{kind:13} digits {how:6} {score(reader, kind, given.numbers, find=find)}", flush=True)
        for rolled in ROLLED:
            print(
                f"counter, rolled {rolled:.2f}     {score(reader, 'counter', given.numbers, rolled=rolled)}", flush=True
            )


if __name__ == "__main__":
    main()
