"""Goes back to the release before the current one, without a network and without TUF."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ..contract.answers import Answers
from .home import Home
from .state import read_state, write_state

# Raises ReleaseRefusedError unless the model in a folder answers its golden inputs, and as known where that is known.
SelfTest: TypeAlias = Callable[[Path, tuple[Answers, ...]], None]


@dataclass(frozen=True)
class RolledBack:
    """The release that `roll_back` left."""

    release: str


def roll_back(home: Home, self_test: SelfTest) -> str:
    """Makes the release before the current one `current`, and returns its SHA-256. It needs no source.

    Raises ReleaseRefusedError if there is none or it no longer passes its self-test.
    """
    with home.locked():
        sha256 = home.back()
        # Its exact answers are in what was signed, which is gone; it was held to them when it was installed.
        self_test(home.releases / sha256, ())
        with home.changing():
            left = home.linked(home.current)
            if left is not None:
                write_state(home.rolled_back, RolledBack(left))
            home.switch(sha256)
    return sha256


def rolled_back(home: Home) -> str | None:
    """Returns the name of the release that `roll_back` left last; None if there is none, or it is current again."""
    left = read_state(RolledBack, home.rolled_back)
    return None if left is None or left.release == home.linked(home.current) else left.release
