"""Reads what devices reported of their releases, and counts it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scipy.stats import binomtest
from tabulate import tabulate

from device.files.typed_json import parsed
from device.update.report import Report

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Read:
    """The latest report of each device on each release, and what is wrong with the other lines."""

    reports: tuple[Report, ...]
    faults: tuple[str, ...]

    def of(self, release: str) -> tuple[Report, ...]:
        """Returns the reports on a release."""
        return tuple(report for report in self.reports if report.release == release)

    @property
    def devices(self) -> frozenset[str]:
        """The devices that reported anything."""
        return frozenset(report.device for report in self.reports)


@dataclass(frozen=True)
class Count:
    """How many devices have a release in which state. Who left it by `rollback` has found a fault, too."""

    good: int
    trial: int
    failed: int
    rolled_back: int

    @property
    def devices(self) -> int:
        return self.good + self.trial + self.failures

    @property
    def failures(self) -> int:
        return self.failed + self.rolled_back

    @property
    def decided(self) -> int:
        """The devices that are no longer on trial."""
        return self.good + self.failures


def read_reports(paths: Sequence[Path]) -> Read:
    """Returns what files, and those in folders, hold, a report in a line of JSON; raises OSError if one is not there.

    Of two reports of a device on a release the later one counts, by the device's clock.
    """
    latest: dict[tuple[str, str], Report] = {}
    faults = []
    for place, line in _lines(paths):
        try:
            report = parsed(Report, json.loads(line), place)
        except ValueError as error:
            faults.append(str(error) if str(error).startswith(place) else f"{place}: Expected JSON. {error}")
            continue
        before = latest.get((report.device, report.release))
        if before is None or before.at <= report.at:
            latest[report.device, report.release] = report
    return Read(tuple(latest.values()), tuple(faults))


def count(reports: Sequence[Report]) -> Count:
    """Counts the latest reports on one release."""
    states = Counter(report.state for report in reports)
    return Count(states["good"], states["trial"], states["failed"], states["rolled back"])


def table(read: Read) -> str:
    """Returns a table of the releases, those on most devices first."""
    releases = Counter(report.release for report in read.reports)
    rows = [_row(release, read.of(release)) for release, _ in releases.most_common()]
    headers = ("release", "name", "devices", "good", "on trial", "failed", "rolled back", "failure rate, 95 %")
    return tabulate(rows, headers, disable_numparse=True, colalign=("left", "left", *["right"] * 6)) if rows else ""


def _row(release: str, reports: Sequence[Report]) -> tuple[str, ...]:
    counted = count(reports)
    named = {f"{report.name} {report.version}" for report in reports if report.name is not None}
    numbers = (counted.devices, counted.good, counted.trial, counted.failed, counted.rolled_back)
    return release[:12], ", ".join(sorted(named)), *map(str, numbers), _rate(counted)


def _rate(counted: Count) -> str:
    """Returns the share that failed of the devices no longer on trial, with Wilson's interval."""
    if not counted.decided:
        return ""
    found = binomtest(counted.failures, counted.decided)
    low, high = found.proportion_ci(_CONFIDENCE, method="wilson")
    return f"{100 * found.statistic:.2f} % ({100 * low:.2f} to {100 * high:.2f})"


def _lines(paths: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """Yields the lines that are not empty, each with its place."""
    for path in paths:
        files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
        for file in files:
            with file.open(encoding="utf-8", errors="replace") as opened:
                yield from ((f"{file}:{number}", line) for number, line in enumerate(opened, start=1) if line.strip())
