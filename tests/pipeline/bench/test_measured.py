"""Tests of `pipeline.bench.measured`: medians, quartiles, ratios by pair, and the table."""

from __future__ import annotations

import pytest

from pipeline.bench.effort import Effort
from pipeline.bench.measured import BenchResult, PairedTimes, Row, Spread, Training
from pipeline.bench.peers.peer import Peer


def test_a_ratio_is_of_two_times_of_the_same_round() -> None:
    """A machine that is half as fast in one round changes the times of that round, and no ratio."""
    first = [[10.0], [20.0], [10.0]]
    (timed,) = Row("other").timed(PairedTimes([[30.0], [60.0], [30.0]], first), 1).times
    assert timed.us == Spread(30.0, 30.0, 45.0)
    assert timed.ratio == Spread(3.0, 3.0, 3.0)


def test_without_the_first_peer_there_is_no_ratio() -> None:
    """A peer keeps its times if the one that it is compared with failed."""
    (timed,) = Row("other").timed(PairedTimes([[30.0], [60.0]], None), 2).times
    assert (timed.threads, timed.us.median, timed.ratio) == (2, 45.0, None)


def test_what_was_not_measured_is_empty_and_a_failure_stands_below() -> None:
    """The table has empty cells for what is unknown, and a line for a peer that failed."""
    rows = (Row("ours", file_bytes=1_234), Row("other", failure="not installed: no wheel"))
    *_, line, _, read, _, failure = (
        BenchResult("rows2d", "x86_64", 10, "embedded", Training(20, 1), rows).table().splitlines()
    )
    assert [cell.strip() for cell in line.split("|")[1:5]] == ["ours", "", "", "1,234"]
    assert read == "x86_64. 10 of embedded were read. Networks trained here: 1 epoch of 20 inputs."
    assert failure == "other: not installed: no wheel"


def test_fewer_than_five_rounds_and_a_peer_without_threads_are_refused() -> None:
    """Both say what they expect."""
    with pytest.raises(ValueError, match="Expected rounds >= 5"):
        Effort(4, 1, 1, 1, 1, 1)
    with pytest.raises(ValueError, match="Expected an engine and threads >= 1"):
        Peer("ours", "litert", "", ())
