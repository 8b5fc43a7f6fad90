"""A check's result: what was measured, what it may be, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """What the gate says of a check, or of a model."""

    PASSED = "passed"
    REFUSED = "refused"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True)
class Check:
    """One line of the gate's table.

    Attributes:
        name: what is checked.
        measured: what was found, for people.
        limit: what it may be, for people.
        verdict: whether it is.
        reason: why not; empty where it passed.
        value: what was found as a number, where it is one.
    """

    name: str
    measured: str
    limit: str
    verdict: Verdict
    reason: str = ""
    value: float | None = None


def passed(name: str, measured: str, limit: str = "") -> Check:
    """Returns a check that found what it must."""
    return Check(name, measured, limit, Verdict.PASSED)


def refused(name: str, measured: str, limit: str, reason: str) -> Check:
    """Returns a check that found what does not ship."""
    return Check(name, measured, limit, Verdict.REFUSED, reason)


def not_judged(name: str, reason: str) -> Check:
    """Returns a check that could not be made."""
    return Check(name, "", "", Verdict.NOT_JUDGED, reason)


def held(name: str, problems: tuple[str, ...], limit: str) -> Check:
    """Returns a check of what must have no problems; they are the reason."""
    if not problems:
        return passed(name, "as it must be", limit)
    return refused(name, f"{len(problems)} not so", limit, "; ".join(problems))


def at_most(name: str, value: float, limit: float | None, unit: str = "", *, measured: str = "") -> Check:
    """Returns whether a value is at most its limit; not a number is not, and a limit that is missing refuses."""
    return _compared(name, value, limit, ("≤", unit, measured), within=limit is not None and value <= limit)


def at_least(name: str, value: float, limit: float | None, unit: str = "", *, measured: str = "") -> Check:
    """Returns whether a value is at least its limit, as `at_most` does."""
    return _compared(name, value, limit, ("≥", unit, measured), within=limit is not None and value >= limit)


def _compared(name: str, value: float, limit: float | None, words: tuple[str, str, str], *, within: bool) -> Check:
    sign, unit, measured = words
    measured = measured or f"{_number(value)}{unit}"
    if limit is None:
        return Check(name, measured, "none", Verdict.REFUSED, "the limits file sets no limit for this", value)
    allowed = f"{sign} {_number(limit)}{unit}"
    if within:
        return Check(name, measured, allowed, Verdict.PASSED, value=value)
    if _number(value) in measured and _number(value) == _number(limit):
        measured = measured.replace(_number(value), f"{value:.9g}")
    return Check(name, measured, allowed, Verdict.REFUSED, f"{measured} is not {allowed}", value)


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) >= 100 else f"{value:.2f}"
