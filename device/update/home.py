"""The folder of a device's releases: which there are, which is `current`, and which was before it.

root.json             the root of trust that the device was provisioned with
metadata/             TUF's cache
floor.json            the versions below which nothing is taken
trial-<release>.json  how the trial of a release stands, until it is good
bad.json              the releases that failed here
rolled_back.json      the release that `rollback` left last
device.json           this device's id, if neither an option nor the machine gives one
releases/<sha256>/    a release, named after `release_sha256`
current, previous     links to releases; `current` is the model's folder for `--model`
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from ..files.sha256 import sha256_hex
from .durable import link_durable, make_durable, sync
from .refused import ReleaseRefusedError
from .release import release_of


@dataclass(frozen=True)
class Home:
    """The folder `path`, and the places in it."""

    path: Path

    @property
    def root(self) -> Path:
        return self.path / "root.json"

    @property
    def metadata(self) -> Path:
        return self.path / "metadata"

    @property
    def floor(self) -> Path:
        return self.path / "floor.json"

    @property
    def bad(self) -> Path:
        return self.path / "bad.json"

    @property
    def rolled_back(self) -> Path:
        return self.path / "rolled_back.json"

    @property
    def device(self) -> Path:
        return self.path / "device.json"

    @property
    def releases(self) -> Path:
        return self.path / "releases"

    @property
    def current(self) -> Path:
        return self.path / "current"

    @property
    def previous(self) -> Path:
        return self.path / "previous"

    def trial(self, release: str) -> Path:
        """Returns the place of the trial of a release."""
        return self.path / f"trial-{release}.json"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Makes the folder if it is missing and keeps other processes from changing it.

        Raises BlockingIOError if another process is doing so, and OSError if the folder cannot be made.
        """
        if not self.releases.exists():
            make_durable(self.path)
            self.releases.mkdir(exist_ok=True)
        lock = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # A process before this one may have been killed before it had waited for the disk.
            sync([self.path, self.releases])
            yield
        except BlockingIOError as error:
            raise BlockingIOError(f"{self.path}: Expected no other installation. One is running") from error
        finally:
            os.close(lock)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Waits until no other process changes `current` or what is remembered of releases.

        Raises FileNotFoundError if nothing was ever installed.
        """
        lock = os.open(self.releases, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def installed(self) -> tuple[str, ...]:
        """Returns the SHA-256 of each release that is here."""
        return tuple(sorted(path.name for path in self.releases.glob("[!.]*") if path.is_dir()))

    def linked(self, link: Path) -> str | None:
        """Returns the SHA-256 of the release that `current` or `previous` leads to; None if there is none."""
        return link.readlink().name if link.is_symlink() else None

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """Gives an empty folder for a release's files; what is left in it at the end is deleted."""
        folder = self.releases / ".unfinished"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def keep(self, staged: Path) -> str:
        """Moves a folder's files, once they have reached the disk, to a release of its own; returns its name."""
        sync([*staged.iterdir(), staged])
        sha256 = release_sha256(staged)
        # A folder of this name may have been changed or half deleted. It may be the current one, so it stays for now.
        names = (self.releases / f"{sha256}{suffix}" for suffix in chain([""], map("-{}".format, count(1))))
        place = next(path for path in names if not path.exists() or release_sha256(path) == sha256)
        if not place.exists():
            staged.rename(place)
        sync([self.releases])
        return place.name

    def switch(self, sha256: str, *, keep_previous: bool = False) -> None:
        """Makes a release `current` in one step; the one before it becomes `previous`.

        If `keep_previous`, it does not, unless there is none or it is this release.
        """
        before = self.linked(self.current)
        if before == sha256:
            return
        kept = keep_previous and self.previous.is_dir() and self.linked(self.previous) != sha256
        if before is not None and not kept:
            link_durable(self.previous, f"releases/{before}")
        link_durable(self.current, f"releases/{sha256}")

    def back(self) -> str:
        """Returns the SHA-256 of the release to go back to; raises ReleaseRefusedError if there is none."""
        previous = self.linked(self.previous)
        if previous is None or previous == self.linked(self.current) or not self.previous.is_dir():
            raise ReleaseRefusedError(f"{self.path}: Expected a release before the current one. Found none")
        return previous

    def prune(self) -> None:
        """Deletes all releases but `current` and `previous`."""
        for sha256 in {*self.installed()} - {self.linked(self.current), self.linked(self.previous)}:
            self.trial(sha256).unlink(missing_ok=True)
            shutil.rmtree(self.releases / sha256)


def release_sha256(folder: Path) -> str:
    """Returns a release's own SHA-256, by the files in its folder."""
    return release_of({path.name: sha256_hex(path.read_bytes()) for path in folder.iterdir()})
