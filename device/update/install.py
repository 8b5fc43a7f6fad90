"""Installs a signed release."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..contract.manifest import MANIFEST_NAME, read_manifest
from .hardware import Hardware
from .home import Home
from .refused import ReleaseRefusedError
from .release import NAMES, ReleaseRecord, read_record, release_of
from .roll_out import RollOut
from .rollback import SelfTest
from .trial import is_bad, put_on_trial
from .trust import Trust, anchor_of, keep_anchor


@dataclass(frozen=True)
class Source:
    """Where a release comes from, a folder or an address, and whom a device without a root trusts from then on.

    `allow_bad` takes a release that failed on this device before.
    """

    place: str
    root: Path | None
    allow_development: bool
    allow_bad: bool = False


def install(source: Source, home: Home, hardware: Hardware, roll_out: RollOut, self_test: SelfTest) -> str:
    """Makes the release of a source `current`, on trial, and returns the name of its folder.

    The steps: check what is signed, write it beside the others, test it there, and only then change the link.

    Raises ReleaseRefusedError if the release is refused, NotYetError if it is not for this device yet, OSError if the
    source or `home` cannot be read or written, and ValueError if the root of trust is missing or another than at the
    first installation.
    """
    with home.locked():
        anchor = anchor_of(home, source.root)
        trust = Trust(source.place, home, anchor, allow_development=source.allow_development)
        keep_anchor(home, anchor)
        record = _record(trust)
        hardware.check(record)
        names = (*NAMES, record.model)
        sha256 = release_of({name: trust.sha256(name) for name in names})
        roll_out.check(record, sha256)
        if not source.allow_bad and is_bad(home, sha256):
            raise ReleaseRefusedError(
                f"{record.name} {record.version} failed on this device before: --allow-bad tries it again"
            )
        with home.staging() as staged:
            for name in names:
                trust.download(name, staged)
            _check_manifest(staged, record)
            self_test(staged, record.answers)
            release = home.keep(staged)
        put_on_trial(home, release)
        home.prune()
    return release


def _record(trust: Trust) -> ReleaseRecord:
    try:
        return read_record(trust.target(MANIFEST_NAME).custom)
    except ValueError as error:
        raise ReleaseRefusedError(str(error)) from error


def _check_manifest(folder: Path, record: ReleaseRecord) -> None:
    try:
        manifest = read_manifest(folder)
    except ValueError as error:
        raise ReleaseRefusedError(str(error)) from error
    described = (manifest.name, manifest.version, manifest.file.name)
    if described != (record.name, record.version, record.model):
        signed = f"{record.name} {record.version}, {record.model}"
        raise ReleaseRefusedError(f"Expected the manifest of {signed}. Received: {', '.join(described)}")
