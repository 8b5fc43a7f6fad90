"""The id by which a device takes part in roll-outs and reports: 32 hexadecimal digits, which name no person or machine.

Source: sd_id128_get_machine_app_specific(3); machine-id(5) asks not to send the machine's own id anywhere.
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from ..files.sha256 import sha256_hex
from .home import Home
from .state import read_state, write_state

MACHINE_ID = Path("/etc/machine-id")
# `systemd-id128 machine-id --app-specific` with this prints a device's id.
APPLICATION = "1224957d69624027b8b6c0e4425b0ba2"

_DIGITS = 32
_ID = re.compile(rf"[0-9a-f]{{{_DIGITS}}}")


@dataclass(frozen=True)
class DeviceId:
    """The id that a device without another has made."""

    device: str

    def __post_init__(self) -> None:
        check_device(self.device)


def check_device(device: str) -> None:
    """Raises ValueError unless a text is a device's id."""
    if not _ID.fullmatch(device):
        raise ValueError(f"Expected a device's id of {_DIGITS} hexadecimal digits. Received: {device!r}")


def device_id(home: Home, given: str | None, machine_id: Path = MACHINE_ID) -> str:
    """Returns the id that follows from a given name, else from the machine's id, else one made once and kept in `home`.

    Raises OSError if it cannot be kept, and ValueError if what was kept is no id.
    """
    if given is not None:
        return sha256_hex(given.encode())[:_DIGITS]
    machine = machine_id.read_text("ascii", "replace").strip() if machine_id.is_file() else ""
    # Before the first start of a machine it says `uninitialized`, or nothing.
    if _ID.fullmatch(machine):
        return _of_application(bytes.fromhex(machine))
    kept = read_state(DeviceId, home.device)
    if kept is None:
        kept = DeviceId(secrets.token_hex(_DIGITS // 2))
        write_state(home.device, kept)
    return kept.device


def _of_application(machine: bytes) -> str:
    """Returns the first 16 bytes of HMAC-SHA256 as a UUID of version 4, variant 1, in hexadecimal digits."""
    found = bytearray(hmac.digest(machine, bytes.fromhex(APPLICATION), "sha256")[:16])
    found[6] = found[6] & 0x0F | 0x40
    found[8] = found[8] & 0x3F | 0x80
    return found.hex()
