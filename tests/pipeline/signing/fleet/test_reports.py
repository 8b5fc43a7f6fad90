"""Tests of `pipeline.signing.fleet.reports`: which reports count, and the table of them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from device.update.report import Report, State
from pipeline.signing.fleet.reports import Count, count, read_reports, table


def line(device: int, state: State, hour: int = 0, release: str = "a") -> str:
    """Returns a report as a collector stores it."""
    time = f"2026-01-01T{hour:02}:00:00+00:00"
    return json.dumps(dataclasses.asdict(Report(f"{device:032x}", 64 * release, "m", "1.0.0", state, time))) + "\n"


def test_the_latest_report_of_a_device_on_a_release_counts(tmp_path: Path) -> None:
    """Reports come in any order, from files and folders, and of two at one time the one further down counts."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "1.jsonl").write_text(line(1, "good", 2) + line(1, "trial", 1) + "\n")
    (tmp_path / "2.jsonl").write_text(line(2, "trial") + line(2, "failed") + line(2, "good", release="b"))
    read = read_reports([tmp_path / "a", tmp_path / "2.jsonl"])
    assert count(read.of(64 * "a")) == Count(good=1, trial=0, failed=1, rolled_back=0)
    assert count(read.of(64 * "b")) == Count(good=1, trial=0, failed=0, rolled_back=0)
    assert len(read.devices) == 2


def test_a_line_that_is_no_report_is_named_and_stops_nothing(tmp_path: Path) -> None:
    """Whoever reaches the collector may send anything."""
    path = tmp_path / "reports.jsonl"
    path.write_bytes(b"\xff\n[]\n" + line(1, "good").encode() + b'{"device": 1}\n')
    read = read_reports([path])
    assert len(read.reports) == 1
    assert [fault.partition(": ")[0] for fault in read.faults] == [f"{path}:{number}" for number in (1, 2, 4)]


def test_the_table_has_the_failure_rate_with_wilsons_interval(tmp_path: Path) -> None:
    """Of those no longer on trial: 2 of 20 failed, which is 10 %, between 2.79 and 30.10."""
    states: list[State] = [*["good"] * 18, "failed", "rolled back", "trial"]  # type: ignore[list-item]  # literals
    path = tmp_path / "reports.jsonl"
    path.write_text("".join(line(number, state) for number, state in enumerate(states)))
    row = table(read_reports([path])).splitlines()[2]
    assert row.split() == ["a" * 12, "m", "1.0.0", "21", "18", "1", "1", "1", "10.00", "%", "(2.79", "to", "30.10)"]


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_reports([tmp_path / "none"])
