"""Tests of the reading of a digit in the terminal."""

from __future__ import annotations

from device.runner import Runner
from pipeline.bench.terminal import demo
from pipeline.data.mnist import embedded_splits
from tests.conftest import MODELS


def test_shows_each_line_and_the_prediction_after_each_step() -> None:
    """A digit is shown in 28 lines, every fourth with the answer so far, the last with the right one."""
    with Runner(MODELS / "rows2d") as runner:
        lines = list(demo(runner, embedded_splits().test.crops[0]))
    assert len(lines) == 28
    assert [number for number, line in enumerate(lines, start=1) if line.endswith(" %")] == [4, 8, 12, 16, 20, 24, 28]
    assert " 0 ██████" in lines[-1]
