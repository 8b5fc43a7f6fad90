"""Makes the keys of a TUF repository, and the root that says which keys sign what.

Source: https://theupdateframework.github.io/specification/latest/#repository-layout.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Role, Root

from device.update.release import DEVELOPMENT

# The roles that sign each release. The keys of the root can stay offline.
ONLINE = ("targets", "snapshot", "timestamp")
ROOT_VALID_DAYS = 3650


@dataclass(frozen=True)
class RootKeys:
    """How many keys the root has, how many of them must sign, and whether the set is for development."""

    count: int
    threshold: int
    development: bool

    def __post_init__(self) -> None:
        if not 1 <= self.threshold <= self.count <= 16:
            received = f"{self.threshold} of {self.count}"
            raise ValueError(f"Expected a threshold in 1..the number of root keys, 16 at most. Received: {received}")


def make_keys(folder: Path, wanted: RootKeys) -> Path:
    """Writes Ed25519 keys and `1.root.json` into a new folder, and returns the latter.

    Raises ValueError if the folder is in a git checkout, and FileExistsError if it has files.
    """
    _refuse_checkout(folder)
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder}: Expected a new folder. Received one with files")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    signers = {name: CryptoSigner.generate_ed25519() for name in (*root_names(wanted.count), *ONLINE)}
    root = _root(signers, wanted)
    for name, signer in signers.items():
        write_private(key_file(folder, name), signer.private_bytes)
    path = folder / "1.root.json"
    root.to_file(str(path))
    return path


def root_names(count: int) -> tuple[str, ...]:
    """Returns the names of the root's keys."""
    return tuple(f"root-{number}" for number in range(1, count + 1))


def root_files(folder: Path) -> tuple[Path, ...]:
    """Returns the versions of the root in a folder, oldest first; raises FileNotFoundError if there is none."""
    roots = sorted(folder.glob("*.root.json"), key=lambda path: int(path.name.partition(".")[0]))
    if not roots:
        raise FileNotFoundError(f"{folder}: Expected what `python -m pipeline keys` wrote. Found no root")
    return tuple(roots)


def key_file(folder: Path, name: str) -> Path:
    """Returns the file of a private key, PEM."""
    return folder / f"{name}.pem"


def in_days(days: int) -> datetime:
    """Returns the time in some days, in whole seconds, as TUF writes it."""
    return (datetime.now(timezone.utc) + timedelta(days=days)).replace(microsecond=0)


def write_private(path: Path, content: bytes) -> None:
    """Writes a file that only its owner can read; raises FileExistsError if it is there."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _root(signers: dict[str, CryptoSigner], wanted: RootKeys) -> Metadata[Root]:
    holders = {"root": root_names(wanted.count), **{role: (role,) for role in ONLINE}}
    roles = {
        role: Role([signers[name].public_key.keyid for name in names], wanted.threshold if role == "root" else 1)
        for role, names in holders.items()
    }
    keys = {signer.public_key.keyid: signer.public_key for signer in signers.values()}
    unrecognised = {DEVELOPMENT: True} if wanted.development else None
    root = Root(
        version=1,
        expires=in_days(ROOT_VALID_DAYS),
        keys=dict(keys),
        roles=roles,
        consistent_snapshot=True,
        unrecognized_fields=unrecognised,
    )
    metadata = Metadata(root)
    for name in root_names(wanted.count):
        metadata.sign(signers[name], append=True)
    return metadata


def _refuse_checkout(folder: Path) -> None:
    whole = folder.resolve()
    inside = next((parent for parent in (whole, *whole.parents) if (parent / ".git").exists()), None)
    if inside is not None:
        raise ValueError(f"{folder}: Expected a folder outside a git checkout. It is in {inside}")
