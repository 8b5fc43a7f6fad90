"""Compares models on a stated mixture of pictures that no training used; the best one is the default.

A right answer counts 1, none 0, and a wrong one -3, since a wrong number costs its reader more than a missing one. On
pictures without a digit, "not a digit" counts 1 and an answer -3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np
from tabulate import tabulate

from device.arrays import Crop, Image, UInt8
from device.runner import Runner
from device.sources.frames import Frame
from device.watch.options import WatchOptions
from device.watch.watcher import Watcher
from pipeline.bench import mnist_c
from pipeline.bench.drawn_pictures import KINDS, DrawnPictures
from pipeline.data.splits import LabelledImages
from pipeline.synthesis.fonts import held_out_fonts
from pipeline.variants import LABELS

COST_OF_WRONG = 3
# Of the mixture, in percent.
WEIGHTS: Mapping[str, int] = MappingProxyType({
    "MNIST": 15, "corrupted": 15, "thin pen": 15, "scan": 10, "print": 10, "segments": 10, "dots": 5, "counter": 10,
    "no digit": 10,
})  # fmt: skip
_SEED = 17


@dataclass(frozen=True)
class SetScore:
    """The shares of a set's pictures, in percent, that are answered right and wrongly; the others are not answered."""

    right: float
    wrong: float

    @property
    def worth(self) -> float:
        """What the answers are worth, in percent of all right."""
        return self.right - COST_OF_WRONG * self.wrong


def measure(runners: Mapping[str, Runner], validation: LabelledImages, pictures: int) -> dict[str, dict[str, SetScore]]:
    """Returns the score of each model on each set of `WEIGHTS`, with this many pictures of each kind, drawn once."""
    measured: dict[str, dict[str, SetScore]] = {name: {} for name in runners}
    for kind, score in _sets(validation, pictures):
        for name, runner in runners.items():
            measured[name][kind] = score(runner)
    return measured


def _sets(validation: LabelledImages, pictures: int) -> Iterator[tuple[str, Callable[[Runner], SetScore]]]:
    """Yields each set with what scores a model on it."""
    chosen = validation.spread(pictures)
    crops = np.asarray(chosen.crops, np.uint8)
    yield "MNIST", partial(_of_crops, crops=crops, labels=chosen.labels)
    corrupted = np.concatenate([mnist_c.corrupted(crops, kind, _SEED) for kind in mnist_c.KINDS])
    yield "corrupted", partial(_of_crops, crops=corrupted, labels=np.tile(chosen.labels, len(mnist_c.KINDS)))
    shown = [index % len(LABELS) for index in range(pictures)]
    for kind, draw in KINDS.items():
        drawn = DrawnPictures(validation, held_out_fonts(), np.random.default_rng((_SEED, *kind.encode())))
        yield kind, partial(_of_pictures, pictures=[(draw(drawn, digit), LABELS[digit]) for digit in shown])
    drawn = DrawnPictures(validation, held_out_fonts(), np.random.default_rng(_SEED))
    yield "no digit", partial(_of_pictures, pictures=[(drawn.no_digit(), None) for _ in shown])


def worth_percent(scores: Mapping[str, SetScore]) -> float:
    """Returns the weighted mean worth of all sets."""
    return sum(weight * scores[kind].worth for kind, weight in WEIGHTS.items()) / sum(WEIGHTS.values())


def mixture_table(measured: Mapping[str, Mapping[str, SetScore]]) -> str:
    """Returns a line for each set with each model's shares, and one with the worth; the best model stands first."""
    best_first = sorted(measured, key=lambda name: -worth_percent(measured[name]))
    lines = [
        (kind, weight, *(f"{measured[name][kind].right:5.1f} {measured[name][kind].wrong:5.1f}" for name in best_first))
        for kind, weight in WEIGHTS.items()
    ]
    worth = ("worth", sum(WEIGHTS.values()), *(f"{worth_percent(measured[name]):5.1f}" for name in best_first))
    headers = ("right %, wrong %", "weight", *best_first)
    return tabulate([*lines, worth], headers, tablefmt="simple", disable_numparse=True)


def _of_crops(runner: Runner, crops: Crop, labels: UInt8) -> SetScore:
    answers = [runner.classify(crop).label for crop in crops]
    return _score([(answer, LABELS[truth]) for answer, truth in zip(answers, labels, strict=True)])


def _of_pictures(runner: Runner, pictures: Sequence[tuple[Image, str | None]]) -> SetScore:
    watcher = Watcher(runner, WatchOptions(one=True))
    readings = (watcher.observe(Frame(picture, number)).readings[0] for number, (picture, _) in enumerate(pictures))
    return _score([(reading.label, truth) for reading, (_, truth) in zip(readings, pictures, strict=True)])


def _score(answers: Sequence[tuple[str | None, str | None]]) -> SetScore:
    right = sum(answer == truth for answer, truth in answers)
    wrong = sum(answer is not None and answer != truth for answer, truth in answers)
    return SetScore(100 * right / len(answers), 100 * wrong / len(answers))
