"""The versions below which a device takes nothing. They outlive TUF's cache, which may be emptied."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .refused import ReleaseRefusedError
from .state import read_state, write_state


@dataclass(frozen=True)
class Floor:
    """The versions of TUF's roles `root` and `targets`, and the ids of the keys of `targets`."""

    root: int
    targets: int
    keys: tuple[str, ...]

    def check(self, new: Floor) -> None:
        """Raises ReleaseRefusedError if `new` is older.

        A newer root that names other keys for `targets` may begin its versions again: who had the earlier keys may
        have signed a version that no other can exceed (a fast-forward attack).
        """
        if new.root < self.root:
            raise ReleaseRefusedError(f"Expected root version {self.root} or later. Received: {new.root}")
        replaced = new.root > self.root and new.keys != self.keys
        if new.targets < self.targets and not replaced:
            raise ReleaseRefusedError(f"Expected targets version {self.targets} or later. Received: {new.targets}")


def raise_floor(path: Path, new: Floor) -> None:
    """Keeps new versions, once they are checked against the earlier ones; raises ReleaseRefusedError if older."""
    earlier = read_state(Floor, path)
    if earlier is not None:
        earlier.check(new)
    if earlier != new:
        write_state(path, new)
