"""Whether an answer depends on the crop alone: not on the crop before, not on threads, not on how it is fed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from device.pixels import SIDE
from device.runner import Runner
from pipeline.gate.case import Case
from pipeline.gate.check import Check, passed, refused

_THREADS = 2

Integers = npt.NDArray[np.integer[Any]]


def independence(case: Case) -> Iterator[Check]:
    """Yields whether the images get the same logits after another image than before, and after one broken off."""
    crops = case.splits.test.crops
    with Runner(case.folder.path) as runner:
        again = np.array([runner.logits(crop) for crop in case.each(crops[::-1], "backwards")])
    yield _equal("order, whole", case.whole_logits, again[::-1], "depend on the image before")
    with Runner(case.folder.path) as runner:
        backwards = []
        for count, crop in enumerate(case.each(crops[::-1], "backwards by line")):
            runner.reset()
            for line in runner.lines(crops[count])[: count % SIDE]:
                runner.push(line)
            backwards.append(runner.logits(crop, by_line=True))
    yield _equal("order, by line", case.line_logits, np.array(backwards)[::-1], "depend on the image before")


def equality(case: Case) -> Iterator[Check]:
    """Yields whether the logits are the same whole and by line, on one thread and two, and in the answers."""
    yield _equal("whole, by line", case.whole_logits, case.line_logits, "differ between whole and by line")
    with Runner(case.folder.path, threads=_THREADS) as runner:
        threaded = np.array([runner.logits(crop) for crop in case.each(case.splits.test.crops, "two threads")])
    yield _equal("one thread, two", case.whole_logits, threaded, f"differ on {_THREADS} threads")
    answers = np.array([prediction.index for prediction in case.predictions])
    yield _equal("logits, answers", case.whole_logits.argmax(axis=1), answers, "are answered otherwise")


def _equal(name: str, first: Integers, second: Integers, what: str) -> Check:
    differing = np.flatnonzero((first != second).reshape(len(first), -1).any(axis=1))
    measured, limit = f"{len(differing):,} of {len(first):,} differ", "0, bit for bit"
    if len(differing):
        return refused(name, measured, limit, f"{len(differing):,} images {what}, the first is image {differing[0]}")
    return passed(name, measured, limit)
