"""Tests of `pipeline.bench.timing`: what it counts and prints."""

from __future__ import annotations

import pytest

from converters.tflite.graph import read_graphs
from device.runner import Runner
from pipeline.bench.timing import TimedRead, reads_table, time_reads
from tests.conftest import MODELS, Digits


@pytest.mark.parametrize(
    ("variant", "classify", "step", "steps"),
    [("rows2d", 5_838_592, 844_544, 7), ("conv1d", 785_152, 122_624, 7), ("rows", 2_172_160, 81_152, 28)],
)
def test_all_steps_multiply_at_most_a_tenth_more_than_the_whole(
    variant: str, classify: int, step: int, steps: int, digits: Digits
) -> None:
    """All steps together do at most 1.1 times the multiply-accumulates of `classify`."""
    with Runner(MODELS / variant) as runner:
        graphs = read_graphs((MODELS / variant / "model.int8.tflite").read_bytes())
        reads = time_reads(runner, digits[0][:3], graphs)
    assert [read.name for read in reads] == ["whole input", "last line to answer", "all lines"]
    assert [read.multiply_accumulates for read in reads] == [classify, step, steps * step]
    assert steps * step <= 1.1 * classify
    assert min(read.median_us for read in reads) > 0


def test_reads_table() -> None:
    """The table gives each read's ratio to the whole input."""
    lines = reads_table([TimedRead("whole input", 50.0, 4_000), TimedRead("all lines", 125.0, 4_400)]).splitlines()
    assert lines[-1].split() == ["all", "lines", "125.0", "2.50", "4,400", "1.10"]
