"""Tests of checks: when a value is within its limit, and the text in the table."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.gate.check import Check, Verdict, at_least, at_most, not_judged, passed, refused, without_violations

NUMBERS = st.floats(allow_nan=False)


@pytest.mark.parametrize(
    ("value", "limit", "unit", "measured", "allowed"),
    [
        pytest.param(0.25, 0.5, " pp", "0.25 pp", "≤ 0.50 pp", id="below"),
        pytest.param(0.5, 0.5, " pp", "0.50 pp", "≤ 0.50 pp", id="equal"),
        pytest.param(-3, 0, "", "-3.00", "≤ 0.00", id="negative"),
        pytest.param(163_551, 204_185, "", "163,551", "≤ 204,185", id="thousands"),
        pytest.param(99, 100, "", "99.00", "≤ 100", id="whole from a hundred on"),
        pytest.param(99.75, 100.5, " %", "99.75 %", "≤ 100.50 %", id="fraction above a hundred"),
        pytest.param(2, math.inf, "", "2.00", "≤ inf", id="limit infinite"),
        pytest.param(-math.inf, 2, "", "-inf", "≤ 2.00", id="value minus infinite"),
    ],
)
def test_at_most_passes_up_to_the_limit(value: float, limit: float, unit: str, measured: str, allowed: str) -> None:
    """A value up to its limit passes, and both are written with their unit."""
    expected = Check("drop", measured, allowed, Verdict.PASSED, "", value)
    assert at_most("drop", value, limit, unit) == expected


@pytest.mark.parametrize(
    ("check", "measured", "allowed", "reason"),
    [
        pytest.param(at_most("drop", 0.75, 0.5, " pp"), "0.75 pp", "≤ 0.50 pp", "0.75 pp is not ≤ 0.50 pp", id="above"),
        pytest.param(
            at_most("drop", 204_186, 204_185), "204,186", "≤ 204,185", "204,186 is not ≤ 204,185", id="by one"
        ),
        pytest.param(at_most("drop", math.inf, 1.25), "inf", "≤ 1.25", "inf is not ≤ 1.25", id="infinite"),
    ],
)
def test_at_most_refuses_above_the_limit(check: Check, measured: str, allowed: str, reason: str) -> None:
    """A value above its limit is refused, and the reason has both."""
    assert check == Check("drop", measured, allowed, Verdict.REFUSED, reason, check.value)


@pytest.mark.parametrize(
    ("value", "measured"),
    [
        pytest.param(99.75, "99.75 %", id="above"),
        pytest.param(99.5, "99.50 %", id="equal"),
        pytest.param(100, "100 %", id="whole"),
        pytest.param(math.inf, "inf %", id="infinite"),
    ],
)
def test_at_least_passes_from_the_limit_on(value: float, measured: str) -> None:
    """A value at or above its limit passes."""
    expected = Check("agreement", measured, "≥ 99.50 %", Verdict.PASSED, "", value)
    assert at_least("agreement", value, 99.5, " %") == expected


@pytest.mark.parametrize(
    ("value", "measured", "reason"),
    [
        pytest.param(99.25, "99.25 %", "99.25 % is not ≥ 99.50 %", id="below"),
        pytest.param(0, "0.00 %", "0.00 % is not ≥ 99.50 %", id="nothing"),
        pytest.param(-math.inf, "-inf %", "-inf % is not ≥ 99.50 %", id="minus infinite"),
    ],
)
def test_at_least_refuses_below_the_limit(value: float, measured: str, reason: str) -> None:
    """A value below its limit is refused, and the reason has both."""
    expected = Check("agreement", measured, "≥ 99.50 %", Verdict.REFUSED, reason, value)
    assert at_least("agreement", value, 99.5, " %") == expected


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(at_most("drop", 0.1004, 0.1, " pp"), id="at most"),
        pytest.param(at_least("drop", 0.0996, 0.1, " pp"), id="at least"),
    ],
)
def test_a_refused_value_never_reads_as_its_limit(check: Check) -> None:
    """A value that is refused by less than 0.01 is not written like the limit."""
    assert check.verdict is Verdict.REFUSED
    assert check.measured != "0.10 pp"


@pytest.mark.parametrize(
    ("check", "allowed", "reason"),
    [
        pytest.param(at_most("drop", math.nan, 0.5), "≤ 0.50", "nan is not ≤ 0.50", id="at most"),
        pytest.param(at_most("drop", math.nan, math.inf), "≤ inf", "nan is not ≤ inf", id="at most infinity"),
        pytest.param(at_least("drop", math.nan, 0.5), "≥ 0.50", "nan is not ≥ 0.50", id="at least"),
        pytest.param(at_least("drop", math.nan, -math.inf), "≥ -inf", "nan is not ≥ -inf", id="at least -infinity"),
    ],
)
def test_not_a_number_is_never_within(check: Check, allowed: str, reason: str) -> None:
    """NaN is refused by any limit."""
    assert (check.measured, check.limit, check.verdict, check.reason) == ("nan", allowed, Verdict.REFUSED, reason)


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(at_most("bytes", 1_234, None, " B"), id="at most"),
        pytest.param(at_least("bytes", 1_234, None, " B"), id="at least"),
    ],
)
def test_a_missing_limit_refuses(check: Check) -> None:
    """Without a limit the value is shown and refused."""
    reason = "the limits file sets no limit for this"
    assert check == Check("bytes", "1,234 B", "none", Verdict.REFUSED, reason, 1_234)


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        pytest.param(
            at_most("time", 0.5, 1.25, measured="half the time"),
            Check("time", "half the time", "≤ 1.25", Verdict.PASSED, "", 0.5),
            id="passed",
        ),
        pytest.param(
            at_least("images", 500, 1_000, measured="five hundred"),
            Check("images", "five hundred", "≥ 1,000", Verdict.REFUSED, "five hundred is not ≥ 1,000", 500),
            id="refused",
        ),
    ],
)
def test_a_given_text_is_shown_for_the_value(check: Check, expected: Check) -> None:
    """The caller may give the text; the value is compared as a number."""
    assert check == expected


def test_without_violations_a_check_is_ok() -> None:
    """Without violations the check passes, and its text is "ok"."""
    assert without_violations("shapes", (), "static") == Check("shapes", "ok", "static", Verdict.PASSED)


@pytest.mark.parametrize(
    ("violations", "measured", "reason"),
    [
        (("a grows",), "1 violation", "a grows"),
        (("a grows", "b grows"), "2 violations", "a grows; b grows"),
    ],
)
def test_violations_are_counted_and_named(violations: tuple[str, ...], measured: str, reason: str) -> None:
    """Violations are counted, and each is in the reason."""
    assert without_violations("shapes", violations, "static") == Check(
        "shapes", measured, "static", Verdict.REFUSED, reason
    )


def test_makes_checks_of_each_verdict() -> None:
    """A passed check has no reason; one that is not judged has a reason alone."""
    assert passed("hash", "abc", "abc") == Check("hash", "abc", "abc", Verdict.PASSED, "", None)
    assert refused("hash", "abd", "abc", "other") == Check("hash", "abd", "abc", Verdict.REFUSED, "other", None)
    assert not_judged("hash", "no file") == Check("hash", "", "", Verdict.NOT_JUDGED, "no file", None)


@given(NUMBERS, NUMBERS)
def test_at_most_passes_exactly_where_it_is(value: float, limit: float) -> None:
    """For any two numbers, the check passes if value ≤ limit, and is otherwise refused with a reason."""
    check = at_most("drop", value, limit)
    assert (check.verdict is Verdict.PASSED) == (value <= limit)
    assert (check.verdict is Verdict.REFUSED) == (value > limit) == bool(check.reason)
    assert check.value == value


@given(NUMBERS, NUMBERS)
def test_at_least_mirrors_at_most(value: float, limit: float) -> None:
    """A value is at least its limit exactly if the limit is at most the value."""
    assert at_least("drop", value, limit).verdict is at_most("drop", limit, value).verdict
