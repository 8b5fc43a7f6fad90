"""Checks that logits depend on the crop alone: not on the crop before it, the threads, or how the crop is fed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from device.runner import Runner
from pipeline.gate.accuracy import int8_indices
from pipeline.gate.case import Case
from pipeline.gate.check import Check, passed, refused

Integers = npt.NDArray[np.integer[Any]]


def independence(case: Case) -> Iterator[Check]:
    """Yields whether the order of the images changes logits, also after a crop that was broken off."""
    crops = case.splits.test.crops
    again = case.logits(crops[::-1], "reversed")
    yield same_logits("same logits in reverse order, whole", case.whole_logits, again[::-1])
    with Runner(case.folder.path) as runner:
        reversed_ = []
        for count, crop in enumerate(case.each(crops[::-1], "reversed, line by line")):
            runner.reset()
            lines = runner.lines(crops[count])
            for line in lines[: count % len(lines)]:
                runner.push(line)
            reversed_.append(runner.step_logits(crop))
    by_line = case.as_whole(np.array(reversed_)[::-1])
    yield same_logits("same logits in reverse order, line by line", case.line_logits, by_line)


def equality(case: Case) -> Iterator[Check]:
    """Yields whether logits are the same whole and line by line, on one thread and two, and in the answers."""
    yield same_logits("same logits, whole vs line by line", case.whole_logits, case.line_logits)
    threaded = case.logits(case.splits.test.crops, "two threads", threads=2)
    yield same_logits("same logits, one thread vs two", case.whole_logits, threaded)
    if case.is_class:
        indices = case.int8_output(case.outputs[0]).argmax(axis=1)
        yield same_logits("answers follow from logits", indices, int8_indices(case))


def same_logits(name: str, first: Integers, second: Integers) -> Check:
    """Returns whether two arrays of logits or answers, an image a row, are equal bit for bit."""
    differing = np.flatnonzero((first != second).reshape(len(first), -1).any(axis=1))
    measured, limit = f"{len(differing):,} of {len(first):,} differ", "0, bit for bit"
    if len(differing):
        return refused(name, measured, limit, f"{len(differing):,} images differ, the first is image {differing[0]}")
    return passed(name, measured, limit)
