"""Reads the share of devices that a repository's release is for, and signs another one without the release's files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Targets, Timestamp

from device.contract.manifest import MANIFEST_NAME
from device.update.release import ReleaseRecord, read_record, release_of
from pipeline.signing.repository import copy_roots, newest_version, signers_of, write_signed


@dataclass(frozen=True)
class Published:
    """The newest release of a repository: its SHA-256, what it says of itself, and the version of its metadata."""

    release: str
    record: ReleaseRecord
    version: int


def published(repository: Path) -> Published:
    """Returns the newest release; raises ValueError if there is none. It checks no signature."""
    targets = _targets(repository).signed
    if MANIFEST_NAME not in targets.targets:
        raise ValueError(f"{repository}: Expected a signed {MANIFEST_NAME}. Found none")
    release = release_of({name: target.hashes["sha256"] for name, target in targets.targets.items()})
    return Published(release, read_record(targets.targets[MANIFEST_NAME].custom), targets.version)


def set_share(to: Path, expected: Published, permille: int, keys: Path, valid_days: int) -> int:
    """Signs the expected release for another share of devices, and returns the version of the repository.

    Raises ValueError if the repository no longer has that release, or these keys did not sign what it has, so that
    nobody who can write there gets something signed; and otherwise as `publish` does.
    """
    root = copy_roots(keys, to)
    signers = signers_of(keys, root)
    targets = _targets(to)
    _verify(targets, root, to)
    if published(to) != expected:
        raise ValueError(f"{to}: Expected version {expected.version} as before. Another was signed in between")
    for target in targets.signed.targets.values():
        target.unrecognized_fields["custom"] = {**(target.custom or {}), "permille": permille}
    return write_signed(targets.signed.targets, signers, to, valid_days)


def _targets(repository: Path) -> Metadata[Targets]:
    version = newest_version(repository)
    path = repository / "metadata" / f"{version}.targets.json"
    if not path.is_file():
        raise ValueError(f"{repository}: Expected what `python -m pipeline sign` wrote. Found no release")
    return Metadata[Targets].from_file(str(path))


def _verify(targets: Metadata[Targets], root: Root, to: Path) -> None:
    timestamp = Metadata[Timestamp].from_file(str(to / "metadata" / "timestamp.json"))
    try:
        root.verify_delegate("targets", targets.signed_bytes, targets.signatures)
        root.verify_delegate("timestamp", timestamp.signed_bytes, timestamp.signatures)
    except RepositoryError as error:
        raise ValueError(f"{to}: Expected metadata that these keys signed; sign the release again. {error}") from error
    if targets.signed.version != timestamp.signed.version:
        versions = f"{targets.signed.version} and {timestamp.signed.version}"
        raise ValueError(f"{to}: Expected targets and timestamp of one version. Received: {versions}")
