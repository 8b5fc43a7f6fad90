"""Tests of `device.exit_status`."""

from __future__ import annotations

from device.exit_status import SIGNALLED, ExitStatus


def test_exit_statuses_are_those_that_shells_and_scripts_know() -> None:
    assert {status.name: int(status) for status in ExitStatus} == {
        "FINE": 0,
        "REFUSED": 1,
        "WRONG_USE": 2,
        "INTERRUPTED": 130,
    }
    assert SIGNALLED == 128
