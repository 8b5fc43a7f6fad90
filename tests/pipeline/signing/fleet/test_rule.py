"""Tests of `pipeline.signing.fleet.rule`: what halts a roll-out, what raises it, and what does neither."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.update.release import ReleaseRecord
from device.update.report import Report, State
from pipeline.signing.fleet.reports import Count, Read
from pipeline.signing.fleet.rule import Decision, Plan, decide, evidence, fails
from pipeline.signing.share import Published

RELEASE = "a" * 64
PLAN = Plan(max_failures=0.01, stages=(10, 50, 200, 1_000))


def release(permille: int) -> Published:
    record = ReleaseRecord("m", "1.0.0", 3, "m.tflite", (), (), permille, ())
    return Published(RELEASE, record, 1)


def read(good: int = 0, failed: int = 0, trial: int = 0, silent: int = 0) -> Read:
    """Returns the reports of so many devices; the silent ones have another release."""
    states: list[tuple[str, State]] = [
        *[(RELEASE, "good")] * good,  # type: ignore[list-item]  # literals
        *[(RELEASE, "failed")] * failed,  # type: ignore[list-item]  # the same
        *[(RELEASE, "trial")] * trial,  # type: ignore[list-item]  # the same
        *[("b" * 64, "good")] * silent,  # type: ignore[list-item]  # the same
    ]
    time = "2026-01-01T00:00:00+00:00"
    reports = [Report(f"{number:032x}", sha256, "m", "1", state, time) for number, (sha256, state) in enumerate(states)]
    return Read(tuple(reports), ())


@pytest.mark.parametrize(
    ("failed", "devices", "halts"),
    [
        (1, 1, False),
        (2, 2, True),
        (2, 5, True),
        (2, 10, False),
        (3, 10, True),
        (6, 100, False),
        (7, 100, True),
        (25, 1_000, False),
        (26, 1_000, True),
    ],
)
def test_how_many_failures_halt_a_release_at_a_limit_of_1_percent(failed: int, devices: int, halts: bool) -> None:
    """One unlucky device never does."""
    assert fails(Count(devices - failed, 0, failed, 0), 0.01) == halts
    assert decide(release(1_000), read(devices - failed, failed), PLAN).permille == (0 if halts else 1_000)


@settings(deadline=None)
@given(good=st.integers(0, 10_000), limit=st.floats(0.001, 0.5))
def test_one_failed_device_never_halts(good: int, limit: float) -> None:
    """However few have reported, and whatever the limit."""
    assert not fails(Count(good, 0, 1, 0), limit)


@settings(deadline=None)
@given(failures=st.integers(0, 100), others=st.integers(0, 1_000))
def test_a_device_on_trial_weighs_as_one_that_did_not_fail(failures: int, others: int) -> None:
    """So those that fail, and report it sooner, do not halt what is good on the rest."""
    on_trial, good = Count(0, others, failures, 0), Count(others, 0, failures, 0)
    assert fails(on_trial, 0.01) == fails(good, 0.01)
    assert evidence(failures, failures + others, 0.01) >= evidence(failures, failures + others + 1, 0.01)


def ever_halted(rate: float, draw: random.Random) -> int | None:
    """Returns after how many of 1,000 devices, asked after each, a release is halted; None if it is not."""
    failed = 0
    for devices in range(1, 1_001):
        if draw.random() < rate:
            failed += 1
            if fails(Count(devices - failed, 0, failed, 0), 0.01):
                return devices
    return None


def test_a_good_release_is_rarely_halted_however_often_the_rule_is_asked() -> None:
    """At the limit itself at most 1 in 100 is; of 500 here, up to 12 with 99 % probability."""
    draw = random.Random(1)  # noqa: S311  # no secret
    assert sum(ever_halted(0.01, draw) is not None for _ in range(500)) <= 12


def test_a_bad_release_is_halted_early() -> None:
    """One that fails on one device of five is halted within 50 devices, 19 times of 20."""
    draw = random.Random(1)  # noqa: S311  # no secret
    after = [ever_halted(0.2, draw) or 1_000 for _ in range(200)]
    assert sum(devices <= 50 for devices in after) >= 190


def test_a_stage_is_raised_once_nine_of_ten_of_its_devices_are_good() -> None:
    """All devices are within 100 % but the last stage has no next one; at 20 % those within it are asked."""
    last = decide(release(1_000), read(good=100), PLAN)
    assert last == Decision(1_000, "0 of 100 devices failed")
    plan = Plan(0.01, (500, 1_000))
    few, most = read(good=60, trial=40), read(good=95, trial=5)
    assert decide(release(500), few, plan).permille == 500
    assert decide(release(500), few, plan).reason.endswith("devices of this stage are no longer on trial")
    assert decide(release(500), most, plan).permille == 1_000


def test_devices_that_have_not_taken_the_release_are_waited_for() -> None:
    """Devices within the share that run another release count for the stage, too."""
    assert decide(release(500), read(good=10, silent=1_000), PLAN).permille == 500


def test_one_unlucky_device_does_not_stop_a_stage_and_two_of_a_hundred_do() -> None:
    """Two of a hundred are above the limit, but too few to halt: a person has to decide."""
    assert decide(release(990), read(good=99, failed=1), PLAN).permille == 1_000
    two = decide(release(990), read(good=98, failed=2), PLAN)
    assert two == Decision(990, "2 of 100 devices failed, which is above the limit, but may be chance")
    assert decide(release(990), read(good=198, failed=2), PLAN).permille == 1_000


def test_a_share_within_which_there_is_no_device_is_raised_and_one_without_reports_is_not() -> None:
    """A small fleet may have none among the first; but silence says nothing."""
    assert decide(release(1), read(silent=20), PLAN).permille == 10
    assert decide(release(1), read(), PLAN).permille == 1


def test_a_stage_whose_only_device_failed_is_not_raised() -> None:
    """It is not halted, because one device says little, and it goes no further."""
    assert decide(release(1_000), read(failed=1), Plan(0.01)).permille == 1_000
    assert decide(release(999), read(failed=1), PLAN).permille == 999


def test_a_halted_release_stays_halted() -> None:
    """Good reports that come later do not start it again."""
    assert decide(release(0), read(good=1_000), PLAN) == Decision(0, "halted before")


@pytest.mark.parametrize("limit", [0.0, 1.0])
def test_a_limit_that_allows_none_or_all_is_refused(limit: float) -> None:
    with pytest.raises(ValueError, match="Expected a limit between 0 and 100 %"):
        Plan(limit)


@pytest.mark.parametrize("stages", [(50, 10), (10, 10), (0, 10)])
def test_stages_that_do_not_rise_are_refused(stages: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="Expected stages that rise, up to 100 %"):
        Plan(0.01, stages)
