"""Which devices take a release so far: those whose place in its roll-out is below its share.

The place follows from the device and the release alone. So a device that is within a share is within each larger one,
and no device is always among the first.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from .refused import NotYetError
from .release import ALL_PERMILLE, ReleaseRecord

_BYTES = 6


@dataclass(frozen=True)
class RollOut:
    """A device, by `device_id`, and whether it takes a release whatever the share."""

    device: str
    at_once: bool = False

    def check(self, record: ReleaseRecord, release: str) -> None:
        """Raises NotYetError unless this device is within the share of a release, which `release_of` names."""
        if not self.at_once and not is_within(record.permille, self.device, release):
            named, percent = f"{record.name} {record.version}", record.permille / 10
            raise NotYetError(f"{named} is for {percent:g} % of the devices so far, not for this one: --now takes it")


def is_within(permille: int, device: str, release: str) -> bool:
    """Returns whether a device is within the share of a release."""
    return place(device, release) * ALL_PERMILLE < permille


def place(device: str, release: str) -> float:
    """Returns a device's place in the roll-out of a release: even in 0..1, without 1, and independent of others."""
    digest = hashlib.sha256(f"{device} {release}".encode()).digest()
    return int.from_bytes(digest[:_BYTES], "big") / (1 << 8 * _BYTES)
