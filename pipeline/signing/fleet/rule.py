"""Decides how a roll-out goes on: halted where too many devices failed, raised to its next stage, or left as it is.

It is halted once two devices failed and the evidence is 100 : 1 that more fail than the limit allows. The evidence is
that of a sequential test, which may be asked after each report: how much more probable the failures are if the rate
lies anywhere above the limit, evenly, than at the limit. For a release at the limit or below, this ratio is a
supermartingale, so that the chance that it ever reaches 100 is at most 1 in 100, however often it is asked (Ville's
inequality). A device on trial counts as one that did not fail; so the bound holds although failures are
reported sooner.

Source: Ramdas, Grunwald, Vovk, Shafer, Game-theoretic statistics and safe anytime-valid inference, 2023, sections 2, 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, log1p

from scipy.special import betaln
from scipy.stats import beta

from device.update.release import ALL_PERMILLE
from device.update.roll_out import is_within
from pipeline.signing.fleet.reports import Count, Read, count
from pipeline.signing.share import Published

# One device may be unlucky.
_MIN_FAILURES = 2
_MIN_EVIDENCE = 100.0
# Of the devices of a stage. Some are switched off, or dead.
_ENOUGH = 0.9


@dataclass(frozen=True)
class Plan:
    """The share of failures that is allowed, above 0 and below 1, and the stages of the roll-out, in permille."""

    max_failures: float
    stages: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.max_failures < 1:
            raise ValueError(f"Expected a limit between 0 and 100 %. Received: {100 * self.max_failures:g} %")
        rising = all(first < second for first, second in zip(self.stages, self.stages[1:], strict=False))
        if not rising or not all(0 < stage <= ALL_PERMILLE for stage in self.stages):
            received = ", ".join(f"{stage / 10:g}" for stage in self.stages)
            raise ValueError(f"Expected stages that rise, up to 100 %. Received: {received}")


@dataclass(frozen=True)
class Decision:
    """The share of devices from now on, in permille, and why."""

    permille: int
    reason: str


def decide(release: Published, read: Read, plan: Plan) -> Decision:
    """Returns what becomes of a repository's release, by what is reported of it."""
    permille, counted = release.record.permille, count(read.of(release.release))
    if permille == 0:
        return Decision(0, "halted before")
    failed = f"{counted.failures} of {counted.devices} devices failed"
    if fails(counted, plan.max_failures):
        return Decision(0, failed)
    following = next((stage for stage in plan.stages if stage > permille), permille)
    waits = None if following == permille else _waits_for(release, read, plan)
    return Decision(permille if waits else following, ", ".join(filter(None, (failed, waits))))


def _waits_for(release: Published, read: Read, plan: Plan) -> str | None:
    """Returns why a release is not raised to its next stage; None if it is."""
    counted = count(read.of(release.release))
    if counted.failures >= _MIN_FAILURES and counted.failures > plan.max_failures * counted.decided:
        return "which is above the limit, but may be chance"
    within = {each for each in read.devices if is_within(release.record.permille, each, release.release)}
    heard = count([report for report in read.of(release.release) if report.device in within])
    # In a small fleet there may be none within the first share.
    enough = heard.good and heard.decided >= _ENOUGH * len(within) if within else read.devices
    return None if enough else f"{heard.decided} of {len(within)} devices of this stage are no longer on trial"


def fails(counted: Count, limit: float) -> bool:
    """Returns whether a release fails on more devices than the limit allows."""
    return counted.failures >= _MIN_FAILURES and evidence(counted.failures, counted.devices, limit) >= _MIN_EVIDENCE


def evidence(failures: int, devices: int, limit: float) -> float:
    """Returns how much more probable so many failures are at a rate above the limit than at the limit."""
    a, b = failures + 1, devices - failures + 1
    above = betaln(a, b) + beta.logsf(limit, a, b) - log1p(-limit)
    at_limit = failures * log(limit) + (devices - failures) * log1p(-limit)
    # No float holds more; it is beyond all doubt.
    return exp(min(700.0, float(above - at_limit)))
