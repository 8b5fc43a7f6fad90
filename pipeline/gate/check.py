"""A check's result: what was measured, what is allowed, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """The outcome of a check, a stage or a model."""

    PASSED = "passed"
    REFUSED = "refused"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True)
class Check:
    """One line of the gate's table; `value` is what was measured as a number, `reason` why it did not pass."""

    name: str
    measured: str
    limit: str
    verdict: Verdict
    reason: str = ""
    value: float | None = None


@dataclass(frozen=True)
class Note:
    """A figure without a limit, which cannot refuse. It is listed below the table."""

    name: str
    text: str


def passed(name: str, measured: str, limit: str = "") -> Check:
    """Returns a check that passed."""
    return Check(name, measured, limit, Verdict.PASSED)


def refused(name: str, measured: str, limit: str, reason: str) -> Check:
    """Returns a check that failed."""
    return Check(name, measured, limit, Verdict.REFUSED, reason)


def not_judged(name: str, reason: str) -> Check:
    """Returns a check that could not be made."""
    return Check(name, "", "", Verdict.NOT_JUDGED, reason)


def without_violations(name: str, violations: tuple[str, ...], limit: str) -> Check:
    """Returns a check that passes where there are no violations; otherwise they are the reason."""
    if not violations:
        return passed(name, "ok", limit)
    count = f"{len(violations)} violation{'s' if len(violations) > 1 else ''}"
    return refused(name, count, limit, "; ".join(violations))


def at_most(name: str, value: float, limit: float | None, unit: str = "", *, measured: str = "") -> Check:
    """Returns whether a value is at most its limit. NaN never is, and a missing limit fails the check."""
    return _compared(name, value, ("≤", limit), unit, measured)


def at_least(name: str, value: float, limit: float | None, unit: str = "", *, measured: str = "") -> Check:
    """Returns whether a value is at least its limit, as `at_most` does."""
    return _compared(name, value, ("≥", limit), unit, measured)


def _compared(name: str, value: float, allowed: tuple[str, float | None], unit: str, measured: str) -> Check:
    (sign, limit), number = allowed, _number(value)
    measured = measured or f"{number}{unit}"
    if limit is None:
        return Check(name, measured, "none", Verdict.REFUSED, "the limits file sets no limit for this", value)
    written = f"{sign} {_number(limit)}{unit}"
    if value <= limit if sign == "≤" else value >= limit:
        return Check(name, measured, written, Verdict.PASSED, value=value)
    if number in measured and number == _number(limit):
        measured = measured.replace(number, f"{value:.9g}")
    return Check(name, measured, written, Verdict.REFUSED, f"{measured} is not {written}", value)


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) >= 100 else f"{value:.2f}"
