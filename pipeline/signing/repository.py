"""Signs a release into a TUF repository of plain files: `metadata/` and `targets/`, for a folder or an HTTP server.

Source: https://theupdateframework.github.io/specification/latest/#consistent-snapshots.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

from device.files.whole_file import write_whole
from device.update.release import ReleaseRecord
from pipeline.signing.keys import ONLINE, in_days, key_file, root_files


@dataclass(frozen=True)
class SignedRelease:
    """The files of a release by name, and what it says of itself."""

    files: Mapping[str, bytes]
    record: ReleaseRecord


def publish(release: SignedRelease, keys: Path, to: Path, valid_days: int) -> int:
    """Makes a release the newest one of a repository, and returns its version there, counted from 1.

    `timestamp.json` is written last: until then, devices see the earlier release. Raises FileNotFoundError if a key is
    missing, and ValueError if the keys are not those of the root, or the repository is another root's.
    """
    signers = signers_of(keys, copy_roots(keys, to))
    return write_signed(_write_targets(release, to), signers, to, valid_days)


def write_signed(targets: dict[str, TargetFile], signers: Mapping[str, CryptoSigner], to: Path, valid_days: int) -> int:
    """Signs targets as the newest ones of a repository, and returns their version."""
    version = newest_version(to) + 1
    expires = in_days(valid_days)
    snapshot = Snapshot(version=version, expires=expires, meta={"targets.json": MetaFile(version)})
    timestamp = Timestamp(version=version, expires=expires, snapshot_meta=MetaFile(version))
    signing: tuple[tuple[str, Metadata[Any]], ...] = (
        ("targets", Metadata(Targets(version=version, expires=expires, targets=targets))),
        ("snapshot", Metadata(snapshot)),
        ("timestamp", Metadata(timestamp)),
    )
    for role, metadata in signing:
        metadata.sign(signers[role])
        name = "timestamp.json" if role == "timestamp" else f"{version}.{role}.json"
        write_whole(to / "metadata" / name, metadata.to_bytes())
    return version


def signers_of(keys: Path, root: Root) -> Mapping[str, CryptoSigner]:
    """Returns what signs for each role; raises as `publish` does."""
    return {role: _signer(keys, role, root) for role in ONLINE}


def copy_roots(keys: Path, to: Path) -> Root:
    """Copies the versions of the root to a repository, and returns the newest; raises ValueError if it has another."""
    roots = root_files(keys)
    first = to / "metadata" / roots[0].name
    if first.exists() and first.read_bytes() != roots[0].read_bytes():
        raise ValueError(f"{to}: Expected a repository of {roots[0]}. Received one with another root")
    for path in roots:
        write_whole(to / "metadata" / path.name, path.read_bytes())
    try:
        return Metadata[Root].from_bytes(roots[-1].read_bytes()).signed
    except RepositoryError as error:
        raise ValueError(f"{roots[-1]}: Expected a root. {error}") from error


def _signer(keys: Path, role: str, root: Root) -> CryptoSigner:
    path = key_file(keys, role)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: Expected the key of {role}. Found none")
    public = root.keys[root.roles[role].keyids[0]]
    return CryptoSigner.from_priv_key_uri(f"file2:{path.resolve()}", public)


def newest_version(to: Path) -> int:
    """Returns the version of what a repository has; 0 if it has nothing yet."""
    path = to / "metadata" / "timestamp.json"
    return Metadata[Timestamp].from_file(str(path)).signed.version if path.exists() else 0


def _write_targets(release: SignedRelease, to: Path) -> dict[str, TargetFile]:
    custom = json.loads(json.dumps(dataclasses.asdict(release.record)))
    targets = {}
    for name, content in release.files.items():
        target = TargetFile.from_data(name, content, ["sha256"])
        target.unrecognized_fields["custom"] = custom
        write_whole(to / "targets" / f"{target.hashes['sha256']}.{name}", content)
        targets[name] = target
    return targets
