"""Checks the readings of a field against the last good one, which no failed reading replaces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .field import Field
from .number import Number

_HOUR_S = 3600.0
# Differences of decimal fractions are off by this many units of the last place at most.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Good:
    """A reading of which every digit was sure and that passed every check: its value, and when it was, in seconds."""

    value: float
    time_s: float


class History:
    """The last good reading of a field."""

    def __init__(self, field: Field) -> None:
        self._field = field
        self.last_good: Good | None = None

    def judge(self, number: Number, time_s: float) -> tuple[str, ...]:
        """Returns the names of the checks that a reading fails; one that fails none, and is sure, is the new last good.

        An unsure reading fails `length` alone.
        """
        failed = tuple(name for name, fails in _FAILS.items() if fails(self._field, number, time_s, self.last_good))
        if number.value is not None and not failed:
            self.last_good = Good(number.value, time_s)
        return failed


def _has_another_length(field: Field, number: Number, _time_s: float, _good: Good | None) -> bool:
    return field.checks.length not in (None, len(number.digits))


def _falls(field: Field, number: Number, _time_s: float, good: Good | None) -> bool:
    return field.checks.never_falls and good is not None and number.value is not None and number.value < good.value


def _rises_too_fast(field: Field, number: Number, time_s: float, good: Good | None) -> bool:
    rise_per_hour = field.checks.max_rise_per_hour
    if rise_per_hour is None or good is None or number.value is None:
        return False
    unit = 10.0**-field.decimal_places
    allowed = rise_per_hour * max(0.0, time_s - good.time_s) / _HOUR_S + unit
    return number.value - good.value > allowed + _ROUNDING * unit


_FAILS: Mapping[str, Callable[[Field, Number, float, Good | None], bool]] = MappingProxyType(
    {"never_falls": _falls, "max_rise_per_hour": _rises_too_fast, "length": _has_another_length}
)
