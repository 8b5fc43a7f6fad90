"""What a device reports of its releases, one at a time, so that a roll-out can go on or be halted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Literal, TypeAlias

from ..contract.manifest import Manifest, read_manifest
from .device_id import check_device
from .home import Home
from .rollback import rolled_back
from .trial import bad_releases, sha256_of, trial_of

State: TypeAlias = Literal["good", "trial", "failed", "rolled back"]

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Report:
    """A release on a device: the current one is `trial` or `good`.

    One that failed three starts or its self-test is `failed`, and one that `rollback` left is `rolled back`. `name` and
    `version` are None once its files are gone. `time` is by the device's clock, ISO 8601 with an offset.
    """

    device: str
    release: str
    name: str | None
    version: str | None
    state: State
    time: str

    def __post_init__(self) -> None:
        check_device(self.device)
        if not _SHA256.fullmatch(self.release):
            raise ValueError(f"Expected a release's SHA-256. Received: {self.release!r}")
        if self.at.tzinfo is None:
            raise ValueError(f"Expected a time with an offset. Received: {self.time!r}")

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.time)


def reports_of(home: Home, device: str) -> tuple[Report, ...]:
    """Returns what there is to report, the current release last; raises ValueError if a file there cannot be read."""
    current = home.linked(home.current)
    if current is None:
        return ()
    left: list[tuple[str, State]] = [(sha256, "failed") for sha256 in bad_releases(home)]
    before = rolled_back(home)
    left += [] if before is None else [(before, "rolled back")]
    now: State = "good" if trial_of(home) is None else "trial"
    states = [*(each for each in left if sha256_of(each[0]) != sha256_of(current)), (current, now)]
    folders = [home.releases / name for name, _ in states]
    manifests = [read_manifest(folder) if folder.is_dir() else None for folder in folders]
    return tuple(report_of(device, *each, manifest) for each, manifest in zip(states, manifests, strict=True))


def report_of(device: str, release: str, state: State, manifest: Manifest | None) -> Report:
    """Returns a report of a release, of now."""
    name, version = (None, None) if manifest is None else (manifest.name, manifest.version)
    time = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return Report(device, sha256_of(release), name, version, state, time)
