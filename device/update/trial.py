"""A release on trial: good once enough was read with it; three failed starts bring back the one before it.

Source: https://rauc.readthedocs.io/en/latest/integration.html#bootchooser, whose boot counter this is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from .durable import link_durable, sync
from .home import Home
from .state import read_state, write_state

GOOD_READINGS = 10
MAX_FAILED_STARTS = 3


@dataclass(frozen=True)
class Trial:
    """A release that is not yet known to be good: how often it was started in vain, and what was read with it."""

    release: str
    failed_starts: int = 0
    readings: int = 0


@dataclass(frozen=True)
class BadReleases:
    """The SHA-256 of releases that failed on this device."""

    releases: tuple[str, ...] = ()


def trial_of(home: Home) -> Trial | None:
    """Returns the trial of the current release; None if it is good. Raises ValueError if the file cannot be read."""
    release = home.linked(home.current)
    return None if release is None else read_state(Trial, home.trial(release))


def is_bad(home: Home, sha256: str) -> bool:
    """Returns whether a release failed here, and is not the current one, which is tried again."""
    return sha256 in bad_releases(home) and sha256 != sha256_of(home.linked(home.current) or "")


def bad_releases(home: Home) -> tuple[str, ...]:
    """Returns the SHA-256 of the releases that failed here."""
    return (read_state(BadReleases, home.bad) or BadReleases()).releases


def put_on_trial(home: Home, release: str) -> None:
    """Makes a release `current`, and puts it on trial. One that is on trial itself does not become `previous`."""
    with home.changing():
        if home.linked(home.current) == release:
            return
        # Before the link: after it, no release is without.
        write_state(home.trial(release), Trial(release))
        home.switch(release, keep_previous=trial_of(home) is not None)


class Start:
    """One process's start with the current release."""

    def __init__(self, home: Home, *, counts: bool = True) -> None:
        """Goes back first if the release has failed too often, and counts a start that has failed until it ends well.

        It does neither if it does not count.

        Raises FileNotFoundError if no release is installed, and OSError if the folder cannot be written.
        """
        self._home = home
        self._readings = 0
        with home.changing():
            trial = trial_of(home) if counts else None
            if trial is not None and trial.failed_starts >= MAX_FAILED_STARTS and _went_back(home, trial):
                trial = None
            release = home.linked(home.current)
            if release is None:
                raise FileNotFoundError(f"{home.path}: Expected an installed release. Found none")
            self.release = release
            self._trial = trial
            if trial is not None:
                write_state(home.trial(release), replace(trial, failed_starts=trial.failed_starts + 1))

    @property
    def folder(self) -> Path:
        """The release's folder."""
        return self._home.releases / self.release

    def count_reading(self) -> None:
        """Counts something that was read, and ends the trial with the last one that it takes."""
        if self._trial is None:
            return
        self._readings += 1
        if self._trial.readings + self._readings >= GOOD_READINGS:
            self._trial = None
            with self._home.changing():
                if trial_of(self._home) is not None and self._is_current:
                    _forgive(self._home, self.release)
                    _end(self._home, self.release)

    def end(self) -> None:
        """Says that the process ended as it should: what it read counts, and its start has not failed."""
        if self._trial is None:
            return
        with self._home.changing():
            if self._is_current:
                trial = replace(self._trial, readings=self._trial.readings + self._readings)
                write_state(self._home.trial(self.release), trial)
        self._trial = None

    @property
    def _is_current(self) -> bool:
        return self._home.linked(self._home.current) == self.release


def sha256_of(release: str) -> str:
    """Returns the SHA-256 in the name of a release's folder."""
    return release.partition("-")[0]


def _went_back(home: Home, trial: Trial) -> bool:
    """Goes back to the release before, if there is one that has not failed; remembers this one as bad."""
    before = home.linked(home.previous)
    if before in (None, trial.release) or not home.previous.is_dir() or is_bad(home, sha256_of(str(before))):
        return False
    # The power may have failed after this line.
    bad = dict.fromkeys((*bad_releases(home), sha256_of(trial.release)))
    write_state(home.bad, BadReleases(tuple(bad)))
    # Without `switch`: `previous` must not lead to what failed.
    link_durable(home.current, f"releases/{before}")
    _end(home, trial.release)
    return True


def _forgive(home: Home, release: str) -> None:
    bad = bad_releases(home)
    forgiven = tuple(each for each in bad if each != sha256_of(release))
    if forgiven != bad:
        write_state(home.bad, BadReleases(forgiven))


def _end(home: Home, release: str) -> None:
    home.trial(release).unlink(missing_ok=True)
    sync([home.path])
